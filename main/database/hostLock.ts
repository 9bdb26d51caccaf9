import { accessSync, constants, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { Failure } from '../../app/shared/failure.ts';

export interface HostLock {
  release(): void;
}

/** Makes the store's folder where it is missing. @throws Failure('storage.homeUnwritable') */
export function openHome(home: string): void {
  try {
    mkdirSync(home, { recursive: true, mode: 0o700 });
    accessSync(home, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new Failure(
      'storage.homeUnwritable',
      `the store folder cannot be used (${String((error as { code?: unknown }).code)})`,
    );
  }
}

/**
 * One core per store: holds an exclusive SQLite transaction on `host.lock` until released. The kernel frees it when the
 * process dies, however it dies, so there is never a stale lock to clean up. The file holds nothing.
 *
 * @throws Failure('storage.inUse') when another core holds it
 */
export function takeHostLock(home: string): HostLock {
  let handle: Database.Database;
  try {
    handle = new Database(join(home, 'host.lock'));
  } catch (error) {
    throw new Failure(
      'storage.homeUnwritable',
      `the store folder cannot be used (${String((error as { code?: unknown }).code)})`,
    );
  }
  try {
    handle.pragma('busy_timeout=0');
    handle.pragma('temp_store=MEMORY');
    handle.pragma('synchronous=FULL');
    handle.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    handle.close();
    if (String((error as { code?: unknown }).code).startsWith('SQLITE_BUSY')) {
      throw new Failure('storage.inUse', 'another Salus core holds this store');
    }
    throw error;
  }
  return {
    release() {
      if (!handle.open) return;
      handle.exec('ROLLBACK');
      handle.close();
    },
  };
}
