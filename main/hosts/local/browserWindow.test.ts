import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { browserArguments, findBrowser, openBrowserWindow, whyNoWindow } from './browserWindow.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'salus-browser-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** A program that notes its arguments and the mode of its profile, then behaves as told. */
function makeProgram(name: string, script: string): string {
  const file = path.join(folder, name);
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o755);
  return file;
}

describe.skipIf(process.platform === 'win32')('opening a window', () => {
  it('uses a private profile that is gone after the window', async () => {
    const note = path.join(folder, 'note');
    const program = makeProgram(
      'chromium',
      `for a in "$@"; do case "$a" in --user-data-dir=*) p="\${a#--user-data-dir=}";; esac; done
       { stat -c %a "$p" 2>/dev/null || stat -f %Lp "$p"; echo "$p"; printf '%s\\n' "$@"; } > '${note}'; : > "$p/History"`,
    );
    const window = openBrowserWindow(program, 'http://127.0.0.1:1/#token=x');
    expect(await window.closed).toBe(true);
    const [mode, profile = '', ...given] = readFileSync(note, 'utf8').trim().split('\n');
    expect(mode).toBe('700');
    expect(existsSync(profile)).toBe(false);
    expect(given).toEqual(browserArguments('http://127.0.0.1:1/#token=x', profile));
  });

  it('tells a window that never opened from one that was closed', async () => {
    expect(await openBrowserWindow(makeProgram('broken', 'exit 7'), 'http://127.0.0.1:1/').closed).toBe(false);
    const window = openBrowserWindow(makeProgram('patient', 'exec sleep 30'), 'http://127.0.0.1:1/');
    window.close();
    await window.closed;
  });

  it('never asks for a window without a sandbox, and keeps nothing on the disk', () => {
    const given = browserArguments('http://127.0.0.1:1/', folder);
    expect(given.join(' ')).not.toContain('no-sandbox');
    expect(given).toEqual(
      expect.arrayContaining(['--incognito', '--disable-breakpad', '--disable-sync', '--disk-cache-size=1']),
    );
  });
});

describe.skipIf(process.platform === 'win32')('whether a window can be opened', () => {
  it('finds a browser on the path, and says why not', () => {
    const environment = { PATH: `relative:${folder}`, DISPLAY: ':0' };
    expect(findBrowser(environment, 'linux')).toBeUndefined();
    expect(whyNoWindow(environment, 'linux', 1000)).toMatch(/no Chromium/);
    writeFileSync(path.join(folder, 'chromium'), 'not a program');
    expect(findBrowser(environment, 'linux')).toBeUndefined();
    const program = makeProgram('chromium', 'exit 0');
    expect(findBrowser(environment, 'linux')).toBe(program);
    expect(whyNoWindow(environment, 'linux', 1000)).toBeUndefined();
    expect(whyNoWindow({ PATH: folder }, 'linux', 1000)).toMatch(/no display/);
    expect(whyNoWindow(environment, 'linux', 0)).toMatch(/root/);
    expect(statSync(program).mode & 0o100).toBeTruthy();
  });
});
