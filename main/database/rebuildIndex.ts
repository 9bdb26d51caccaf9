import { copyFileSync, existsSync, linkSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Failure } from '../../app/shared/failure.ts';
import type { StoredObject } from '../archive/archive.ts';
import { syncDirectory } from '../archive/directorySync.ts';
import type { ThreadArchive } from '../archive/openArchive.ts';
import { databaseKeyOf } from '../keyring/deriveKeys.ts';
import type { Platform } from '../platform/platform.ts';
import { openHybridClock } from './hybridClock.ts';
import { migrate } from './migrate.ts';
import { allMigrations } from './migrations/allMigrations.ts';
import { createDatabase, type DatabaseHandle, openDatabase, storageFailureOf } from './openDatabase.ts';
import type { StoreKeys } from './openStore.ts';
import type { Replayer } from './replay.ts';
import { StatementCache } from './statementCache.ts';
import { storePaths } from './storePaths.ts';
import type { SqlValue, Statement, Transaction } from './writeGate.ts';

export interface RebuildCounts {
  objects: number;
  statements: number;
  /** Objects that no replayer takes. */
  skipped: number;
  /** Objects that cannot be read, or whose replay failed. */
  damaged: number;
}

export interface RebuildParts {
  readonly platform: Platform;
  readonly keys: StoreKeys;
  readonly archive: ThreadArchive;
  readonly replayers: readonly Replayer[];
}

/** A new index under construction in `rebuild/`, which does not count until `swap`. */
export interface IndexBuilder {
  readonly counts: Readonly<RebuildCounts>;
  /** Replays what the archive holds and was not replayed yet. Yields to the loop between objects. */
  catchUp(signal: AbortSignal, report: (done: number, total: number) => void): Promise<void>;
  /** Takes over from the old index what no archived object tells: whole tables (audit, operators, jobs), and what replayers ask for. */
  takeOver(old: DatabaseHandle, tables: readonly string[]): void;
  /** Lets the replayers finish, checks the new index and puts it in the old one's place, which is kept in `before-rebuild/`. The store must be closed. */
  swap(): void;
  /** Gives up: removes the new index. */
  discard(): void;
}

/** Rows that are no copy of archived facts, or whose newest state only the old index has. */
export const takenOverTables = ['audit_entry', 'operator', 'setting', 'job'] as const;

/** Objects to a transaction: few, so that the window's thread is never held for long. */
const batchObjects = 10;

interface Listed extends StoredObject {
  readonly storedAt: number;
}

/** Starts a new, empty index beside the old one. */
export function openIndexBuilder({ platform, keys, archive, replayers }: RebuildParts): IndexBuilder {
  const paths = storePaths(platform.home);
  const target = join(paths.rebuild, 'salus.db');
  rmSync(paths.rebuild, { recursive: true, force: true });
  mkdirSync(paths.rebuild, { recursive: true, mode: 0o700 });
  const handle = createDatabase(target, databaseKeyOf(keys.dataKey));
  migrate(handle, allMigrations, platform.clock.nowMs());
  const statements = new StatementCache(handle);
  const hybrid = openHybridClock(keys.keyring.siteId, null);
  const done = new Set<string>();
  const counts: RebuildCounts = { objects: 0, statements: 0, skipped: 0, damaged: 0 };

  function transactionAt(hlc: string, nowMs: number): Transaction {
    return {
      nowMs,
      hlc,
      siteId: keys.keyring.siteId,
      get: (sql, ...parameters) => statements.get(sql, ...parameters),
      all: (sql, ...parameters) => statements.all(sql, ...parameters),
      run: (sql, ...parameters) => ({ changes: statements.prepare(sql).run(...parameters).changes }),
      // Audit entries and topics were made when the fact was; a rebuild makes neither.
      subject: () => undefined,
      topic: () => undefined,
      statement() {
        throw new Error('a replay archives nothing');
      },
    };
  }

  /** One object in a savepoint of its own: what fails leaves no half rows. */
  function replayOne(object: StoredObject, bytes: Uint8Array, statement: Statement | null): void {
    const takers = replayers.filter(
      ({ kinds, types }) => kinds.includes(object.kind) && (statement === null || types?.includes(statement.type)),
    );
    if (takers.length === 0) {
      counts.skipped += 1;
      return;
    }
    const tx = transactionAt(
      statement?.hlc ?? hybrid.next(platform.clock.nowMs()),
      statement?.at ?? platform.clock.nowMs(),
    );
    handle.exec('SAVEPOINT replay');
    try {
      for (const replayer of takers) replayer.replay(tx, object, bytes, statement);
      handle.exec('RELEASE replay');
      if (statement === null) counts.objects += 1;
      else counts.statements += 1;
    } catch (error) {
      handle.exec('ROLLBACK TO replay');
      handle.exec('RELEASE replay');
      counts.damaged += 1;
      platform.log.error('an archived object could not be replayed', error, { object: object.name, kind: object.kind });
    }
  }

  async function listNew(): Promise<Listed[]> {
    const listed: Listed[] = [];
    for await (const name of archive.names()) {
      if (done.has(name)) continue;
      try {
        const object = archive.find(name);
        if (object === null) continue;
        const { mtimeMs } = await stat(join(archive.access.directory, name.slice(0, 2), name));
        listed.push({ ...object, storedAt: mtimeMs });
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        done.add(name);
        counts.damaged += 1;
      }
    }
    return listed;
  }

  async function read(object: StoredObject): Promise<Uint8Array | null> {
    try {
      return await archive.get(object.name);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      counts.damaged += 1;
      return null;
    }
  }

  function parseStatement(bytes: Uint8Array): Statement | null {
    try {
      return JSON.parse(Buffer.from(bytes).toString('utf8')) as Statement;
    } catch {
      return null; // Authenticated by the archive, so it was written like this; counted as damaged by the caller.
    }
  }

  /** Runs `work` for each item, a batch to a transaction, with a turn of the loop in between. */
  async function inBatches<Item>(
    items: readonly Item[],
    signal: AbortSignal,
    prepare: (item: Item) => Promise<(() => void) | null>,
  ): Promise<void> {
    for (let start = 0; start < items.length; start += batchObjects) {
      signal.throwIfAborted();
      const steps: (() => void)[] = [];
      for (const item of items.slice(start, start + batchObjects)) {
        const step = await prepare(item);
        if (step) steps.push(step);
      }
      handle.exec('BEGIN IMMEDIATE');
      try {
        for (const step of steps) step();
        handle.exec('COMMIT');
      } catch (error) {
        if (handle.inTransaction) handle.exec('ROLLBACK');
        throw storageFailureOf(error);
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Lets each replayer index what waited for a statement that never came. */
  function finishReplay(): void {
    const nowMs = platform.clock.nowMs();
    handle.transaction(() => {
      for (const replayer of replayers) replayer.finish?.(transactionAt(hybrid.next(nowMs), nowMs));
    })();
  }

  function keepOldIndex(): void {
    mkdirSync(paths.beforeRebuild, { recursive: true, mode: 0o700 });
    const kept = join(paths.beforeRebuild, 'salus.db');
    rmSync(kept, { force: true });
    try {
      linkSync(paths.database, kept);
    } catch (error) {
      // Some removable media know no hard links.
      platform.log.warn('the old index is copied, not linked', { code: String((error as { code?: unknown }).code) });
      copyFileSync(paths.database, kept);
    }
    syncDirectory(paths.beforeRebuild);
  }

  return {
    counts,
    async catchUp(signal, report) {
      const listed = await listNew();
      let seen = 0;
      const order = { dicom: 0, document: 1, statement: 2 } as const;
      const files = listed
        .filter(({ kind }) => kind !== 'statement' && replayers.some(({ kinds }) => kinds.includes(kind)))
        .sort((a, b) => order[a.kind] - order[b.kind] || a.storedAt - b.storedAt || (a.name < b.name ? -1 : 1));
      await inBatches(files, signal, async (object) => {
        const bytes = await read(object);
        done.add(object.name);
        seen += 1;
        report(seen, listed.length);
        return bytes && (() => replayOne(object, bytes, null));
      });

      const newest = new Map<string, { object: StoredObject; statement: Statement }>();
      for (const object of listed.filter(({ kind }) => kind === 'statement')) {
        signal.throwIfAborted();
        const bytes = await read(object);
        done.add(object.name);
        seen += 1;
        report(seen, listed.length);
        if (bytes === null) continue;
        const statement = parseStatement(bytes);
        if (statement === null) {
          counts.damaged += 1;
          continue;
        }
        const key = JSON.stringify([statement.type, statement.id, statement.version]);
        const known = newest.get(key);
        if (!known || known.statement.hlc < statement.hlc) newest.set(key, { object, statement });
      }
      const ordered = [...newest.values()].sort((a, b) => (a.statement.hlc < b.statement.hlc ? -1 : 1));
      await inBatches(
        ordered,
        signal,
        async ({ object, statement }) =>
          () =>
            replayOne(object, new Uint8Array(0), statement),
      );
    },
    takeOver(old, tables) {
      handle.transaction(() => {
        handle.pragma('defer_foreign_keys=ON');
        for (const table of tables) {
          const taken = old.prepare(`SELECT * FROM ${table}`);
          const columns = taken.columns().map(({ name }) => name);
          if (table !== 'audit_entry') handle.exec(`DELETE FROM ${table}`);
          const first = (handle.prepare(`SELECT count(*) AS n FROM ${table}`).get() as { n: number }).n;
          const insert = handle.prepare(
            `INSERT INTO ${table} (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`,
          );
          let index = 0;
          for (const row of taken.raw().iterate() as Iterable<SqlValue[]>) {
            // Entries already taken over stay; the chain only grows.
            if (index >= first) insert.run(...row);
            index += 1;
          }
        }
        const nowMs = platform.clock.nowMs();
        for (const replayer of replayers)
          replayer.takeOver?.(transactionAt(hybrid.next(nowMs), nowMs), new StatementCache(old));
      })();
    },
    swap() {
      finishReplay();
      const problems = handle.pragma('quick_check', { simple: true });
      const orphans = handle.pragma('foreign_key_check') as unknown[];
      if (problems !== 'ok' || orphans.length > 0)
        throw new Failure('storage.databaseDamaged', 'the rebuilt index is not sound');
      handle.pragma('wal_checkpoint(TRUNCATE)');
      handle.close();
      if (existsSync(paths.database)) keepOldIndex();
      for (const suffix of ['-wal', '-shm']) rmSync(paths.database + suffix, { force: true });
      syncDirectory(platform.home);
      // One rename: at any moment a whole index lies at the store's name.
      renameSync(target, paths.database);
      syncDirectory(platform.home);
      rmSync(paths.rebuild, { recursive: true, force: true });
    },
    discard() {
      if (handle.open) handle.close();
      rmSync(paths.rebuild, { recursive: true, force: true });
    },
  };
}

/** Opens the old index for `takeOver`. @throws Failure('storage.…') when it cannot be read */
export function openOldIndex(home: string, keys: StoreKeys): DatabaseHandle {
  return openDatabase(storePaths(home).database, databaseKeyOf(keys.dataKey), 'read');
}
