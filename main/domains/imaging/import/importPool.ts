import { Worker } from 'node:worker_threads';
import type { Log } from '../../../platform/platform.ts';
import type { FromImportWorker, ImportWorkerData, ItemResult, ToImportWorker, WorkItem } from './importMessages.ts';

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
  startedAt: number;
}

interface Thread {
  readonly worker: Worker;
  readonly tasks: Map<number, Task>;
}

const threadCount = 2;
/**
 * Items given to a worker at a time: enough to keep it busy while fsyncs are under way and while this thread, which
 * hands out the next ones, writes a batch of rows.
 */
const itemsPerThread = 64;
/** A worker that has not ended an item after so long is replaced. An archive of many gigabytes takes minutes. */
const longestItemMs = 30 * 60_000;
const idleMs = 60_000;

/** A small nursery keeps a worker's memory flat over any number of files (measured: 5 KiB for each of 20,000 without it). */
const resourceLimits = { maxYoungGenerationSizeMb: 16, maxOldGenerationSizeMb: 1024 };

/** Worker threads that read, examine and archive; started when first needed, ended when idle. */
export function openImportPool(data: ImportWorkerData, log: Log): ImportPool {
  const threads = new Set<Thread>();
  const queue: Task[] = [];
  let nextItem = 1;
  let nextRun = 1;
  let idleTimer: NodeJS.Timeout | null = null;
  let closed = false;

  const tell = (thread: Thread, message: ToImportWorker, transfer: ArrayBuffer[] = []) =>
    thread.worker.postMessage(message, transfer);

  function startThread(): Thread {
    const thread: Thread = {
      worker: new Worker(new URL('./import.worker.ts', import.meta.url), { workerData: data, resourceLimits }),
      tasks: new Map(),
    };
    threads.add(thread);
    thread.worker.on('message', (message: FromImportWorker) => receive(thread, message));
    thread.worker.on('error', (error) => log.error('an import worker died', error));
    thread.worker.on('exit', () => afterExit(thread));
    return thread;
  }

  function receive(thread: Thread, message: FromImportWorker): void {
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

  function afterExit(thread: Thread): void {
    threads.delete(thread);
    for (const task of thread.tasks.values()) {
      task.crashes += 1;
      if (closed || task.crashes > 1 || task.item.kind === 'bytes') {
        // Bytes were handed over to the dead worker and are gone with it.
        if (!closed)
          task.onResult({
            result: { kind: 'rejected', path: task.item.path, reason: 'imaging.notDicom', bytes: 0 },
            release: () => undefined,
          });
        task.resolve(closed ? 'jobs.interrupted' : null);
      } else queue.unshift(task);
    }
    pump();
  }

  function pump(): void {
    if (closed) return;
    for (const thread of threads) {
      for (const task of thread.tasks.values()) {
        if (performance.now() - task.startedAt > longestItemMs) void thread.worker.terminate();
      }
    }
    while (queue.length > 0) {
      const task = queue[0] as Task;
      const thread = freeThread(task);
      if (!thread) break;
      queue.shift();
      task.startedAt = performance.now();
      thread.tasks.set(task.itemId, task);
      const transfer = task.item.kind === 'bytes' ? [task.item.bytes] : [];
      tell(thread, { type: 'item', itemId: task.itemId, runId: task.runId, item: task.item }, transfer);
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
      return new Promise((resolve) => {
        queue.push({ itemId: nextItem++, runId, item, onResult, resolve, crashes: 0, startedAt: 0 });
        pump();
      });
    },
    cancel(runId) {
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
      for (const task of queue.splice(0)) task.resolve('jobs.interrupted');
      await endThreads();
    },
  };
}
