import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { migrate } from '../../main/database/migrate.ts';
import { allMigrations } from '../../main/database/migrations/allMigrations.ts';
import { createDatabase, type DatabaseHandle } from '../../main/database/openDatabase.ts';
import { databaseKeyOf } from '../../main/keyring/deriveKeys.ts';

/*
 * Keeps the schema of a release as a fixture: `node tests/migrations/writeReleasedSchema.ts 0.2.0`, once per release.
 * From then on every later schema is tested from it.
 */

/** Fixtures hold a schema and one made-up row per table, no secret. */
export const fixtureKey = databaseKeyOf(new Uint8Array(32));

/** A row of plausible values for a table, taken from its column types; null where that is allowed. */
export function fillTables(handle: DatabaseHandle): void {
  const tables = handle
    .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND sql LIKE '%STRICT%'")
    .all() as { name: string }[];
  handle.pragma('foreign_keys=OFF');
  handle.pragma('ignore_check_constraints=ON');
  for (const { name } of tables.filter((table) => table.name !== 'schema_migration')) {
    const columns = handle
      .prepare(`SELECT name, type, "notnull", pk, dflt_value FROM pragma_table_info('${name}')`)
      .all() as {
      name: string;
      type: string;
      notnull: number;
      pk: number;
      dflt_value: string | null;
    }[];
    const needed = columns.filter((column) => (column.notnull === 1 && column.dflt_value === null) || column.pk > 0);
    const values = needed.map(({ type }) => (type === 'TEXT' ? "'x'" : type === 'BLOB' ? "x'00'" : '1'));
    if (needed.length > 0)
      handle.exec(
        `INSERT INTO "${name}" (${needed.map((column) => `"${column.name}"`).join(', ')}) VALUES (${values.join(', ')})`,
      );
  }
  handle.pragma('ignore_check_constraints=OFF');
  handle.pragma('foreign_keys=ON');
}

/** Writes `released/<version>.db`: the newest schema with one row in each table. */
function writeReleasedSchema(version: string): void {
  const folder = join(import.meta.dirname, 'released');
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${version}.db`);
  rmSync(path, { force: true });
  const handle = createDatabase(path, fixtureKey);
  migrate(handle, allMigrations, 1);
  fillTables(handle);
  handle.pragma('journal_mode=DELETE');
  handle.exec('VACUUM');
  handle.close();
  console.log(`wrote ${path}`);
}

if (import.meta.main) {
  const version = process.argv[2];
  if (!version || !/^\d+\.\d+\.\d+$/.test(version))
    throw new Error('usage: node tests/migrations/writeReleasedSchema.ts 0.2.0');
  writeReleasedSchema(version);
}
