import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createStoreHolder, type StoreHolder } from './storeHolder.ts';
import { testPlatform } from './testStore.ts';

const stretchCost = { memoryKib: 256, iterations: 1, parallelism: 1 };
const failureOf = (code: string) => expect.objectContaining({ code });

describe('the store holder', () => {
  let root: string;
  let home: string;
  let holder: StoreHolder;
  const open = async () => {
    holder = await createStoreHolder(testPlatform(home, Date.now, []), { stretchCost });
    return holder;
  };
  const setUp = (operatorName = 'Ada') =>
    holder.setUp({
      operatorName,
      password: 'a long enough password',
      siteName: 'Clinic',
      initialise: (tx) => void tx.statement({ type: 'test', id: operatorName, version: 1, payload: null }),
    });

  beforeEach(async () => {
    root = mkdtempSync(join(tmpdir(), 'salus-holder-'));
    home = join(root, 'a', 'store');
    await open();
  });
  afterEach(async () => {
    await holder.close();
    rmSync(root, { recursive: true, force: true });
  });

  it('makes the folder for its owner alone', async () => {
    expect(statSync(home).mode & 0o777).toBe(0o700);
    await setUp();
    for (const name of ['keyring.json', 'keyring.copy.json', 'audit-head.json', 'salus.db']) {
      expect(statSync(join(home, name)).mode & 0o077, name).toBe(0);
    }
    const incoming = readdirSync(join(home, 'archive'));
    expect(incoming).toHaveLength(257);
  });

  it('begins anew where a set-up was cut off before it answered', async () => {
    await setUp('Ada');
    await holder.close();
    // As if killed between the keyring and the last rename; what it archived lies there too.
    renameSync(join(home, 'salus.db'), join(home, 'salus.db.setup'));
    await open();
    expect(holder.phase).toBe('empty');
    const { store } = await setUp('Bo');
    expect(holder.phase).toBe('open');
    const names: string[] = [];
    for await (const name of store.archive.names()) names.push(name);
    expect(names).toHaveLength(1);
    expect(JSON.parse(Buffer.from(await store.archive.get(names[0]!)).toString()).id).toBe('Bo');
    expect(await store.verifyAudit()).toMatchObject({ ok: true });
    await expect(holder.unlock('Ada', 'a long enough password')).rejects.toEqual(failureOf('security.wrongPassword'));
    expect(existsSync(join(home, 'salus.db.setup'))).toBe(false);
  });

  it('is sealed, not empty, when the keyring or the archive lie there without a database', async () => {
    await setUp();
    await holder.close();
    renameSync(join(home, 'salus.db'), join(root, 'taken.db'));
    await open();
    expect(holder.phase).toBe('sealed');
    await expect(setUp()).rejects.toEqual(failureOf('security.alreadySetUp'));
    await holder.close();
    for (const name of ['keyring.json', 'keyring.copy.json']) rmSync(join(home, name));
    await open();
    expect(holder.phase).toBe('sealed');
    await expect(setUp()).rejects.toEqual(failureOf('security.alreadySetUp'));
  });

  it('unlocks once for many who ask at once', async () => {
    await setUp();
    await holder.close();
    await open();
    let openings = 0;
    holder.onOpen(() => {
      openings += 1;
    });
    const results = await Promise.all([1, 2, 3, 4].map(() => holder.unlock('ada', 'a long enough password')));
    expect(new Set(results.map(({ store }) => store)).size).toBe(1);
    expect(openings).toBe(1);
  });

  it('is sealed again when whoever unlocked is not accepted, or a listener fails', async () => {
    await setUp();
    await holder.close();
    await open();
    const refuse = () => {
      throw new Error('not you');
    };
    await expect(holder.unlock('Ada', 'a long enough password', refuse)).rejects.toThrow('not you');
    expect(holder.phase).toBe('sealed');
    let failing = true;
    holder.onOpen(() => {
      if (failing) throw new Error('cannot start');
    });
    await expect(holder.unlock('Ada', 'a long enough password')).rejects.toThrow('cannot start');
    expect(holder.phase).toBe('sealed');
    failing = false;
    await holder.unlock('Ada', 'a long enough password');
    expect(holder.phase).toBe('open');
  });

  it('says a folder that cannot be used', async () => {
    writeFileSync(join(root, 'file'), '');
    await expect(createStoreHolder(testPlatform(join(root, 'file', 'store'), Date.now, []))).rejects.toEqual(
      failureOf('storage.homeUnwritable'),
    );
    const locked = join(root, 'locked');
    mkdirSync(locked);
    mkdirSync(join(locked, 'host.lock'));
    await expect(createStoreHolder(testPlatform(locked, Date.now, []))).rejects.toEqual(
      failureOf('storage.homeUnwritable'),
    );
  });
});
