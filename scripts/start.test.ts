import { describe, expect, it } from 'vitest';
import { chooseHost, hasDisplay } from './start.mjs';

const electron = async () => ({ program: '/somewhere/electron' });
const unreachable = async () => ({ missing: 'the Electron binary could not be fetched (not within 10 s)' });
const never = () => Promise.reject(new Error('Electron was looked for'));

describe('which shell npm start opens', () => {
  it('Electron where there is a display and its binary', async () => {
    expect(await chooseHost({ display: true, asRoot: false, wish: undefined, electron })).toMatchObject({
      kind: 'electron',
      program: '/somewhere/electron',
    });
  });

  it('a window on the local host where the binary is out of reach, and says why', async () => {
    expect(await chooseHost({ display: true, asRoot: false, wish: undefined, electron: unreachable })).toEqual({
      kind: 'local',
      open: true,
      reason: 'the Electron binary could not be fetched (not within 10 s)',
    });
  });

  it('no window without a display', async () => {
    expect(await chooseHost({ display: false, asRoot: false, wish: 'electron', electron: never })).toMatchObject({
      kind: 'local',
      open: false,
    });
  });

  it('no window as root, even where one is wished for', async () => {
    expect(await chooseHost({ display: true, asRoot: true, wish: 'electron', electron: never })).toMatchObject({
      kind: 'local',
      open: false,
    });
  });

  it('the local host when asked for', async () => {
    expect(await chooseHost({ display: true, asRoot: false, wish: 'local', electron: never })).toMatchObject({
      kind: 'local',
      open: true,
    });
  });

  it('a display is X11 or Wayland on Linux, and always there on Windows and macOS', () => {
    expect(hasDisplay('linux', {})).toBe(false);
    expect(hasDisplay('linux', { DISPLAY: ':0' })).toBe(true);
    expect(hasDisplay('linux', { WAYLAND_DISPLAY: 'wayland-0' })).toBe(true);
    expect(hasDisplay('win32', {})).toBe(true);
    expect(hasDisplay('darwin', {})).toBe(true);
  });
});
