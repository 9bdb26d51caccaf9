import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openCredentialDirectory } from './credentialDirectory.ts';
import { openSecretService } from './secretService.ts';
import { writeSecretTool } from './testSecretTool.ts';

let folder: string;
const { signal } = new AbortController();
const failure = (code: string) => expect.objectContaining({ code });
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'salus-places-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe.skipIf(process.platform === 'win32')('a systemd credential', () => {
  const credential = () => join(folder, 'credentials', 'salus-unlock');
  const open = (home = join(folder, 'home')) => openCredentialDirectory(home, join(folder, 'credentials'));
  beforeEach(() => {
    mkdirSync(join(folder, 'home'));
    mkdirSync(join(folder, 'credentials'));
  });

  it('is read where systemd put it, and is none of ours to write', async () => {
    expect(await openCredentialDirectory(folder, undefined).read('store', signal)).toBeNull();
    expect(await open().read('store', signal)).toBeNull();
    writeFileSync(credential(), 'the secret\n', { mode: 0o400 });
    expect(await open().read('store', signal)).toBe('the secret\n');
    // An access list for the service's user shows as the group's bits.
    chmodSync(credential(), 0o440);
    expect(await open().read('store', signal)).toBe('the secret\n');
    expect(open().keep).toBeNull();
  });

  it('is refused where anybody can read it, beside the store, and where it is no key', async () => {
    writeFileSync(credential(), 'the secret\n');
    chmodSync(credential(), 0o644);
    await expect(open().read('store', signal)).rejects.toEqual(failure('security.unattendedSecretOpen'));
    chmodSync(credential(), 0o600);
    await expect(open(folder).read('store', signal)).rejects.toEqual(failure('security.unattendedBesideStore'));
    writeFileSync(credential(), 'x'.repeat(5000));
    await expect(open().read('store', signal)).rejects.toEqual(failure('security.unattendedSecretWrong'));
    rmSync(credential());
    mkdirSync(credential(), { mode: 0o700 });
    await expect(open().read('store', signal)).rejects.toMatchObject({ code: /^security\.unattended/ });
  });
});

describe.skipIf(process.platform === 'win32')('the Secret Service through secret-tool', () => {
  const program = () => join(folder, 'secret-tool');
  beforeEach(() => void writeSecretTool(folder));

  it('keeps a secret by name, and never sees it in arguments or environment', async () => {
    const place = openSecretService(program());
    expect(await place.problem(signal)).toBeNull();
    expect(await place.read('store-1', signal)).toBeNull();
    await place.keep?.write('store-1', 'the secret', signal);
    await place.keep?.write('store-2', 'another', signal);
    expect(await openSecretService(program()).read('store-1', signal)).toBe('the secret');
    await place.keep?.remove('store-1', signal);
    await place.keep?.remove('store-1', signal);
    expect(await place.read('store-1', signal)).toBeNull();
    expect(await place.read('store-2', signal)).toBe('another');
    const calls = readFileSync(`${program()}.calls`, 'utf8');
    expect(calls).toContain('store --label=Salus, unattended operation application salus store store-1');
    expect(calls).not.toContain('the secret');
  });

  it('says what is wrong where there is none', async () => {
    const missing = openSecretService(join(folder, 'no-such-program'));
    expect(await missing.problem(signal)).toBe('notInstalled');
    await expect(missing.read('store', signal)).rejects.toEqual(failure('security.unattendedPlaceUnavailable'));
    const place = openSecretService(program());
    writeFileSync(`${program()}.broken`, '');
    expect(await place.problem(signal)).toBe('notAnswering');
    const unavailable = failure('security.unattendedPlaceUnavailable');
    await expect(place.read('store', signal)).rejects.toEqual(unavailable);
    await expect(place.keep?.write('store', 'the secret', signal)).rejects.toEqual(unavailable);
    await expect(place.keep?.remove('store', signal)).rejects.toEqual(unavailable);
    expect(existsSync(`${program()}.application_salus_store_store`)).toBe(false);
  });

  it('loses no secret where the program is killed while another is to take its place', async () => {
    const place = openSecretService(program());
    await place.keep?.write('store', 'the first', signal);
    const kept = (name: string) => `${program()}.application_salus_store_${name}`;
    // secret-tool was started and got nothing to keep, once at each of the two places.
    writeFileSync(kept('store-next'), '');
    expect(await place.read('store', signal)).toBe('the first');
    writeFileSync(kept('store-next'), 'the second and the first');
    writeFileSync(kept('store'), '');
    expect(await place.read('store', signal)).toBe('the second and the first');
    await place.keep?.write('store', 'the third', signal);
    expect(await place.read('store', signal)).toBe('the third');
    expect(existsSync(kept('store-next'))).toBe(false);
    writeFileSync(kept('store-next'), 'left by a cut');
    await place.keep?.remove('store', signal);
    expect(await place.read('store', signal)).toBeNull();
  });

  it('is not waited for once the program stops', async () => {
    writeFileSync(program(), '#!/bin/sh\nexec sleep 600\n');
    const stopping = new AbortController();
    const reading = openSecretService(program()).read('store', stopping.signal);
    const writing = openSecretService(program()).keep?.write('store', 'the secret', stopping.signal);
    const looking = openSecretService(program()).problem(stopping.signal);
    stopping.abort();
    await expect(reading).rejects.toEqual(failure('security.unattendedPlaceUnavailable'));
    await expect(writing).rejects.toEqual(failure('security.unattendedPlaceUnavailable'));
    expect(await looking).toBe('notAnswering');
  });
});
