import { closeSync, openSync, readSync, statSync } from 'node:fs';
import Database from 'better-sqlite3';
import { Failure } from '../../app/shared/failure.ts';

export type DatabaseHandle = Database.Database;

/** What opens one database file. Key material: pass by workerData only, never log. */
export interface DatabaseKey {
  /** 32 bytes, used raw: no password derivation happens in SQLCipher. */
  readonly key: Uint8Array;
  /** The first 16 bytes of the file: derived from the data key, so that a foreign file is told from a damaged one. */
  readonly salt: Uint8Array;
}

/** Waits this long for another handle's lock before SQLITE_BUSY, in milliseconds. */
const busyTimeoutMs = 5000;

/** True for the errors SQLite gives when the bytes of the file are wrong. */
function isDamage(error: unknown): boolean {
  const code = (error as { code?: unknown }).code;
  return typeof code === 'string' && (code.startsWith('SQLITE_NOTADB') || code.startsWith('SQLITE_CORRUPT'));
}

/**
 * Turns what SQLite throws into a Failure where there is one a person can act on; gives anything else back unchanged.
 */
export function storageFailureOf(error: unknown): unknown {
  if (error instanceof Failure) return error;
  const { code, errno } = error as { code?: unknown; errno?: unknown };
  if (code === 'SQLITE_FULL' || code === 'ENOSPC' || code === 'EDQUOT' || errno === -28) {
    return new Failure('storage.diskFull', 'no space left on the device');
  }
  if (isDamage(error)) return new Failure('storage.databaseDamaged', `database unreadable (${String(code)})`);
  return error;
}

function firstBytes(path: string, count: number): Buffer {
  const descriptor = openSync(path, 'r');
  try {
    const bytes = Buffer.alloc(count);
    return bytes.subarray(0, readSync(descriptor, bytes, 0, count, 0));
  } finally {
    closeSync(descriptor);
  }
}

/** Settings every handle gets, whoever opens it; `tests/safety` asserts them on each. */
function applySettings(handle: DatabaseHandle, { key, salt }: DatabaseKey): void {
  handle.pragma("cipher='sqlcipher'");
  handle.pragma(`key="x'${Buffer.from(key).toString('hex')}${Buffer.from(salt).toString('hex')}'"`);
  // A large sort spills rows to a plain temporary file unless it is kept in memory (measured).
  handle.pragma('temp_store=MEMORY');
  // WAL defaults to NORMAL here, which can lose a committed row on a power cut.
  handle.pragma('synchronous=FULL');
  handle.pragma('foreign_keys=ON');
  handle.pragma(`busy_timeout=${busyTimeoutMs}`);
  handle.pragma('trusted_schema=OFF');
  handle.pragma('cell_size_check=ON');
  // A page that leaves the cache is decrypted again. Enough for writing; the reading threads, which answer searches over
  // the whole list, take more for themselves.
  handle.pragma('cache_size=-8192');
}

function open(path: string, key: DatabaseKey, options: Database.Options): DatabaseHandle {
  const handle = new Database(path, options);
  try {
    applySettings(handle, key);
    // The first read is where a wrong key or a damaged first page shows.
    handle.prepare('SELECT count(*) FROM sqlite_schema').get();
    return handle;
  } catch (error) {
    handle.close();
    throw storageFailureOf(error);
  }
}

/**
 * Makes a new encrypted database file. Never touches an existing one.
 *
 * @throws Failure('storage.databaseDamaged') when a file of that name exists.
 */
export function createDatabase(path: string, key: DatabaseKey): DatabaseHandle {
  closeSync(openSync(path, 'wx', 0o600));
  const handle = new Database(path);
  try {
    applySettings(handle, key);
    handle.pragma('journal_mode=WAL');
    handle.exec(
      'CREATE TABLE schema_migration (number INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at INTEGER NOT NULL) STRICT',
    );
    return handle;
  } catch (error) {
    handle.close();
    throw storageFailureOf(error);
  }
}

/**
 * Opens an existing encrypted database. Never creates one: a missing or empty file is damage, not a fresh start.
 *
 * @throws Failure('storage.wrongKey')        the file belongs to another data key
 * @throws Failure('storage.databaseDamaged') the file is missing, empty, cut or altered
 */
export function openDatabase(path: string, key: DatabaseKey, mode: 'write' | 'read'): DatabaseHandle {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (size < 4096) throw new Failure('storage.databaseDamaged', 'database file missing or cut short');
  if (!firstBytes(path, 16).equals(key.salt)) {
    throw new Failure('storage.wrongKey', 'the database was made with another key');
  }
  const handle = open(path, key, { fileMustExist: true, readonly: mode === 'read' });
  try {
    if (mode === 'write') handle.pragma('journal_mode=WAL');
    return handle;
  } catch (error) {
    handle.close();
    throw storageFailureOf(error);
  }
}
