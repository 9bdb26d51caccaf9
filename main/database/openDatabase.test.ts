import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { databaseKeyOf } from '../keyring/deriveKeys.ts';
import { createDatabase, openDatabase } from './openDatabase.ts';

const failureOf = (code: string) => expect.objectContaining({ code });

describe('the encrypted database', () => {
  let folder: string;
  let path: string;
  const key = databaseKeyOf(randomBytes(32));
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'salus-database-'));
    path = join(folder, 'salus.db');
    const handle = createDatabase(path, key);
    handle.exec("CREATE TABLE t (a TEXT) STRICT; INSERT INTO t VALUES ('Zebra^Canary')");
    handle.close();
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('opens with its key, for writing and for reading only', () => {
    const writer = openDatabase(path, key, 'write');
    expect(writer.pragma('journal_mode', { simple: true })).toBe('wal');
    expect(writer.pragma('cipher', { simple: true })).toBe('sqlcipher');
    const reader = openDatabase(path, key, 'read');
    expect(reader.prepare('SELECT a FROM t').all()).toEqual([{ a: 'Zebra^Canary' }]);
    expect(() => reader.exec("INSERT INTO t VALUES ('x')")).toThrow(/readonly/);
    reader.close();
    writer.close();
    expect(readFileSync(path).includes('Zebra')).toBe(false);
    expect(readFileSync(path).includes('SQLite format')).toBe(false);
  });

  it('refuses another key', () => {
    expect(() => openDatabase(path, databaseKeyOf(randomBytes(32)), 'write')).toThrow(failureOf('storage.wrongKey'));
    // The right salt with a wrong key: as if the first 16 bytes alone had survived.
    expect(() => openDatabase(path, { ...key, key: randomBytes(32) }, 'write')).toThrow(
      failureOf('storage.databaseDamaged'),
    );
  });

  it('refuses a missing, empty, cut or altered file and leaves it as it is', () => {
    const whole = readFileSync(path);
    const variants: Record<string, () => void> = {
      empty: () => writeFileSync(path, ''),
      cut: () => truncateSync(path, 4000),
      altered: () =>
        writeFileSync(path, Buffer.concat([whole.subarray(0, 200), randomBytes(500), whole.subarray(700)])),
    };
    for (const [name, damage] of Object.entries(variants)) {
      damage();
      const left = readFileSync(path);
      expect(() => openDatabase(path, key, 'write'), name).toThrow(failureOf('storage.databaseDamaged'));
      expect(readFileSync(path).equals(left), name).toBe(true);
      writeFileSync(path, whole);
    }
    rmSync(path);
    expect(() => openDatabase(path, key, 'write')).toThrow(failureOf('storage.databaseDamaged'));
    expect(() => readFileSync(path)).toThrow(/ENOENT/);
  });

  it('never creates over an existing file', () => {
    const before = readFileSync(path);
    expect(() => createDatabase(path, key)).toThrow(/EEXIST/);
    expect(readFileSync(path).equals(before)).toBe(true);
  });
});
