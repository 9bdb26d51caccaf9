import { createHash, randomBytes } from 'node:crypto';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { migrate, schemaVersion } from '../../main/database/migrate.ts';
import { allMigrations } from '../../main/database/migrations/allMigrations.ts';
import { createDatabase, type DatabaseHandle, openDatabase } from '../../main/database/openDatabase.ts';
import { openTestStore } from '../../main/database/testStore.ts';
import { databaseKeyOf } from '../../main/keyring/deriveKeys.ts';
import { fillTables, fixtureKey } from './writeReleasedSchema.ts';

const migrationFolder = join(import.meta.dirname, '../../main/database/migrations');
const releasedFolder = join(import.meta.dirname, 'released');

/** Everything that makes the schema, as text. */
function schemaOf(handle: DatabaseHandle): string {
  const rows = handle
    .prepare("SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' ORDER BY type, name")
    .all() as { type: string; name: string; sql: string | null }[];
  return rows.map(({ sql }) => (sql ?? '').replace(/\s+/g, ' ').trim()).join('\n');
}

function countRows(handle: DatabaseHandle): Record<string, number> {
  const tables = handle
    .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND sql LIKE '%STRICT%'")
    .all() as { name: string }[];
  return Object.fromEntries(
    tables
      .filter(({ name }) => name !== 'schema_migration')
      .map(({ name }) => [name, (handle.prepare(`SELECT count(*) AS n FROM "${name}"`).get() as { n: number }).n]),
  );
}

describe('migrations', () => {
  let folder: string;
  const key = databaseKeyOf(randomBytes(32));
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'salus-migrations-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('are listed once each, in order, under their own number and name, and import nothing of the program', () => {
    const files = readdirSync(migrationFolder).filter((name) => /^\d{4}-/.test(name));
    expect(files.sort()).toEqual(
      allMigrations.map(({ number, name }) => `${String(number).padStart(4, '0')}-${name}.ts`),
    );
    expect(allMigrations.map(({ number }) => number)).toEqual(
      [...allMigrations.map(({ number }) => number)].sort((a, b) => a - b),
    );
    expect(new Set(allMigrations.map(({ number }) => number)).size).toBe(allMigrations.length);
    for (const file of files) {
      const imports = readFileSync(join(migrationFolder, file), 'utf8').match(/^import .*$/gm) ?? [];
      expect(imports, file).toEqual(["import type { Migration } from '../migrate.ts';"]);
    }
  });

  it('make STRICT tables only', () => {
    const handle = createDatabase(join(folder, 'a.db'), key);
    migrate(handle, allMigrations, 1);
    const loose = handle
      .prepare(
        "SELECT name FROM pragma_table_list WHERE type = 'table' AND strict = 0 AND schema = 'main' AND name NOT LIKE 'sqlite_%'",
      )
      .all() as { name: string }[];
    // FTS5 keeps shadow tables of its own, which cannot be STRICT.
    const virtual = (
      handle.prepare("SELECT name FROM pragma_table_list WHERE type = 'virtual'").all() as { name: string }[]
    ).map(({ name }) => name);
    expect(loose.filter(({ name }) => !virtual.some((owner) => name.startsWith(`${owner}_`)))).toEqual([]);
    handle.close();
  });

  for (const [index, migration] of allMigrations.entries()) {
    it(`${migration.number} ${migration.name} goes on from the schema before it, keeps its rows, and gives the same schema`, () => {
      const stepwise = createDatabase(join(folder, 'stepwise.db'), key);
      migrate(stepwise, allMigrations.slice(0, index), 1);
      fillTables(stepwise);
      const before = countRows(stepwise);
      migrate(stepwise, allMigrations.slice(0, index + 1), 2);
      expect(countRows(stepwise)).toMatchObject(before);
      expect(schemaVersion(stepwise)).toBe(migration.number);
      const atOnce = createDatabase(join(folder, 'atOnce.db'), key);
      migrate(atOnce, allMigrations.slice(0, index + 1), 1);
      expect(schemaOf(stepwise)).toBe(schemaOf(atOnce));
      stepwise.close();
      atOnce.close();
    });
  }

  it('that fail leave the step undone', () => {
    const handle = createDatabase(join(folder, 'a.db'), key);
    const broken = {
      number: 9990,
      name: 'broken',
      sql: 'CREATE TABLE half (a TEXT) STRICT; INSERT INTO nowhere VALUES (1);',
    };
    expect(() => migrate(handle, [...allMigrations, broken], 1)).toThrow();
    expect(schemaVersion(handle)).toBe(allMigrations.at(-1)!.number);
    expect(handle.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'half'").get()).toBeUndefined();
    handle.close();
  });

  it('copy an existing store before they change it', async () => {
    const t = await openTestStore({ migrations: allMigrations.slice(0, 1) });
    try {
      t.store.gate.write(t.author, 'x.y', (tx) =>
        tx.run(
          "INSERT INTO setting (name, value, version, hlc, site_id) VALUES ('kept', '1', 1, ?, ?)",
          tx.hlc,
          tx.siteId,
        ),
      );
      const keys = t.holder.keys();
      const databaseKey = databaseKeyOf(keys.dataKey);
      const added = { number: 9990, name: 'added', sql: 'CREATE TABLE added (a TEXT) STRICT;' };
      await t.reopen([...allMigrations.slice(0, 1), added]);
      expect(t.store.reader.get('SELECT value FROM setting WHERE name = ?', 'kept')).toEqual({ value: '1' });
      expect(t.store.reader.all('SELECT * FROM added')).toEqual([]);
      const copy = join(t.home, 'before-migration', `salus-schema-${allMigrations[0]!.number}.db`);
      const handle = openDatabase(copy, databaseKey, 'read');
      expect(schemaVersion(handle)).toBe(allMigrations[0]!.number);
      expect(handle.prepare("SELECT value FROM setting WHERE name = 'kept'").all()).toHaveLength(1);
      handle.close();
      // An older program leaves the newer store alone.
      await t.holder.close();
      const bytes = createHash('sha256')
        .update(readFileSync(join(t.home, 'salus.db')))
        .digest('hex');
      await expect(t.reopen(allMigrations.slice(0, 1))).rejects.toEqual(
        expect.objectContaining({ code: 'storage.newerVersion' }),
      );
      expect(
        createHash('sha256')
          .update(readFileSync(join(t.home, 'salus.db')))
          .digest('hex'),
      ).toBe(bytes);
    } finally {
      await t.close();
    }
  });

  it('take every released schema to the newest', () => {
    const released = existsSync(releasedFolder)
      ? readdirSync(releasedFolder).filter((name) => name.endsWith('.db'))
      : [];
    expect(released.length).toBeGreaterThan(0);
    const fresh = createDatabase(join(folder, 'fresh.db'), key);
    migrate(fresh, allMigrations, 1);
    for (const name of released) {
      cpSync(join(releasedFolder, name), join(folder, name));
      const handle = openDatabase(join(folder, name), fixtureKey, 'write');
      const before = countRows(handle);
      migrate(handle, allMigrations, 2);
      expect(countRows(handle), name).toMatchObject(before);
      expect(schemaOf(handle), name).toBe(schemaOf(fresh));
      // The made-up rows of the fixture break CHECK constraints; everything else must be sound.
      handle.pragma('ignore_check_constraints=ON');
      expect(handle.pragma('quick_check', { simple: true }), name).toBe('ok');
      handle.close();
    }
    fresh.close();
  });
});
