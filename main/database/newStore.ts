import { existsSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { makeUuidV7 } from '../../app/shared/ids.ts';
import { syncDirectory } from '../archive/directorySync.ts';
import { createArchiveFolders, openArchive } from '../archive/openArchive.ts';
import { archiveAccessOf, type DataKey, databaseKeyOf, makeDataKey } from '../keyring/deriveKeys.ts';
import { changeKeyring, makeKeyring, openAuditKeys, wrapForOperator } from '../keyring/keyring.ts';
import { type Keyring, keyringExists, writeKeyring } from '../keyring/keyringFile.ts';
import type { StretchCost } from '../keyring/stretchPassword.ts';
import type { Platform } from '../platform/platform.ts';
import { type Migration, migrate } from './migrate.ts';
import { createDatabase } from './openDatabase.ts';
import { openWriteGate } from './openWriteGate.ts';
import { storePaths } from './storePaths.ts';
import type { Author, Transaction } from './writeGate.ts';

export interface NewStore {
  readonly operatorName: string;
  readonly password: string;
  readonly siteName: string;
  /** Writes the first rows (operator, settings) inside the store's first transaction. */
  initialise(tx: Transaction, operatorId: string): void;
}

function hasObjects(archive: string): boolean {
  if (!existsSync(archive)) return false;
  return readdirSync(archive).some((folder) => folder.length === 2 && readdirSync(join(archive, folder)).length > 0);
}

/**
 * True when the folder holds no store. A database still under its set-up name means that a set-up was cut off before it
 * answered: nothing of it counts. A keyring or archived objects without a database are a store that lost it.
 */
export function isEmptyHome(home: string): boolean {
  const paths = storePaths(home);
  if (existsSync(paths.database)) return false;
  if (existsSync(paths.databaseInSetUp)) return true;
  return !keyringExists(home) && !hasObjects(paths.archive);
}

/** The database with its first rows, under a name that does not count yet. */
function buildDatabase(
  platform: Platform,
  migrations: readonly Migration[],
  dataKey: DataKey,
  keyring: Keyring,
  operatorId: string,
  { operatorName, initialise }: NewStore,
): void {
  const paths = storePaths(platform.home);
  // What a cut-off set-up archived goes before the file that says it was cut off.
  rmSync(paths.archive, { recursive: true, force: true });
  for (const suffix of ['-wal', '-shm', '']) rmSync(paths.databaseInSetUp + suffix, { force: true });
  rmSync(paths.auditHead, { force: true });
  const handle = createDatabase(paths.databaseInSetUp, databaseKeyOf(dataKey));
  try {
    createArchiveFolders(paths.archive);
    migrate(handle, migrations, platform.clock.nowMs());
    const { privateKey, publicKey } = openAuditKeys(dataKey, keyring);
    const gate = openWriteGate({
      handle,
      clock: platform.clock,
      log: platform.log,
      siteId: keyring.siteId,
      auditPrivateKey: privateKey,
      auditPublicKey: publicKey,
      headPath: paths.auditHead,
      prepareSync: openArchive(archiveAccessOf(dataKey, platform.home)).prepareSync,
    });
    const author: Author = { operatorId, operatorName };
    gate.write(author, 'security.setUp', (tx) => {
      tx.subject({ type: 'store', id: keyring.siteId });
      initialise(tx, operatorId);
    });
    handle.pragma('wal_checkpoint(TRUNCATE)');
    gate.close();
  } finally {
    if (handle.open) handle.close();
  }
}

export interface MadeStore {
  readonly dataKey: DataKey;
  readonly keyring: Keyring;
  readonly recoveryKey: string;
  readonly operatorId: string;
}

/**
 * Writes a whole new store into an empty home: database, then keyring, then the rename that makes it count. Cut off
 * before that rename, the home is empty again for the next start.
 */
export async function makeStore(
  platform: Platform,
  migrations: readonly Migration[],
  stretchCost: StretchCost,
  input: NewStore,
): Promise<MadeStore> {
  const { home, clock } = platform;
  const paths = storePaths(home);
  const newId = () => makeUuidV7(clock.nowMs(), platform.randomBytes(10));
  const siteId = newId();
  const operatorId = newId();
  const dataKey = makeDataKey();
  const { keyring: empty, recoveryKey } = makeKeyring(dataKey, siteId, input.siteName, clock.nowMs());
  const operator = await wrapForOperator(dataKey, siteId, operatorId, input.operatorName, input.password, stretchCost);
  const keyring = changeKeyring(dataKey, empty, { operators: [operator] });
  buildDatabase(platform, migrations, dataKey, keyring, operatorId, input);
  writeKeyring(home, keyring);
  renameSync(paths.databaseInSetUp, paths.database);
  syncDirectory(home);
  return { dataKey, keyring, recoveryKey, operatorId };
}
