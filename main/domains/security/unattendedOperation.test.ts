import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Failure } from '../../../app/shared/failure.ts';
import { createStoreHolder, type StoreHolder } from '../../database/storeHolder.ts';
import { testPlatform } from '../../database/testStore.ts';
import { keyringPaths, readKeyring } from '../../keyring/keyringFile.ts';
import { unlockWithSecret } from '../../keyring/unattended.ts';
import { openCredentialDirectory } from '../../platform/credentialDirectory.ts';
import type { SecretStore } from '../../platform/platform.ts';
import { openSecretService } from '../../platform/secretService.ts';
import { writeSecretTool } from '../../platform/testSecretTool.ts';
import { openUnattendedOperation, type UnattendedOperation } from './unattendedOperation.ts';

const operatorName = 'first';
const password = 'a long enough password';
const stretchCost = { memoryKib: 256, iterations: 1, parallelism: 1 };
const failure = (code: string) => expect.objectContaining({ code });

let folder: string;
let tool: string;
let logged: string[];
let holder: StoreHolder;
let operation: UnattendedOperation;
let author: { operatorId: string; operatorName: string };
const home = () => join(folder, 'home');
const places = (): SecretStore[] => [openCredentialDirectory(home(), ''), openSecretService(tool)];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'salus-unattended-'));
  tool = writeSecretTool(folder);
  logged = [];
  await open();
  const { operatorId } = await holder.setUp({ operatorName, password, siteName: '', initialise: () => undefined });
  author = { operatorId, operatorName };
});
afterEach(async () => {
  vi.restoreAllMocks();
  rmSync(`${tool}.slow`, { force: true });
  await operation.close();
  await holder.close();
  rmSync(folder, { recursive: true, force: true });
});

async function open(secretStores = places()): Promise<void> {
  holder = await createStoreHolder({ ...testPlatform(home(), Date.now, logged), secretStores }, { stretchCost });
  operation = openUnattendedOperation(holder, () => undefined);
}
const opens = (secret: string): boolean => {
  try {
    return unlockWithSecret(readKeyring(home()).keyring, secret).length === 32;
  } catch (error) {
    if (error instanceof Failure) return false;
    throw error;
  }
};
const credential = (name: string) => join(folder, name);
const keptByTool = () => `${tool}.application_salus_store_${holder.siteId()}`;
const audit = () =>
  holder
    .store()
    .reader.all<{ action: string; outcome: string }>(
      "SELECT action, outcome FROM audit_entry WHERE action LIKE '%nattended' ORDER BY sequence",
    )
    .map(({ action, outcome }) => `${action} ${outcome}`);

describe.skipIf(process.platform === 'win32')('unattended operation that is on already', () => {
  it('stays on with its key where no other place takes one', async () => {
    await operation.turnOn(author, 'credential', credential('first'));
    const key = readFileSync(credential('first'), 'utf8');
    writeFileSync(`${tool}.full`, '');
    await expect(operation.turnOn(author, 'secretService', '')).rejects.toEqual(
      failure('security.unattendedPlaceUnavailable'),
    );
    await expect(operation.turnOn(author, 'credential', join(folder, 'none', 'key'))).rejects.toEqual(
      failure('security.unattendedFileUnwritable'),
    );
    await expect(operation.turnOn(author, 'credential', credential('first'))).rejects.toEqual(
      failure('security.unattendedFileExists'),
    );
    expect(operation.chosen()).toMatchObject({ kind: 'credential' });
    expect(readFileSync(credential('first'), 'utf8')).toBe(key);
    expect(opens(key)).toBe(true);
    expect(audit()).toEqual(['security.turnOnUnattended success']);
  });

  it('keeps the key that a new one in the same place was to replace', async () => {
    await operation.turnOn(author, 'secretService', '');
    const key = readFileSync(keptByTool(), 'utf8');
    writeFileSync(`${tool}.full`, '');
    await expect(operation.turnOn(author, 'secretService', '')).rejects.toEqual(
      failure('security.unattendedPlaceUnavailable'),
    );
    rmSync(`${tool}.full`);
    expect(opens(readFileSync(keptByTool(), 'utf8'))).toBe(true);
    vi.spyOn(holder.store().gate, 'record').mockImplementationOnce(() => {
      throw new Failure('storage.diskFull', 'no space left');
    });
    await expect(operation.turnOn(author, 'secretService', '')).rejects.toEqual(failure('storage.diskFull'));
    expect(readFileSync(keptByTool(), 'utf8')).toBe(key);
    expect(opens(key)).toBe(true);
  });

  it('keeps the key, and leaves no new one behind, where the keyring cannot be written', async () => {
    await operation.turnOn(author, 'secretService', '');
    const key = readFileSync(keptByTool(), 'utf8');
    const [keyring] = keyringPaths(home());
    mkdirSync(`${keyring}.new`);
    await expect(operation.turnOn(author, 'secretService', '')).rejects.toThrow();
    await expect(operation.turnOn(author, 'credential', credential('second'))).rejects.toThrow();
    rmSync(`${keyring}.new`, { recursive: true });
    expect(readFileSync(keptByTool(), 'utf8')).toBe(key);
    expect(opens(key)).toBe(true);
    expect(existsSync(credential('second'))).toBe(false);
  });

  it('keeps the new key where one copy of the keyring is for it', async () => {
    await operation.turnOn(author, 'secretService', '');
    const [, copy] = keyringPaths(home());
    mkdirSync(`${copy}.new`);
    await expect(operation.turnOn(author, 'secretService', '')).rejects.toThrow();
    rmSync(`${copy}.new`, { recursive: true });
    expect(opens(readFileSync(keptByTool(), 'utf8'))).toBe(true);
  });

  it('moves its key: the earlier one is taken away, or it is said where it was left', async () => {
    expect(await operation.turnOn(author, 'credential', credential('first'))).toBeNull();
    const first = readFileSync(credential('first'), 'utf8');
    expect(await operation.turnOn(author, 'secretService', '')).toBe('credential');
    const second = readFileSync(keptByTool(), 'utf8');
    expect([opens(first), opens(second)]).toEqual([false, true]);
    expect(await operation.turnOn(author, 'secretService', '')).toBeNull();
    const third = readFileSync(keptByTool(), 'utf8');
    expect([opens(second), opens(third), third.split('\n')]).toEqual([false, true, [third]]);
    expect(await operation.turnOn(author, 'credential', credential('fourth'))).toBeNull();
    expect(existsSync(keptByTool())).toBe(false);
    expect(opens(readFileSync(credential('fourth'), 'utf8'))).toBe(true);
  });

  it('is switched on anew where its key is of no use any more', async () => {
    await operation.turnOn(author, 'secretService', '');
    writeFileSync(keptByTool(), 'something else');
    await operation.turnOn(author, 'secretService', '');
    expect(opens(readFileSync(keptByTool(), 'utf8'))).toBe(true);
    rmSync(keptByTool());
    await operation.turnOn(author, 'secretService', '');
    expect(opens(readFileSync(keptByTool(), 'utf8'))).toBe(true);
  });
});

describe.skipIf(process.platform === 'win32')('switching unattended operation off', () => {
  it('does not happen where it cannot be written down', async () => {
    await operation.turnOn(author, 'secretService', '');
    vi.spyOn(holder.store().gate, 'record').mockImplementationOnce(() => {
      throw new Failure('storage.diskFull', 'no space left');
    });
    await expect(operation.turnOff(author)).rejects.toEqual(failure('storage.diskFull'));
    expect(operation.chosen()).toMatchObject({ kind: 'secretService' });
    expect(opens(readFileSync(keptByTool(), 'utf8'))).toBe(true);
    expect(await operation.turnOff(author)).toBeNull();
    expect(operation.chosen()).toBeNull();
    expect(readdirSync(folder).filter((name) => name.includes('store_'))).toEqual([]);
  });

  it('is written down before its key is taken away, and counts whatever the place does then', async () => {
    let seen: string[] = [];
    let kept: string | null = null;
    const stubborn: SecretStore = {
      kind: 'safeStorage',
      problem: async () => null,
      read: async () => kept,
      keep: {
        write: async (_name, secret) => {
          kept = secret;
        },
        remove: async () => {
          seen = audit();
          throw Object.assign(new Error('permission denied'), { code: 'EACCES' });
        },
      },
    };
    await holder.close();
    await open([stubborn]);
    await holder.unlock(operatorName, password);
    await operation.turnOn(author, 'safeStorage', '');
    expect(await operation.turnOff(author)).toBe('safeStorage');
    expect(seen).toEqual(['security.turnOnUnattended success', 'security.turnOffUnattended success']);
    expect(audit()).toEqual(seen);
  });
});

describe.skipIf(process.platform === 'win32')('unattended operation beside people', () => {
  it('writes a failure down that comes after somebody signed in, and shows the open store', async () => {
    await operation.turnOn(author, 'secretService', '');
    await holder.close();
    await open();
    writeFileSync(`${tool}.slow`, '');
    writeFileSync(`${tool}.broken`, '');
    operation.begin();
    expect(operation.state()).toMatchObject({ state: 'opening' });
    await holder.unlock(operatorName, password);
    rmSync(`${tool}.slow`);
    await vi.waitFor(() => expect(operation.state()).toMatchObject({ on: true, state: 'idle', failure: null }), 20_000);
    expect(audit()).toEqual(['security.turnOnUnattended success', 'security.openUnattended refused']);
  });

  it('does not keep a core that stops waiting for a place that does not answer', { timeout: 60_000 }, async () => {
    const before = readFileSync(keyringPaths(home())[0] as string, 'utf8');
    // Its file exists once the program has been started.
    const isStoring = () => existsSync(`${tool}.calls`) && /^store /m.test(readFileSync(`${tool}.calls`, 'utf8'));
    writeFileSync(`${tool}.slowStore`, '');
    const turningOn = operation.turnOn(author, 'secretService', '');
    turningOn.catch(() => undefined);
    await vi.waitFor(() => expect(isStoring()).toBe(true), 20_000);
    const startedAt = Date.now();
    await operation.close();
    // The place itself is given 20 s.
    expect(Date.now() - startedAt).toBeLessThan(15_000);
    await expect(turningOn).rejects.toEqual(failure('security.unattendedPlaceUnavailable'));
    expect(readFileSync(keyringPaths(home())[0] as string, 'utf8')).toBe(before);
  });

  it('asks its places once for many windows, and anew after a while or a change', async () => {
    const looks = () => readFileSync(`${tool}.calls`, 'utf8').match(/^lookup .* probe$/gm)?.length ?? 0;
    const found = await operation.places();
    expect(found).toEqual([
      { kind: 'credential', problem: null },
      { kind: 'secretService', problem: null },
    ]);
    expect(await Promise.all([operation.places(), operation.places()])).toEqual([found, found]);
    expect(looks()).toBe(1);
    const clock = vi.spyOn(holder.platform.clock, 'nowMs').mockReturnValue(Date.now() + 60_000);
    await operation.places();
    expect(looks()).toBe(2);
    clock.mockRestore();
    await operation.turnOff(author);
    writeFileSync(`${tool}.broken`, '');
    expect(await operation.places()).toMatchObject([{ problem: null }, { problem: 'notAnswering' }]);
  });
});
