import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { testPlatform } from '../../main/database/testStore.ts';
import { openSafeStorage, type SafeStorage } from '../../main/hosts/electron/safeStorageSecrets.ts';
import { FakeElectron } from './fakeElectron.ts';

let home: string;
let electron: FakeElectron;
let logged: string[];
const failure = (code: string) => expect.objectContaining({ code });
const { signal } = new AbortController();
const secret = 'salus-unlock-1 01890a5d-ac96-774b-bcce-b302099a8057 aaaa';
beforeEach(() => {
  home = mkdtempSync(path.join(tmpdir(), 'salus-safe-'));
  electron = new FakeElectron();
  logged = [];
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

/** What the typings of electron have and nothing else, as the host's own fake. */
const open = (platform: NodeJS.Platform = 'linux') =>
  openSafeStorage(
    electron.module()['safeStorage'] as SafeStorage,
    home,
    testPlatform(home, Date.now, logged).log,
    platform,
  );

describe('the unlock key in Electron’s safeStorage', () => {
  it('is kept encrypted, for this account alone, and taken away again', async () => {
    const place = open();
    expect(await place.problem(signal)).toBeNull();
    expect(await place.read('store', signal)).toBeNull();
    await place.keep?.write('store', secret, signal);
    const file = path.join(home, 'unattended.safe');
    expect(readFileSync(file, 'utf8')).not.toContain(secret);
    if (process.platform !== 'win32') expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(await open().read('store', signal)).toBe(secret);
    await place.keep?.remove('store', signal);
    expect(await place.read('store', signal)).toBeNull();
    await place.keep?.remove('store', signal);
  });

  it('is refused where the system has no keychain and safeStorage would fall back to plain text', async () => {
    await open().keep?.write('store', secret, signal);
    electron.keychain = 'basic_text';
    expect(await open().problem(signal)).toBe('plainText');
    await expect(open().keep?.write('store', secret, signal)).rejects.toEqual(
      failure('security.unattendedPlaceUnavailable'),
    );
    await expect(open().read('store', signal)).rejects.toEqual(failure('security.unattendedPlaceUnavailable'));
    // macOS and Windows have one keychain, and no such question.
    expect(await open('darwin').problem(signal)).toBeNull();
    electron.keychain = 'locked';
    expect(await open('darwin').problem(signal)).toBe('notAnswering');
  });

  it('is told from one that another keychain encrypted, and follows a keychain that changes its key', async () => {
    await open().keep?.write('store', secret, signal);
    electron.keychainKey = 'another account';
    await expect(open().read('store', signal)).rejects.toEqual(failure('security.unattendedSecretWrong'));
    writeFileSync(path.join(home, 'unattended.safe'), `rotated away|${Buffer.from(secret).toString('base64')}`);
    expect(await open().read('store', signal)).toBe(secret);
    expect(readFileSync(path.join(home, 'unattended.safe'), 'utf8')).toMatch(/^another account\|/);
  });

  it('opens with a key that cannot be encrypted anew, and says so', async () => {
    const file = path.join(home, 'unattended.safe');
    const old = `rotated away|${Buffer.from(secret).toString('base64')}`;
    writeFileSync(file, old);
    // What a write needs first is not to be had, as on a full disk.
    mkdirSync(`${file}.new`);
    expect(await open().read('store', signal)).toBe(secret);
    expect(readFileSync(file, 'utf8')).toBe(old);
    expect(logged.join()).toContain('could not be encrypted anew');
    expect(logged.join()).not.toContain(secret);
    rmSync(`${file}.new`, { recursive: true });
    expect(await open().read('store', signal)).toBe(secret);
    expect(readFileSync(file, 'utf8')).not.toBe(old);
  });

  it('says what the folder refuses as a failure that has a text', async () => {
    const file = path.join(home, 'unattended.safe');
    mkdirSync(path.join(`${file}.new`, 'full'), { recursive: true });
    const unavailable = failure('security.unattendedPlaceUnavailable');
    await expect(open().keep?.write('store', secret, signal)).rejects.toEqual(unavailable);
    await expect(open().keep?.remove('store', signal)).rejects.toEqual(unavailable);
  });

  it.each(['en', 'fr'])('is named where it is left behind (%s)', (language) => {
    const file = path.join(import.meta.dirname, `../../resources/locales/${language}/unattended.json`);
    const { leftPlaces } = JSON.parse(readFileSync(file, 'utf8')) as { leftPlaces: Record<string, string> };
    expect(leftPlaces['safeStorage']).toContain('unattended.safe');
  });
});
