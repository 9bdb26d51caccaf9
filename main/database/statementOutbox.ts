import type { StoredObject } from '../archive/archive.ts';
import type { PreparedObject } from '../archive/openArchive.ts';
import type { Log } from '../platform/platform.ts';
import type { DatabaseHandle } from './openDatabase.ts';
import type { StatementCache } from './statementCache.ts';

interface WaitingRow {
  readonly object_name: string;
  readonly content: Uint8Array;
}

/** Archives one statement in two steps; see `ThreadArchive.prepareSync`. */
export type PrepareStatement = (kind: 'statement', content: Uint8Array) => PreparedObject;

/**
 * Brings statements into the archive exactly when the facts they tell are committed. A statement's file is written and
 * fsynced inside the transaction, under a name that does not count (so a full disk refuses the fact), and its content
 * commits as a row beside the fact. Only after the commit does the file take its name, and the row goes with the next
 * transaction. Cut off in between, the row is archived when the store is opened again. So the archive never tells a fact
 * that the index does not hold, and what the index holds is in the archive, or waits in this table for it.
 */
export interface StatementOutbox {
  /** Inside a transaction: writes the file and the row. */
  put(content: Uint8Array): StoredObject;
  /** Inside a transaction, first: removes the rows of what was archived since. */
  forgetArchived(): void;
  /** After the commit: what it brought takes its name in the archive, and what waits is tried again. Never throws: the fact is committed. */
  committed(): void;
  /** After a rollback: nothing of it stays. */
  rolledBack(): void;
  /** Archives what an earlier run left waiting. */
  archiveWaiting(): void;
}

/** A disk that was full for a moment must not keep a signed report out of the archive for days. */
const retryMs = 60_000;

export function openStatementOutbox(
  statements: StatementCache,
  prepareSync: PrepareStatement,
  log: Log,
): StatementOutbox {
  let prepared: PreparedObject[] = [];
  /** Archived, and still with a row. */
  let archived: string[] = [];
  let forgotten = 0;
  /** Rows whose statement could not be archived after its commit. */
  let waiting = false;
  let triedAt = 0;

  /** Tries again what waits; what fails again goes on waiting. Never throws: it runs after a commit. */
  function tryAgain(): void {
    triedAt = performance.now();
    try {
      archiveWaiting();
    } catch (error) {
      waiting = true;
      log.error('what waits for the archive could not be read', error);
    }
  }

  function archiveWaiting(): void {
    const left = new Set(archived);
    waiting = false;
    for (const { object_name, content } of waitingRows(statements)) {
      if (left.has(object_name)) continue;
      try {
        landOrDrop(prepareSync('statement', content));
        archived.push(object_name);
      } catch (error) {
        waiting = true;
        log.error('a committed fact waits for its place in the archive', error, { object: object_name });
      }
    }
  }

  return {
    put(content) {
      const next = prepareSync('statement', content);
      prepared.push(next);
      statements
        .prepare('INSERT OR IGNORE INTO statement_outbox (object_name, content) VALUES (?, ?)')
        .run(next.object.name, content);
      return next.object;
    },
    forgetArchived() {
      forgotten = archived.length;
      for (const name of archived) statements.prepare('DELETE FROM statement_outbox WHERE object_name = ?').run(name);
    },
    committed() {
      archived = archived.slice(forgotten);
      forgotten = 0;
      const brought = prepared;
      prepared = [];
      for (const each of brought) {
        try {
          landOrDrop(each);
          archived.push(each.object.name);
        } catch (error) {
          waiting = true;
          log.error('a committed fact waits for its place in the archive', error, { object: each.object.name });
        }
      }
      if (waiting && (brought.length > 0 || performance.now() - triedAt > retryMs)) tryAgain();
    },
    rolledBack() {
      forgotten = 0;
      for (const each of prepared) each.drop();
      prepared = [];
    },
    archiveWaiting,
  };
}

function landOrDrop(prepared: PreparedObject): void {
  try {
    prepared.land();
  } catch (error) {
    prepared.drop();
    throw error;
  }
}

function waitingRows(reader: StatementCache): WaitingRow[] {
  return reader.all<WaitingRow>('SELECT object_name, content FROM statement_outbox ORDER BY rowid');
}

/**
 * Archives what waits in the index of a closed store, before a new index takes its place.
 *
 * @throws Failure('storage.diskFull') and the like: then the old index must stay, since it alone knows these facts
 */
export function archiveWaitingOf(index: DatabaseHandle, prepareSync: PrepareStatement): void {
  const rows = index.prepare('SELECT object_name, content FROM statement_outbox').all() as WaitingRow[];
  for (const { content } of rows) landOrDrop(prepareSync('statement', content));
}
