import { Failure } from '../../app/shared/failure.ts';
import type { DatabaseHandle } from './openDatabase.ts';

/** One step of the schema. Plain SQL, forward only; imports nothing from the program, so that it never changes with it. */
export interface Migration {
  /** Tens: 10, 20 … in the order they run. */
  readonly number: number;
  readonly name: string;
  readonly sql: string;
}

/** The number of the newest migration the database has, 0 for none. */
export function schemaVersion(handle: DatabaseHandle): number {
  const row = handle.prepare('SELECT max(number) AS number FROM schema_migration').get() as { number: number | null };
  return row.number ?? 0;
}

/** @throws Failure('storage.newerVersion') when the database was written by a newer program. */
export function refuseNewer(handle: DatabaseHandle, migrations: readonly Migration[]): void {
  const newest = migrations.at(-1)?.number ?? 0;
  const found = schemaVersion(handle);
  if (found > newest) {
    throw new Failure('storage.newerVersion', 'the store was written by a newer version', { found, newest });
  }
}

/** The migrations the database lacks, in order. */
export function pendingMigrations(handle: DatabaseHandle, migrations: readonly Migration[]): Migration[] {
  const applied = new Set(
    (handle.prepare('SELECT number FROM schema_migration').all() as { number: number }[]).map((row) => row.number),
  );
  return migrations.filter((migration) => !applied.has(migration.number));
}

/** Runs each missing migration in a transaction of its own, so that a cut leaves a whole step done or none of it. */
export function migrate(handle: DatabaseHandle, migrations: readonly Migration[], nowMs: number): void {
  refuseNewer(handle, migrations);
  for (const migration of pendingMigrations(handle, migrations)) {
    handle.transaction(() => {
      handle.exec(migration.sql);
      handle
        .prepare('INSERT INTO schema_migration (number, name, applied_at) VALUES (?, ?, ?)')
        .run(migration.number, migration.name, nowMs);
    })();
  }
}
