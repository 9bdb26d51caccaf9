import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { build } from 'esbuild';
import { beforeAll, describe, expect, it } from 'vitest';
import { root } from '../../scripts/setup.mjs';
import { readElectronTypings } from './electronTypings.ts';

type Listener = (event: Record<string, unknown>) => void;

let code: string;

beforeAll(async () => {
  const built = await build({
    entryPoints: [path.join(root, 'preload', 'bridge.ts')],
    bundle: true,
    write: false,
    format: 'cjs',
    platform: 'node',
    external: ['electron'],
  });
  code = built.outputFiles[0]?.text ?? '';
});

/** Runs the bundled preload as a sandboxed one runs: `require` knows electron alone, and only what is typed of it. */
function loadPreload() {
  const sent: unknown[][] = [];
  const posted: unknown[][] = [];
  const ipc = new Map<string, Listener>();
  const page = new Map<string, Listener>();
  const typed = readElectronTypings().typeOf('IpcRenderer').members;
  const ipcRenderer = new Proxy(
    {
      on: (channel: string, listener: Listener) => void ipc.set(channel, listener),
      send: (...args: unknown[]) => void sent.push(args),
    } as Record<string, unknown>,
    {
      get(target, name) {
        if (typeof name === 'symbol' || !typed.has(name) || !(name in target))
          throw new Error(`ipcRenderer.${String(name)} is not played`);
        return target[name];
      },
    },
  );
  const window = {
    location: { origin: 'salus://app' },
    addEventListener: (name: string, listener: Listener) => void page.set(name, listener),
    postMessage: (...args: unknown[]) => void posted.push(args),
  };
  const require = (name: string) => {
    if (name !== 'electron') throw new Error(`a sandboxed preload can't require ${name}`);
    return { ipcRenderer };
  };
  new Function('require', 'window', 'module', 'exports', code)(require, window, { exports: {} }, {});
  return { sent, posted, ipc, page, window };
}

describe('the preload', () => {
  it('asks the host for a port when the page asks, and only then', () => {
    const { sent, page, window } = loadPreload();
    expect(sent).toEqual([]);
    page.get('message')?.({ source: window, data: 'salus:connect' });
    expect(sent).toEqual([['salus:connect']]);
  });

  it('ignores other messages and other windows', () => {
    const { sent, page, window } = loadPreload();
    page.get('message')?.({ source: {}, data: 'salus:connect' });
    page.get('message')?.({ source: window, data: 'salus:port' });
    page.get('message')?.({ source: window, data: { type: 'salus:connect' } });
    expect(sent).toEqual([]);
  });

  it('hands the one port to the page, and to its own origin', () => {
    const { posted, ipc } = loadPreload();
    const port = { port: 1 };
    ipc.get('salus:port')?.({ ports: [port] });
    expect(posted).toEqual([['salus:port', 'salus://app', [port]]]);
    ipc.get('salus:port')?.({ ports: [] });
    expect(posted).toHaveLength(1);
  });

  it('is short and exposes nothing on the page', async () => {
    const source = await readFile(path.join(root, 'preload', 'bridge.ts'), 'utf8');
    expect(source.split('\n').length).toBeLessThan(60);
    expect(source).not.toMatch(/contextBridge|exposeInMainWorld/);
  });
});
