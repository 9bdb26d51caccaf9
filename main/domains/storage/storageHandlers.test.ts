import { createHash, randomBytes } from 'node:crypto';
import fs, {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Failure } from '../../../app/shared/failure.ts';
import type { CallContext } from '../../core.ts';
import type { OpenedStore } from '../../database/openStore.ts';
import type { Replayer } from '../../database/replay.ts';
import { restoreBackup, verifyBackup } from '../../database/restoreBackup.ts';
import { createStoreHolder, type StoreHolder } from '../../database/storeHolder.ts';
import { testPlatform } from '../../database/testStore.ts';
import type { Services } from '../../domainServices.ts';
import { makeSecurityHandlers } from '../security/securityHandlers.ts';
import { securityReplayer } from '../security/securityReplay.ts';
import { openSecurityService } from '../security/securityService.ts';
import { openSessionRegistry, type SessionRegistry } from '../security/sessionRegistry.ts';
import { openUnattendedOperation } from '../security/unattendedOperation.ts';
import { makeStorageHandlers } from './storageHandlers.ts';

const failureOf = (code: string) => expect.objectContaining({ code });
const password = 'a long enough password';
const stretchCost = { memoryKib: 256, iterations: 1, parallelism: 1 };

/** Stands for a clinical domain: archived notes become rows of `annotation_version`. */
const noteReplayer: Replayer = {
  kinds: ['statement'],
  types: ['note'],
  replay(tx, _object, _bytes, statement) {
    const { id, version, hlc, siteId, at, payload } = statement!;
    tx.run(
      `INSERT INTO annotation_version (annotation_id, version, study_uid, sop_uid, body, at, hlc, author, site_id) VALUES (?, ?, '1.2', '1.2.3', ?, ?, ?, 'x', ?)`,
      id,
      version,
      (payload as { text: string }).text,
      at,
      hlc,
      siteId,
    );
  },
};

describe('storage', () => {
  let root: string;
  let home: string;
  let logged: string[];
  let holder: StoreHolder;
  let sessions: SessionRegistry;
  let security: ReturnType<typeof makeSecurityHandlers>;
  let storage: ReturnType<typeof makeStorageHandlers>;

  async function start(at: string): Promise<void> {
    const platform = testPlatform(at, Date.now, logged);
    holder = await createStoreHolder(platform, { stretchCost });
    sessions = openSessionRegistry(platform.clock);
    security = makeSecurityHandlers({ holder, sessions, unattended: openUnattendedOperation(holder, () => undefined) });
    storage = makeStorageHandlers({ holder, replayers: () => [securityReplayer, noteReplayer] });
  }
  async function stop(): Promise<void> {
    sessions.close();
    await holder.close();
  }
  const context = (): CallContext => ({
    connectionId: 'a',
    session: sessions.get('a'),
    signal: new AbortController().signal,
    author() {
      const session = sessions.get('a');
      if (!session) throw new Failure('security.notSignedIn', 'nobody');
      return session;
    },
    can: () => true,
    store: () => holder.store(),
    services: () => ({ security: openSecurityService(holder.store()) }) as Services,
  });
  const signIn = () => security.signIn({ operatorName: 'Ada', password }, context());

  function saveNote(id: string, version: number, text: string): void {
    holder.store().gate.write(context().author(), 'note.save', (tx) => {
      const statement = { type: 'note', id, version, payload: { text } };
      const object = tx.statement(statement);
      noteReplayer.replay(tx, object, new Uint8Array(0), {
        ...statement,
        hlc: tx.hlc,
        author: context().author(),
        siteId: tx.siteId,
        at: tx.nowMs,
      });
    });
  }
  const facts = (store: OpenedStore) => ({
    notes: store.reader.all('SELECT * FROM annotation_version ORDER BY annotation_id, version'),
    settings: store.reader.all('SELECT name, value, version, hlc FROM setting ORDER BY name'),
    operators: store.reader.all(
      'SELECT operator_id, operator_name, full_name, roles, disabled, version, hlc FROM operator ORDER BY operator_id',
    ),
  });
  const runBackup = async (directory: string) => {
    const { jobId } = await storage.backup({ directory }, context());
    return holder.store().jobs.finished(jobId);
  };
  async function runRebuild(): Promise<string> {
    const { jobId } = await storage.rebuildIndex(undefined, context());
    const { state } = await holder.store().jobs.finished(jobId);
    // Waits for the swap: whatever the holder does next comes after it.
    await new Promise((resolve) => setTimeout(resolve, 0));
    await holder.unlock('Ada', password);
    return state;
  }

  beforeEach(async () => {
    root = mkdtempSync(join(tmpdir(), 'salus-storage-'));
    home = join(root, 'home');
    logged = [];
    await start(home);
    await security.setUp(
      { operatorName: 'Ada', fullName: 'Ada Byron', password, language: 'en', siteName: 'Clinic' },
      context(),
    );
    await security.createOperator({ operatorName: 'Bo', fullName: 'Bo B', roles: ['viewer'], password }, context());
    await holder.store().archive.put('dicom', randomBytes(100_000));
    await holder.store().archive.put('dicom', randomBytes(9 * 1024 * 1024));
    for (const version of [1, 2, 3]) saveNote('one', version, `text ${version}`);
    saveNote('two', 1, 'other');
  });
  afterEach(async () => {
    await stop();
    rmSync(root, { recursive: true, force: true });
  });

  it('says how the store is', async () => {
    const status = await storage.status(undefined, context());
    expect(status).toMatchObject({ studies: 0, instances: 0, lastBackupAt: null, recoveryKeyConfirmed: false, home });
    expect(status.freeBytes).toBeGreaterThan(0);
    security.confirmRecoveryKey(undefined, context());
    expect(await storage.status(undefined, context())).toMatchObject({ recoveryKeyConfirmed: true });
    const doctor = await storage.doctor(undefined, context());
    expect(doctor).toMatchObject({ ok: true });
    expect(doctor.checks.map(({ name }) => name)).toEqual(['database', 'references', 'audit', 'keyring', 'archive']);
  });

  it('backs up, and the restored store holds the same facts, objects and hashes', async () => {
    const directory = join(root, 'backup');
    expect(await runBackup(directory)).toMatchObject({ state: 'done', failure: null });
    saveNote('three', 1, 'between two backups');
    await holder.store().archive.put('dicom', randomBytes(1000));
    // The second run adds what is new and leaves one database behind.
    expect(await runBackup(directory)).toMatchObject({ state: 'done' });
    expect(readdirSync(directory).filter((name) => name.endsWith('.db'))).toHaveLength(1);
    expect((await storage.status(undefined, context())).lastBackupAt).not.toBeNull();
    const before = facts(holder.store());
    const names: string[] = [];
    for await (const name of holder.store().archive.names()) names.push(name);
    const contents = new Map<string, Uint8Array>();
    for (const name of names) contents.set(name, await holder.store().archive.get(name));

    await stop();
    rmSync(home, { recursive: true });
    expect(await restoreBackup(directory, home)).toMatchObject({ objects: names.length });
    await start(home);
    expect(holder.phase).toBe('sealed');
    expect(holder.siteName()).toBe('Clinic');
    await signIn();
    expect(facts(holder.store())).toEqual(before);
    for (const name of names)
      expect(Buffer.compare(await holder.store().archive.get(name), contents.get(name)!)).toBe(0);
    expect(await holder.store().verifyAudit()).toMatchObject({ ok: true });
    expect(security.listAudit({ limit: 10, action: 'store.restored' }, context())).toMatchObject([
      { outcome: 'success', detail: { genuine: true } },
    ]);
    expect((await storage.doctor(undefined, context())).ok).toBe(true);
  });

  it('refuses folders that hold something else, lie in the store, or belong to another store', async () => {
    const other = join(root, 'other');
    mkdirSync(other);
    writeFileSync(join(other, 'holiday.jpg'), 'x');
    expect(await runBackup(other)).toMatchObject({ state: 'failed', failure: 'storage.backupFolderNotEmpty' });
    expect(await runBackup(join(home, 'inside'))).toMatchObject({
      state: 'failed',
      failure: 'storage.backupFolderNotEmpty',
    });
    expect(() => storage.backup({ directory: 'relative' }, context())).toThrow(failureOf('system.invalidInput'));
  });

  it('verifies a backup before it restores anything', async () => {
    const directory = join(root, 'backup');
    await runBackup(directory);
    await expect(restoreBackup(directory, home)).rejects.toEqual(failureOf('storage.homeNotEmpty'));
    const { manifest, objects } = await verifyBackup(directory);
    const target = join(root, 'restored');
    const damage = async (path: string, change: (full: string) => void) => {
      const full = join(directory, path);
      const kept = readFileSync(full);
      change(full);
      await expect(restoreBackup(directory, target), path).rejects.toEqual(failureOf('storage.backupDamaged'));
      writeFileSync(full, kept);
    };
    const flip = (full: string) => {
      const bytes = readFileSync(full);
      bytes[bytes.length >> 1]! ^= 1;
      writeFileSync(full, bytes);
    };
    await damage(manifest.database.path, flip);
    await damage(manifest.keyring.path, flip);
    await damage(objects[0]!.path, flip);
    await damage(objects[0]!.path, (full) => truncateSync(full, 10));
    await damage(manifest.objects.path, (full) =>
      writeFileSync(full, readFileSync(full, 'utf8').split('\n').slice(1).join('\n')),
    );
    await damage('manifest.json', (full) => truncateSync(full, 50));
    await damage('manifest.json', (full) => rmSync(full));
    await damage('manifest.json', (full) =>
      writeFileSync(full, readFileSync(full, 'utf8').replace(manifest.database.path, '../../etc/passwd')),
    );
    expect(existsSync(target)).toBe(false);
    await restoreBackup(directory, target);
    await expect(restoreBackup(directory, target)).rejects.toEqual(failureOf('storage.homeNotEmpty'));
  });

  it('says in the audit when a backup was rewritten by somebody without the key', async () => {
    const directory = join(root, 'backup');
    await runBackup(directory);
    const path = join(directory, 'manifest.json');
    const manifest = JSON.parse(readFileSync(path, 'utf8'));
    // Consistent in itself, but for the signature: an object left out, the list and its hash made to fit.
    const list = join(directory, manifest.objects.path);
    const lines = readFileSync(list, 'utf8').trimEnd().split('\n').slice(1);
    writeFileSync(list, `${lines.join('\n')}\n`);
    const sha256 = createHash('sha256').update(readFileSync(list)).digest('hex');
    manifest.objects = { ...manifest.objects, bytes: readFileSync(list).length, sha256 };
    manifest.objectCount = lines.length;
    writeFileSync(path, JSON.stringify(manifest));
    await stop();
    const target = join(root, 'restored');
    await restoreBackup(directory, target);
    await start(target);
    await signIn();
    expect(security.listAudit({ limit: 10, action: 'store.restored' }, context())).toMatchObject([
      { outcome: 'failed', detail: { genuine: false } },
    ]);
  });

  it('rebuilds the same index from the archive, beside the old one, and goes on with the audit', async () => {
    const before = facts(holder.store());
    const entries = (await holder.store().verifyAudit()).entries;
    expect(await runRebuild()).toBe('done');
    expect(facts(holder.store())).toEqual(before);
    const audit = await holder.store().verifyAudit();
    expect(audit).toMatchObject({ ok: true, reason: 'intact' });
    expect(audit.entries).toBeGreaterThan(entries);
    expect(security.listAudit({ limit: 5, action: 'index.rebuilt' }, context())).toMatchObject([
      { outcome: 'success', operatorName: 'Ada', detail: { damaged: 0 } },
    ]);
    expect(existsSync(join(home, 'rebuild'))).toBe(false);
    expect(sessions.get('a')).not.toBeNull();
    saveNote('after', 1, 'still writable');
    expect(await runRebuild()).toBe('done');
  });

  it('takes a fact that still waits for its place in the archive into the new index', async () => {
    const real = fs.renameSync;
    fs.renameSync = () => {
      throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    };
    syncBuiltinESMExports();
    try {
      saveNote('waits', 1, 'committed, not archived');
    } finally {
      fs.renameSync = real;
      syncBuiltinESMExports();
    }
    expect((await storage.doctor(undefined, context())).checks).toContainEqual(
      expect.objectContaining({ name: 'archive', ok: false, figures: expect.objectContaining({ missing: 1 }) }),
    );
    const before = facts(holder.store());
    expect(await runRebuild()).toBe('done');
    expect(facts(holder.store())).toEqual(before);
    expect(await storage.doctor(undefined, context())).toMatchObject({ ok: true });
  });

  it('keeps the old index when an archived object is damaged', async () => {
    const before = facts(holder.store());
    const archive = join(home, 'archive');
    const folder = readdirSync(archive).find(
      (name) => name.length === 2 && readdirSync(join(archive, name)).length > 0,
    )!;
    const file = join(archive, folder, readdirSync(join(archive, folder))[0]!);
    const bytes = readFileSync(file);
    bytes[60]! ^= 1;
    writeFileSync(file, bytes);
    expect(await runRebuild()).toBe('failed');
    expect(facts(holder.store())).toEqual(before);
  });

  it('refuses a damaged database, makes nothing in its place, and rebuilds it when asked', async () => {
    const before = facts(holder.store());
    await stop();
    const database = join(home, 'salus.db');
    const bytes = readFileSync(database);
    for (const variant of ['cut', 'altered', 'empty', 'missing', 'foreign'] as const) {
      if (variant === 'cut') truncateSync(database, 5000);
      if (variant === 'altered')
        writeFileSync(database, Buffer.concat([bytes.subarray(0, 100), randomBytes(4000), bytes.subarray(4100)]));
      if (variant === 'empty') writeFileSync(database, '');
      if (variant === 'missing') rmSync(database);
      if (variant === 'foreign') writeFileSync(database, randomBytes(bytes.length));
      const left = existsSync(database) ? readFileSync(database) : null;
      await start(home);
      expect(holder.phase, variant).toBe('sealed');
      await expect(signIn(), variant).rejects.toEqual(
        failureOf(variant === 'foreign' ? 'storage.wrongKey' : 'storage.databaseDamaged'),
      );
      expect(existsSync(database) ? readFileSync(database) : null, variant).toEqual(left);
      await stop();
    }
    await start(home);
    await expect(holder.replaceDamagedDatabase('Ada', 'not the password', [securityReplayer])).rejects.toEqual(
      failureOf('security.wrongPassword'),
    );
    await holder.replaceDamagedDatabase('Ada', password, [securityReplayer]);
    await signIn();
    expect(await runRebuild()).toBe('done');
    expect(facts(holder.store())).toEqual(before);
    // The entries of the lost database are gone, and the audit says so for good.
    expect(await holder.store().verifyAudit()).toMatchObject({ ok: false, reason: 'tailMissing' });
    expect(readdirSync(join(home, 'damaged'))).toHaveLength(1);
    await expect(holder.replaceDamagedDatabase('Ada', password, [securityReplayer])).rejects.toEqual(
      failureOf('storage.homeNotEmpty'),
    );
  });

  it('brings back all but the damaged object when the index is lost as well', async () => {
    const object = await holder.store().archive.put('dicom', randomBytes(2000));
    const before = facts(holder.store());
    await stop();
    rmSync(join(home, 'salus.db'));
    truncateSync(join(home, 'archive', object.name.slice(0, 2), object.name), 100);
    await start(home);
    await holder.replaceDamagedDatabase('Ada', password, [securityReplayer]);
    await signIn();
    expect(await runRebuild()).toBe('done');
    expect(facts(holder.store())).toEqual(before);
    expect(security.listAudit({ limit: 5, action: 'index.rebuilt' }, context())).toMatchObject([
      { outcome: 'success', detail: { damaged: 1 } },
    ]);
    // Now there is something to lose.
    expect(await runRebuild()).toBe('failed');
    expect(facts(holder.store())).toEqual(before);
  });

  it('finds a cut audit tail, a put-back database and a lost head', async () => {
    await stop();
    const early = join(root, 'early');
    cpSync(home, early, { recursive: true });
    await start(home);
    await signIn();
    saveNote('late', 1, 'x');
    await stop();
    // Somebody puts an earlier database back; the head beside it knows better.
    cpSync(join(early, 'salus.db'), join(home, 'salus.db'));
    await start(home);
    await signIn();
    saveNote('later', 1, 'x');
    expect(await security.verifyAudit(undefined, context())).toMatchObject({ ok: false, reason: 'tailMissing' });
    await stop();
    cpSync(early, home, { recursive: true });
    rmSync(join(home, 'audit-head.json'));
    await start(home);
    await signIn();
    expect(await security.verifyAudit(undefined, context())).toMatchObject({ ok: false, reason: 'headMissing' });
  });

  it('lets one core in at a time', async () => {
    await expect(createStoreHolder(testPlatform(home, Date.now, logged))).rejects.toEqual(failureOf('storage.inUse'));
    await stop();
    await start(home);
    await signIn();
  });

  it('logs no name, password or key', async () => {
    await runBackup(join(root, 'backup'));
    const text = logged.join('\n');
    expect(text).not.toContain(password);
    expect(text).not.toContain('Ada');
  });
});
