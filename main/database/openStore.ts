import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { AuditVerification } from '../../app/domains/security/securitySchema.ts';
import { makeUuidV7 } from '../../app/shared/ids.ts';
import { syncDirectory } from '../archive/directorySync.ts';
import { createArchiveFolders, openArchive, sweepTemporaryFiles, type ThreadArchive } from '../archive/openArchive.ts';
import { type ClosableJobRunner, openJobRunner } from '../background/jobRunner.ts';
import type { OpenStore } from '../core.ts';
import { archiveAccessOf, backupMacKeyOf, type DataKey, databaseKeyOf } from '../keyring/deriveKeys.ts';
import { openAuditKeys, refuseChangedPassword, unlockWithPassword } from '../keyring/keyring.ts';
import { type Keyring, readKeyring } from '../keyring/keyringFile.ts';
import type { Platform } from '../platform/platform.ts';
import { type BackupManifest, manifestMac } from './backupManifest.ts';
import { type Migration, migrate, pendingMigrations, refuseNewer, schemaVersion } from './migrate.ts';
import { allMigrations } from './migrations/allMigrations.ts';
import { type DatabaseHandle, openDatabase, storageFailureOf } from './openDatabase.ts';
import { openWriteGate, type StoreGate, systemAuthor } from './openWriteGate.ts';
import { openReaderPool } from './readerPool.ts';
import { currentReadLane } from './readLane.ts';
import type { ListAnswer, ListQuestion } from './rowLists.ts';
import { StatementCache } from './statementCache.ts';
import { type StorePaths, storePaths } from './storePaths.ts';

/** Everything that follows from an unlocked keyring. */
export interface StoreKeys {
  readonly dataKey: DataKey;
  readonly keyring: Keyring;
}

/** An open store as the core itself sees it; domains see `OpenStore`. */
export interface OpenedStore extends OpenStore {
  readonly gate: StoreGate;
  readonly archive: ThreadArchive;
  readonly jobs: ClosableJobRunner;
  readonly paths: StorePaths;
  /** Checks a password against the keyring. @throws Failure('security.wrongPassword') */
  checkPassword(operatorName: string, password: string): Promise<{ operatorId: string }>;
  /** Checks the whole audit chain in a reading thread. */
  verifyAudit(): Promise<AuditVerification>;
  /** Writes a consistent, encrypted copy of the database (`VACUUM INTO` keeps the key) in a reading thread. */
  copyDatabase(path: string): Promise<void>;
  /** Settings of every handle this store has open; a test asserts them. */
  handleSettings(): Promise<{ name: string; tempStore: unknown; synchronous: unknown; foreignKeys: unknown }[]>;
  close(): Promise<void>;
}

/** Brings an existing database to the newest schema, after a copy of it as it was. */
function bringUpToDate(
  handle: DatabaseHandle,
  paths: StorePaths,
  migrations: readonly Migration[],
  nowMs: number,
): void {
  refuseNewer(handle, migrations);
  if (pendingMigrations(handle, migrations).length === 0) return;
  mkdirSync(paths.beforeMigration, { recursive: true, mode: 0o700 });
  const copy = join(paths.beforeMigration, `salus-schema-${schemaVersion(handle)}.db`);
  rmSync(copy, { force: true });
  handle.prepare('VACUUM INTO ?').run(copy);
  syncDirectory(paths.beforeMigration);
  migrate(handle, migrations, nowMs);
}

/** How long after a commit its pages are moved from the log into the database. */
const checkpointAfterMs = 1000;
/** Pages in the log at which the writer moves them itself after all: 64 MiB. */
const writerCheckpointPages = 16_384;

/**
 * Keeps the write-ahead log short from a reading thread: a checkpoint costs two flushes and thousands of page writes,
 * which would stall the window's thread where SQLite does them inside a commit.
 */
function keepLogShort(gate: StoreGate, checkpoint: () => Promise<unknown>, platform: Platform): () => void {
  let timer: NodeJS.Timeout | null = null;
  gate.onCommit(() => {
    timer ??= setTimeout(() => {
      timer = null;
      checkpoint().catch((error: unknown) => platform.log.error('the log could not be shortened', error));
    }, checkpointAfterMs).unref();
  });
  return () => {
    if (timer !== null) clearTimeout(timer);
  };
}

/**
 * The first opening of a restored store says so in its audit: what happened after the backup is not in it. Only now is
 * there a key to tell whether the backup's manifest was written by this store; a foreign one is recorded as failed.
 */
function noteRestore(gate: StoreGate, paths: StorePaths, { dataKey, keyring }: StoreKeys, platform: Platform): void {
  if (!existsSync(paths.restored)) return;
  const manifest = JSON.parse(readFileSync(paths.restored, 'utf8')) as BackupManifest;
  const genuine = manifest.mac === manifestMac(backupMacKeyOf(dataKey), manifest);
  if (!genuine) platform.log.warn('the backup this store was restored from was altered');
  const detail = { backupCreatedAt: manifest.createdAt, genuine };
  gate.record(
    systemAuthor,
    'store.restored',
    genuine ? 'success' : 'failed',
    { type: 'store', id: keyring.siteId },
    detail,
  );
  rmSync(paths.restored);
}

/**
 * Opens an existing store. The caller holds its host lock.
 *
 * @throws Failure('storage.wrongKey' | 'storage.databaseDamaged' | 'storage.newerVersion' | 'security.keyringDamaged');
 *         nothing is written then, and nothing is ever created in place of what is missing
 */
export async function openStore(
  platform: Platform,
  { dataKey, keyring }: StoreKeys,
  migrations: readonly Migration[] = allMigrations,
): Promise<OpenedStore> {
  const paths = storePaths(platform.home);
  const databaseKey = databaseKeyOf(dataKey);
  const auditKeys = openAuditKeys(dataKey, keyring);
  const { siteId } = keyring;

  const writer = openDatabase(paths.database, databaseKey, 'write');
  let readHandle: DatabaseHandle | null = null;
  let gate: StoreGate;
  const archive = openArchive(archiveAccessOf(dataKey, platform.home));
  try {
    writer.pragma(`wal_autocheckpoint=${writerCheckpointPages}`);
    bringUpToDate(writer, paths, migrations, platform.clock.nowMs());
    if (!existsSync(paths.archive)) platform.log.warn('the archive folder was missing and is made again');
    createArchiveFolders(paths.archive);
    const swept = sweepTemporaryFiles(paths.archive);
    if (swept > 0) platform.log.info('removed half-written files', { files: swept });
    readHandle = openDatabase(paths.database, databaseKey, 'read');
    gate = openWriteGate({
      handle: writer,
      clock: platform.clock,
      log: platform.log,
      siteId,
      auditPrivateKey: auditKeys.privateKey,
      auditPublicKey: auditKeys.publicKey,
      headPath: paths.auditHead,
      prepareSync: archive.prepareSync,
    });
  } catch (error) {
    readHandle?.close();
    if (writer.open) writer.close();
    throw storageFailureOf(error);
  }

  noteRestore(gate, paths, { dataKey, keyring }, platform);

  const newId = (): string => makeUuidV7(platform.clock.nowMs(), platform.randomBytes(10));
  const jobs = openJobRunner({ gate, reader: new StatementCache(readHandle), platform, newId });
  const pool = openReaderPool({
    path: paths.database,
    key: databaseKey,
    audit: { siteId, publicKey: keyring.audit.publicKey, headPath: paths.auditHead },
  });
  const read = readHandle;
  const stopCheckpoints = keepLogShort(gate, () => pool.ask({ type: 'checkpoint' }), platform);
  let closing: Promise<void> | null = null;

  return {
    platform,
    gate,
    reader: new StatementCache(read),
    readLater: <Row>(sql: string, ...parameters: (string | number | null)[]) =>
      pool.ask({ type: 'all', sql, parameters }, currentReadLane()) as Promise<Row[]>,
    readList: <Row>(question: ListQuestion) =>
      pool.ask({ type: 'list', question }, currentReadLane()) as Promise<ListAnswer<Row>>,
    archive,
    jobs,
    siteId,
    paths,
    newId,
    async checkPassword(operatorName, password) {
      const { keyring } = readKeyring(platform.home);
      const unlocked = await unlockWithPassword(keyring, operatorName, password);
      unlocked.dataKey.fill(0);
      refuseChangedPassword(keyring, readKeyring(platform.home).keyring, operatorName);
      return { operatorId: unlocked.operatorId };
    },
    verifyAudit: () => pool.ask({ type: 'verifyAudit' }) as Promise<AuditVerification>,
    async copyDatabase(path) {
      await pool.ask({ type: 'vacuumInto', path });
    },
    async handleSettings() {
      const settingsOf = (name: string, handle: DatabaseHandle) => ({
        name,
        tempStore: handle.pragma('temp_store', { simple: true }),
        synchronous: handle.pragma('synchronous', { simple: true }),
        foreignKeys: handle.pragma('foreign_keys', { simple: true }),
      });
      const worker = (await pool.ask({ type: 'settings' })) as Omit<ReturnType<typeof settingsOf>, 'name'>;
      return [settingsOf('writer', writer), settingsOf('reader', read), { name: 'readingThread', ...worker }];
    },
    close() {
      closing ??= (async () => {
        await jobs.close();
        stopCheckpoints();
        await pool.close();
        read.close();
        gate.close();
      })();
      return closing;
    },
  };
}
