import type { OpenStore } from '../../../core.ts';
import { systemAuthor } from '../../../database/openWriteGate.ts';
import type { Transaction } from '../../../database/writeGate.ts';
import { fileKey, folderKey, type SeenFile } from './folderLook.ts';

/** Which files of watched folders are dealt with, or are being taken by an import. */
interface WatchedRows {
  /** Those of `files` that are not known yet. */
  unknownOf(folder: string, files: readonly SeenFile[]): Promise<SeenFile[]>;
  begin(folder: string, files: readonly SeenFile[], jobId: string): void;
  /** Imports of this folder that began and whose end was not noted. */
  unfinished(folder: string): string[];
  count(jobId: string): number;
  /** The import dealt with all of its files. */
  finish(tx: Transaction, jobId: string): void;
  /** The import ended some other way: its files are to be taken again. */
  forget(jobId: string): void;
  /** Forgets files that have been gone for 90 days, those of folders that nobody watches any more too. */
  prune(folder: string, present: readonly SeenFile[], watched: readonly string[], signal: AbortSignal): Promise<void>;
}

const dayMs = 86_400_000;
const keptMs = 90 * dayMs;
/** What lies there still is noted again when its note is older than this. */
const refreshMs = 45 * dayMs;
/** Of so many files each is looked up by itself; of more, all that is known of the folder is read elsewhere at once. */
const fewFiles = 100;
/** Hashes, or rows, to a turn of the loop. */
const perTurn = 500;

export function openWatchedRows(store: OpenStore): WatchedRows {
  const { gate, reader, platform } = store;

  async function keysOf(files: readonly SeenFile[]): Promise<string[]> {
    const keys: string[] = [];
    for (const file of files) {
      keys.push(hex(fileKey(file)));
      if (keys.length % perTurn === 0) await aTurn();
    }
    return keys;
  }

  async function inBatches<Item>(
    items: readonly Item[],
    signal: AbortSignal,
    write: (tx: Transaction, item: Item) => void,
  ): Promise<void> {
    for (let start = 0; start < items.length && !signal.aborted; start += perTurn) {
      gate.append(systemAuthor, (tx) => {
        for (const item of items.slice(start, start + perTurn)) write(tx, item);
      });
      await aTurn();
    }
  }

  async function pruneUnwatched(watched: readonly string[], beforeMs: number, signal: AbortSignal): Promise<void> {
    const kept = JSON.stringify(watched.map((folder) => hex(folderKey(folder))));
    for (let changes = perTurn; changes === perTurn && !signal.aborted; await aTurn()) {
      ({ changes } = gate.append(systemAuthor, (tx) =>
        tx.run(
          `DELETE FROM watched_file WHERE (folder_key, file_key) IN (
             SELECT folder_key, file_key FROM watched_file
             WHERE seen_at < ? AND hex(folder_key) NOT IN (SELECT value FROM json_each(?)) LIMIT ?)`,
          beforeMs,
          kept,
          perTurn,
        ),
      ));
    }
  }

  return {
    async unknownOf(folder, files) {
      if (files.length <= fewFiles) {
        const place = folderKey(folder);
        const find = 'SELECT 1 FROM watched_file WHERE folder_key = ? AND file_key = ?';
        return files.filter((file) => reader.get(find, place, fileKey(file)) === undefined);
      }
      const rows = await store.readLater<{ key: string }>(
        'SELECT hex(file_key) AS key FROM watched_file WHERE folder_key = unhex(?)',
        hex(folderKey(folder)),
      );
      const known = new Set(rows.map(({ key }) => key));
      const keys = await keysOf(files);
      return files.filter((_, at) => !known.has(keys[at] as string));
    },
    begin(folder, files, jobId) {
      const place = folderKey(folder);
      gate.append(systemAuthor, (tx) => {
        for (const file of files) {
          tx.run(
            `INSERT INTO watched_file (folder_key, file_key, seen_at, job_id) VALUES (?, ?, ?, ?)
             ON CONFLICT DO UPDATE SET seen_at = excluded.seen_at, job_id = excluded.job_id`,
            place,
            fileKey(file),
            tx.nowMs,
            jobId,
          );
        }
      });
    },
    unfinished: (folder) =>
      reader
        .all<{ job_id: string }>(
          'SELECT DISTINCT job_id FROM watched_file WHERE job_id IS NOT NULL AND folder_key = ?',
          folderKey(folder),
        )
        .map(({ job_id }) => job_id),
    count: (jobId) =>
      reader.get<{ n: number }>('SELECT count(*) AS n FROM watched_file WHERE job_id = ?', jobId)?.n ?? 0,
    finish(tx, jobId) {
      tx.run('UPDATE watched_file SET job_id = NULL WHERE job_id = ?', jobId);
    },
    forget(jobId) {
      gate.append(systemAuthor, (tx) => tx.run('DELETE FROM watched_file WHERE job_id = ?', jobId));
    },
    async prune(folder, present, watched, signal) {
      const nowMs = platform.clock.nowMs();
      const place = folderKey(folder);
      const stale = await store.readLater<{ key: string; seen_at: number }>(
        `SELECT hex(file_key) AS key, seen_at FROM watched_file
         WHERE seen_at < ? AND folder_key = unhex(?) AND job_id IS NULL`,
        nowMs - refreshMs,
        hex(place),
      );
      if (stale.length > 0) {
        const here = new Set(await keysOf(present));
        await inBatches(
          stale.filter(({ key }) => here.has(key)),
          signal,
          (tx, { key }) =>
            tx.run(
              'UPDATE watched_file SET seen_at = ? WHERE folder_key = ? AND file_key = ?',
              nowMs,
              place,
              Buffer.from(key, 'hex'),
            ),
        );
        await inBatches(
          stale.filter(({ key, seen_at }) => !here.has(key) && seen_at < nowMs - keptMs),
          signal,
          (tx, { key }) =>
            tx.run('DELETE FROM watched_file WHERE folder_key = ? AND file_key = ?', place, Buffer.from(key, 'hex')),
        );
      }
      await pruneUnwatched(watched, nowMs - keptMs, signal);
    },
  };
}

function hex(bytes: Buffer): string {
  return bytes.toString('hex').toUpperCase();
}

function aTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
