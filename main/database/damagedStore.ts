import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '../../app/shared/failure.ts';
import { syncDirectory } from '../archive/directorySync.ts';
import { createArchiveFolders, openArchive } from '../archive/openArchive.ts';
import { archiveAccessOf, databaseKeyOf } from '../keyring/deriveKeys.ts';
import type { Platform } from '../platform/platform.ts';
import { openDatabase } from './openDatabase.ts';
import type { StoreKeys } from './openStore.ts';
import { openIndexBuilder, type RebuildCounts } from './rebuildIndex.ts';
import type { Replayer } from './replay.ts';
import { storePaths } from './storePaths.ts';

function isReadable(platform: Platform, { dataKey }: StoreKeys): boolean {
  try {
    const handle = openDatabase(storePaths(platform.home).database, databaseKeyOf(dataKey), 'read');
    try {
      return handle.pragma('quick_check', { simple: true }) === 'ok';
    } finally {
      handle.close();
    }
  } catch (error) {
    platform.log.warn('the database cannot be read', { code: error instanceof Failure ? error.code : 'unknown' });
    return false;
  }
}

/** Moves the database into a folder of its own under `damaged/`, where it stays. */
function putAside(platform: Platform): void {
  const paths = storePaths(platform.home);
  const folder = join(paths.damaged, String(platform.clock.nowMs()));
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (const suffix of ['', '-wal', '-shm']) {
    if (existsSync(paths.database + suffix)) renameSync(paths.database + suffix, join(folder, `salus.db${suffix}`));
  }
  syncDirectory(folder);
  syncDirectory(platform.home);
}

/**
 * Puts a database that cannot be read aside and makes one that holds what `replayers` bring back from the archive. Only
 * on a person's word, never by itself.
 *
 * @throws Failure('storage.homeNotEmpty') when the database can be read after all
 */
export async function replaceDatabase(
  platform: Platform,
  keys: StoreKeys,
  replayers: readonly Replayer[],
): Promise<RebuildCounts> {
  if (isReadable(platform, keys)) throw new Failure('storage.homeNotEmpty', 'the database can be read');
  createArchiveFolders(storePaths(platform.home).archive);
  const archive = openArchive(archiveAccessOf(keys.dataKey, platform.home));
  const builder = openIndexBuilder({ platform, keys, archive, replayers });
  try {
    await builder.catchUp(new AbortController().signal, () => undefined);
    putAside(platform);
    builder.swap();
  } catch (error) {
    builder.discard();
    throw error;
  }
  platform.log.warn('a damaged database was put aside and begun anew', { ...builder.counts });
  return builder.counts;
}
