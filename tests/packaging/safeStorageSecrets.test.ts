import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openSafeStorage, type SafeStorage } from '../../main/hosts/electron/safeStorageSecrets.ts';
import { FakeElectron } from './fakeElectron.ts';

let home: string;
let electron: FakeElectron;
const failure = (code: string) => expect.objectContaining({ code });
const { signal } = new AbortController();
const secret = 'salus-unlock-1 01890a5d-ac96-774b-bcce-b302099a8057 aaaa';
beforeEach(() => {
  home = mkdtempSync(path.join(tmpdir(), 'salus-safe-'));
  electron = new FakeElectron();
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

/** What the typings of electron have and nothing else, as the host's own fake. */
const open = (platform: NodeJS.Platform = 'linux') =>
  openSafeStorage(electron.module()['safeStorage'] as SafeStorage, home, platform);

describe('the unlock key in Electron’s safeStorage', () => {
  it('is kept encrypted, for this account alone, and taken away again', async () => {
    const place = open();
    expect(await place.problem()).toBeNull();
    expect(await place.read('store', signal)).toBeNull();
    await place.keep?.write('store', secret);
    const file = path.join(home, 'unattended.safe');
    expect(readFileSync(file, 'utf8')).not.toContain(secret);
    if (process.platform !== 'win32') expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(await open().read('store', signal)).toBe(secret);
    await place.keep?.remove('store');
    expect(await place.read('store', signal)).toBeNull();
    await place.keep?.remove('store');
  });

  it('is refused where the system has no keychain and safeStorage would fall back to plain text', async () => {
    await open().keep?.write('store', secret);
    electron.keychain = 'basic_text';
    expect(await open().problem()).toBe('plainText');
    await expect(open().keep?.write('store', secret)).rejects.toEqual(failure('security.unattendedPlaceUnavailable'));
    await expect(open().read('store', signal)).rejects.toEqual(failure('security.unattendedPlaceUnavailable'));
    // macOS and Windows have one keychain, and no such question.
    expect(await open('darwin').problem()).toBeNull();
    electron.keychain = 'locked';
    expect(await open('darwin').problem()).toBe('notAnswering');
  });

  it('is told from one that another keychain encrypted, and follows a keychain that changes its key', async () => {
    await open().keep?.write('store', secret);
    electron.keychainKey = 'another account';
    await expect(open().read('store', signal)).rejects.toEqual(failure('security.unattendedSecretWrong'));
    writeFileSync(path.join(home, 'unattended.safe'), `rotated away|${Buffer.from(secret).toString('base64')}`);
    expect(await open().read('store', signal)).toBe(secret);
    expect(readFileSync(path.join(home, 'unattended.safe'), 'utf8')).toMatch(/^another account\|/);
  });
});
