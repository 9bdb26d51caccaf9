import { Worker } from 'node:worker_threads';
import type { Log } from '../../../platform/platform.ts';
import { importLimits } from './importLimits.ts';
import type { FromImportWorker, ImportWorkerData, ItemResult, ToImportWorker, WorkItem } from './importMessages.ts';
import { makeWorkNote, readWorkNote, type WorkNote } from './workNote.ts';

/** A result with the way to say that it is written and another may come. */
export interface PooledResult {
  readonly result: ItemResult;
  release(): void;
}

export interface ImportPool {
  /** A number for one run, by which its items are cancelled. */
  openRun(): number;
  /** Reads one item; `onResult` is called for each file found in it. Resolves with a failure code or null at its end. */
  submit(runId: number, item: WorkItem, onResult: (result: PooledResult) => void): Promise<string | null>;
  cancel(runId: number): void;
  close(): Promise<void>;
}

interface Task {
  readonly itemId: number;
  readonly runId: number;
  readonly item: WorkItem;
  readonly onResult: (result: PooledResult) => void;
  readonly resolve: (failure: string | null) => void;
  /** How often the worker died over it; from then on it runs alone, so that it takes nobody along. */
  crashes: number;
  /** Entries of this archive that took too long. */
  readonly skip: number[];
}

interface Thread {
  readonly worker: Worker;
  readonly note: SharedArrayBuffer;
  readonly tasks: Map<number, Task>;
  /** The piece of work it was seen at, and for how long it has been looked at there. */
  seen: { readonly sequence: number; forMs: number } | null;
  /** For how long it has been looked at since it last posted anything, or was given its first task. */
  silentForMs: number;
}

/** How long a worker may take, and how often the pool looks. */
export interface PoolTimes {
  readonly fileMs: number;
  readonly fileMsPerMib: number;
  readonly checkMs: number;
}

const threadCount = 2;
/**
 * Items given to a worker at a time: enough to keep it busy while fsyncs are under way and while this thread, which
 * hands out the next ones, writes a batch of rows.
 */
const itemsPerThread = 64;
/** A worker that has posted nothing for so long, with work in hand, is replaced. */
const longestSilenceMs = 30 * 60_000;
const usualTimes: PoolTimes = { fileMs: importLimits.fileMs, fileMsPerMib: importLimits.fileMsPerMib, checkMs: 1000 };
const idleMs = 60_000;

/** A small nursery keeps a worker's memory flat over any number of files (measured: 5 KiB for each of 20,000 without it). */
const resourceLimits = { maxYoungGenerationSizeMb: 16, maxOldGenerationSizeMb: 1024 };

/**
 * Worker threads that read, examine and archive; started when first needed, ended when idle. A file that keeps a worker
 * busy beyond its time (a hostile one, a disc that no longer reads) is rejected, the worker replaced, and the rest goes on.
 */
export function openImportPool(data: Omit<ImportWorkerData, 'note'>, log: Log, times = usualTimes): ImportPool {
  const threads = new Set<Thread>();
  const queue: Task[] = [];
  let nextItem = 1;
  let nextRun = 1;
  let idleTimer: NodeJS.Timeout | null = null;
  let closed = false;
  let watch: NodeJS.Timeout | null = null;
  let lastLookMs = 0;
  /** Kept here because a worker that takes over from a dead one never heard of them. */
  const cancelled = new Set<number>();

  const tell = (thread: Thread, message: ToImportWorker, transfer: ArrayBuffer[] = []) =>
    thread.worker.postMessage(message, transfer);

  function startThread(): Thread {
    const note = makeWorkNote();
    const workerData: ImportWorkerData = { ...data, note };
    const thread: Thread = {
      worker: new Worker(new URL('./import.worker.ts', import.meta.url), { workerData, resourceLimits }),
      note,
      tasks: new Map(),
      seen: null,
      silentForMs: 0,
    };
    threads.add(thread);
    thread.worker.on('message', (message: FromImportWorker) => receive(thread, message));
    thread.worker.on('error', (error) => log.error('an import worker died', error));
    thread.worker.on('exit', () => afterExit(thread));
    return thread;
  }

  function receive(thread: Thread, message: FromImportWorker): void {
    thread.silentForMs = 0;
    const task = thread.tasks.get(message.itemId);
    if (!task) return;
    if (message.type === 'result') {
      let released = false;
      task.onResult({
        result: message.result,
        release() {
          if (released || closed) return;
          released = true;
          if (threads.has(thread)) tell(thread, { type: 'credit', count: 1 });
        },
      });
      return;
    }
    thread.tasks.delete(message.itemId);
    if (message.trouble !== null) log.error('an import stopped over an item', new Error(message.trouble));
    task.resolve(message.failure);
    pump();
  }

  function reject(task: Task, reason: string, bytes = 0): void {
    task.onResult({ result: { kind: 'rejected', path: task.item.path, reason, bytes }, release: () => undefined });
    task.resolve(null);
  }

  /** A worker is gone: its tasks go to another one. `guilty`: the one it went over, when that is known. */
  function afterExit(thread: Thread, guilty?: Task): void {
    if (!threads.delete(thread)) return;
    const tasks = [...thread.tasks.values()];
    thread.tasks.clear();
    for (const task of tasks) {
      if (closed) {
        task.resolve('jobs.interrupted');
        continue;
      }
      if (guilty === undefined) task.crashes += 1;
      if (cancelled.has(task.runId)) task.resolve(null);
      else if (task.crashes > 1) reject(task, 'imaging.importFault');
      else queue.unshift(task);
    }
    pump();
  }

  function giveUp(thread: Thread, note: WorkNote): void {
    log.error('an import worker was ended', new Error('a file took too long'));
    const task = thread.tasks.get(note.itemId);
    thread.tasks.delete(note.itemId);
    if (task) {
      const goesOn = note.ordinal > 0 && task.skip.length < importLimits.slowEntries;
      if (cancelled.has(task.runId)) task.resolve(null);
      else if (goesOn) queue.unshift({ ...task, skip: [...task.skip, note.ordinal] });
      else reject(task, 'imaging.tookTooLong', note.bytes);
    }
    // Not awaited: a thread that waits for a dead medium inside the system ends when that does.
    void thread.worker.terminate();
    afterExit(thread, task);
  }

  function giveUpSilent(thread: Thread): void {
    log.error('an import worker was ended', new Error('it said nothing for too long'));
    void thread.worker.terminate();
    afterExit(thread);
  }

  function lookAfterThreads(): void {
    // While the machine slept, or the process was stopped, the workers were too: that time is nobody's.
    const nowMs = performance.now();
    const stepMs = Math.min(nowMs - lastLookMs, 2 * times.checkMs);
    lastLookMs = nowMs;
    for (const thread of [...threads]) {
      if (thread.tasks.size === 0) continue;
      thread.silentForMs += stepMs;
      const note = readWorkNote(thread.note);
      if (note === null || thread.seen?.sequence !== note.sequence) {
        thread.seen = note && { sequence: note.sequence, forMs: 0 };
        if (thread.silentForMs > longestSilenceMs) giveUpSilent(thread);
        continue;
      }
      thread.seen.forMs += stepMs;
      if (thread.seen.forMs > times.fileMs + (note.bytes / 1024 ** 2) * times.fileMsPerMib) giveUp(thread, note);
    }
    if (watch !== null && [...threads].every((thread) => thread.tasks.size === 0)) {
      clearInterval(watch);
      watch = null;
    }
  }

  function pump(): void {
    if (closed) return;
    while (queue.length > 0) {
      const task = queue[0] as Task;
      const thread = freeThread(task);
      if (!thread) break;
      queue.shift();
      if (thread.tasks.size === 0) thread.silentForMs = 0;
      thread.tasks.set(task.itemId, task);
      if (watch === null) {
        lastLookMs = performance.now();
        watch = setInterval(lookAfterThreads, times.checkMs).unref();
      }
      const { itemId, runId, skip } = task;
      const item = withOwnBytes(task.item);
      tell(thread, { type: 'item', itemId, runId, item, skip }, item.kind === 'bytes' ? [item.bytes] : []);
    }
    const idle = queue.length === 0 && [...threads].every((thread) => thread.tasks.size === 0);
    if (idleTimer !== null) clearTimeout(idleTimer);
    idleTimer = null;
    if (idle && threads.size > 0) idleTimer = setTimeout(() => endThreads(), idleMs).unref();
  }

  function freeThread(task: Task): Thread | null {
    if (threads.size < threadCount) {
      const empty = [...threads].find((thread) => thread.tasks.size === 0);
      return empty ?? startThread();
    }
    const [first] = [...threads]
      .filter((thread) => ![...thread.tasks.values()].some((other) => other.crashes > 0))
      .sort((left, right) => left.tasks.size - right.tasks.size);
    if (!first) return null;
    return first.tasks.size < (task.crashes > 0 ? 1 : itemsPerThread) ? first : null;
  }

  function endThreads(): Promise<unknown> {
    return Promise.all([...threads].map((thread) => thread.worker.terminate()));
  }

  return {
    openRun: () => nextRun++,
    submit(runId, item, onResult) {
      if (closed) return Promise.resolve('jobs.interrupted');
      if (cancelled.has(runId)) return Promise.resolve(null);
      return new Promise((resolve) => {
        queue.push({ itemId: nextItem++, runId, item, onResult, resolve, crashes: 0, skip: [] });
        pump();
      });
    },
    cancel(runId) {
      cancelled.add(runId);
      for (let index = queue.length - 1; index >= 0; index -= 1) {
        const task = queue[index] as Task;
        if (task.runId !== runId) continue;
        queue.splice(index, 1);
        task.resolve(null);
      }
      for (const thread of threads) tell(thread, { type: 'cancel', runId });
    },
    async close() {
      closed = true;
      if (idleTimer !== null) clearTimeout(idleTimer);
      if (watch !== null) clearInterval(watch);
      for (const task of queue.splice(0)) task.resolve('jobs.interrupted');
      await endThreads();
    },
  };
}

/**
 * The item as it is handed to a worker: what a window sent is copied, because the next worker needs it when this one
 * dies over something else. So each upload under way is held twice, at most twice `importLimits.uploadBytes`. Not shared
 * memory: that weighs nothing to the garbage collector, so a long upload would pile up.
 */
function withOwnBytes(item: WorkItem): WorkItem {
  return item.kind === 'bytes' ? { ...item, bytes: item.bytes.slice(0) } : item;
}
