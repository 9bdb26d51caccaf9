import { createHash } from 'node:crypto';
import { Failure } from '../../../../app/shared/failure.ts';
import type { JobHandle } from '../../../background/jobs.ts';
import type { OpenStore } from '../../../core.ts';
import type { Author, Transaction } from '../../../database/writeGate.ts';
import type { ArrivalOutbox } from './arrivalOutbox.ts';
import type { ArrivalOrigin, Arrived, IndexParts } from './arrived.ts';
import type { ItemResult, WorkItem } from './importMessages.ts';
import type { ImportPool, PooledResult } from './importPool.ts';
import { endArrivals, indexInstances } from './indexInstances.ts';

export interface RunParts {
  readonly store: OpenStore;
  readonly pool: ImportPool;
  readonly index: IndexParts;
  readonly outbox: ArrivalOutbox;
}

/** Where the studies of a run come from, as the list says it. */
export type ImportSource = 'import' | 'upload' | 'samples';

export interface ImportRun {
  /** Hands an item to the workers; resolves when there is room for the next. @throws what stopped the run */
  add(item: WorkItem): Promise<void>;
  /** Hands an item over and resolves when it has been read to its end. */
  addAndWait(item: WorkItem): Promise<void>;
  /** Notes a place that could not be read at all. */
  reject(path: string, reason: string): void;
  /** True when an earlier, cut off run of this job has dealt with the file. */
  isDone(path: string): boolean;
  expect(total: number, bytes: number): void;
  /** Waits for what is under way and writes it. @throws what stopped the run */
  finish(): Promise<void>;
}

/** Rows to a transaction: long enough to spread its fsyncs, short enough to keep the window's thread free. */
const rowsPerWrite = 100;
const longestWaitMs = 250;
/** More than the workers are given at a time. */
const itemsUnderWay = 160;

interface Waiting {
  readonly result: Exclude<ItemResult, { kind: 'reference' }>;
  readonly release: () => void;
}

interface RunCounts {
  imported: number;
  duplicates: number;
  conflicts: number;
  rejected: number;
  bytes: number;
}

/**
 * Opens the run of one import job: takes results from the workers and writes them, 100 to a transaction, together with
 * what the run has done so far. The facts of arrival (which objects, in which order, when) are archived with them, so
 * that an index rebuilt from the archive alone tells duplicates from conflicts the same way.
 */
export function openImportRun(
  parts: RunParts,
  job: JobHandle,
  author: Author,
  source: ImportSource,
  channel: 'import' | 'watch' = 'import',
): ImportRun {
  const origin: ArrivalOrigin = { channel, callingAe: '', nodeId: null };
  const { store, pool, outbox } = parts;
  const runId = pool.openRun();
  const startedAtMs = performance.now();
  let waiting: Waiting[] = [];
  let timer: NodeJS.Timeout | null = null;
  let failure: Failure | null = null;
  let underWay = 0;
  let total = 0;
  let wake: (() => void)[] = [];
  const followed = new Set<Promise<void>>();

  store.gate.write(author, 'imaging.startImport', (tx) => {
    tx.run(
      'INSERT INTO import_run (job_id, source, started_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
      job.jobId,
      source,
      tx.nowMs,
    );
    // What ended runs left. A run keeps its own list to its very end and beyond: a death between its last write and the
    // word that the job is done would else count every file again.
    tx.run(`DELETE FROM import_file WHERE job_id NOT IN (SELECT job_id FROM job WHERE state IN ('queued', 'running'))`);
    tx.subject({ type: 'job', id: job.jobId });
  });
  const counts = store.reader.get<RunCounts & { active_ms: number }>(
    'SELECT imported, duplicates, conflicts, rejected, bytes, active_ms FROM import_run WHERE job_id = ?',
    job.jobId,
  ) ?? { imported: 0, duplicates: 0, conflicts: 0, rejected: 0, bytes: 0, active_ms: 0 };
  const activeBefore = counts.active_ms;
  const resumed = counts.imported + counts.duplicates + counts.conflicts + counts.rejected > 0;
  job.signal.addEventListener('abort', () => pool.cancel(runId), { once: true });

  function stop(reason: Failure): void {
    if (failure !== null) return;
    failure = reason;
    pool.cancel(runId);
    for (const next of wake.splice(0)) next();
  }

  function take({ result, release }: PooledResult): void {
    if (result.kind === 'reference') {
      release();
      const work = addAndWait({ kind: 'file', path: result.path });
      followed.add(work);
      void work.catch((error: unknown) => stop(asFailure(error))).finally(() => followed.delete(work));
      return;
    }
    waiting.push({ result, release });
    if (waiting.length >= rowsPerWrite) flush();
    else timer ??= setTimeout(flush, longestWaitMs);
  }

  function flush(): void {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    const batch = waiting;
    waiting = [];
    try {
      if (batch.length > 0 && failure === null) write(batch);
    } catch (error) {
      stop(asFailure(error));
    }
    for (const { release } of batch) release();
    report();
  }

  function write(batch: readonly Waiting[]): void {
    const next = store.gate.write(author, 'imaging.import', (tx) => {
      const fresh = batch.filter(({ result }) => noteFile(tx, job.jobId, result.path));
      const objects: Arrived[] = [];
      const change: RunCounts = { imported: 0, duplicates: 0, conflicts: 0, rejected: 0, bytes: 0 };
      for (const { result } of fresh) {
        if (result.kind === 'object') {
          objects.push(result.object);
          change.bytes += result.object.bytes;
          continue;
        }
        change.rejected += 1;
        change.bytes += result.bytes;
        tx.run(
          'INSERT INTO import_rejection (job_id, path, reason) VALUES (?, ?, ?)',
          job.jobId,
          result.path,
          result.reason,
        );
      }
      const outcomes = indexInstances(
        tx,
        author,
        objects,
        { source, origin, receivedAt: tx.nowMs, jobId: job.jobId },
        parts.index,
      );
      const kept = objects.filter((_, index) => outcomes[index] !== 'duplicate').map(({ objectName }) => objectName);
      outbox.clear(tx);
      const arrival = kept.length > 0 ? outbox.add(tx, author, { source, origin, objects: kept }) : null;
      for (const outcome of outcomes) {
        if (outcome === 'imported') change.imported += 1;
        else if (outcome === 'duplicate') change.duplicates += 1;
        else change.conflicts += 1;
      }
      tx.run(
        `UPDATE import_run SET imported = imported + ?, duplicates = duplicates + ?, conflicts = conflicts + ?, rejected = rejected + ?,
           bytes = bytes + ?, active_ms = ? WHERE job_id = ?`,
        change.imported,
        change.duplicates,
        change.conflicts,
        change.rejected,
        change.bytes,
        activeMs(),
        job.jobId,
      );
      tx.subject(
        { type: 'job', id: job.jobId },
        { imported: change.imported, conflicts: change.conflicts, rejected: change.rejected },
      );
      tx.topic('imports');
      return { ...change, arrival };
    });
    if (next.arrival !== null) outbox.send(next.arrival);
    counts.imported += next.imported;
    counts.duplicates += next.duplicates;
    counts.conflicts += next.conflicts;
    counts.rejected += next.rejected;
    counts.bytes += next.bytes;
  }

  function activeMs(): number {
    return activeBefore + Math.round(performance.now() - startedAtMs);
  }

  function report(): void {
    const { imported, duplicates, conflicts, rejected, bytes } = counts;
    const done = imported + duplicates + conflicts + rejected;
    job.report({
      done,
      total: Math.max(total, done),
      bytesDone: bytes,
      counts: { imported, duplicates, conflicts, rejected },
    });
  }

  async function submit(item: WorkItem): Promise<void> {
    underWay += 1;
    const reason = await pool.submit(runId, item, take);
    // The workers end before the jobs do when a store closes: the run waits to be cut off, so that it goes on next time.
    if (reason === 'jobs.interrupted' && !job.signal.aborted) {
      await new Promise((resolve) => job.signal.addEventListener('abort', resolve, { once: true }));
    }
    underWay -= 1;
    for (const next of wake.splice(0)) next();
    if (reason !== null)
      stop(new Failure(reason === 'storage.diskFull' ? 'imaging.diskFull' : reason, 'the import cannot go on'));
  }

  function refuseStopped(): void {
    if (failure !== null) throw failure;
    if (job.signal.aborted) throw new Failure('jobs.interrupted', 'the import was cancelled');
  }

  async function addAndWait(item: WorkItem): Promise<void> {
    refuseStopped();
    await submit(item);
    refuseStopped();
  }

  return {
    async add(item) {
      while (underWay >= itemsUnderWay && failure === null && !job.signal.aborted) {
        await new Promise<void>((resolve) => wake.push(resolve));
      }
      refuseStopped();
      void submit(item);
    },
    addAndWait,
    reject(path, reason) {
      take({ result: { kind: 'rejected', path, reason, bytes: 0 }, release: () => undefined });
    },
    isDone(path) {
      if (!resumed) return false;
      return (
        store.reader.get('SELECT 1 FROM import_file WHERE job_id = ? AND file_key = ?', job.jobId, fileKey(path)) !==
        undefined
      );
    },
    expect(files, bytes) {
      total = files;
      job.report({ total: files, ...(bytes > 0 ? { bytesTotal: bytes } : {}) });
    },
    async finish() {
      while (underWay > 0 || followed.size > 0) {
        await Promise.race([
          new Promise<void>((resolve) => wake.push(resolve)),
          ...[...followed].map((work) => work.catch(() => undefined)),
        ]);
      }
      wake = [];
      // Also what was archived before a cancel: it is there, so it is shown.
      flush();
      await outbox.settle().catch((error: unknown) => stop(asFailure(error)));
      if (failure !== null) throw failure;
      if (job.signal.aborted) return;
      let left = 1;
      while (left > 0) {
        left = store.gate.write(author, 'imaging.endImport', (tx) => {
          outbox.clear(tx);
          tx.run('UPDATE import_run SET active_ms = ? WHERE job_id = ?', activeMs(), job.jobId);
          tx.subject({ type: 'job', id: job.jobId });
          for (const topic of ['imports', 'studies', 'worklist'] as const) tx.topic(topic);
          return endArrivals(tx, job.jobId, parts.index, rowsPerWrite);
        });
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
  };
}

/** Notes that a file of this job is dealt with; false when it was already. */
function noteFile(tx: Transaction, jobId: string, path: string): boolean {
  return (
    tx.run('INSERT INTO import_file (job_id, file_key) VALUES (?, ?) ON CONFLICT DO NOTHING', jobId, fileKey(path))
      .changes > 0
  );
}

function fileKey(path: string): Buffer {
  return createHash('sha256').update(path).digest().subarray(0, 16);
}

/** What stops a run, without what a system error says: it may hold a path, and that a name. */
function asFailure(error: unknown): Failure {
  if (error instanceof Failure) {
    return error.code === 'storage.diskFull' ? new Failure('imaging.diskFull', 'no space left for the import') : error;
  }
  const { code, message } = error as { code?: string; message?: string };
  return new Failure('jobs.failed', code ?? message ?? 'the import failed');
}
