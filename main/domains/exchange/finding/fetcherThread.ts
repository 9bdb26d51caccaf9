import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import type { ArchiveAccess } from '../../../archive/archive.ts';
import type { Log } from '../../../platform/platform.ts';
import type { FetchEnd, FetchWish, FetchWorkerData, FromFetcher, ToFetcher } from './fetchMessages.ts';

/** The thread that brings objects from peers: started when first needed, ended when idle. */
export interface FetcherThread {
  /** `progress` hears what was refused and how many bytes came in this conversation so far. Never rejects. */
  fetch(
    wish: FetchWish,
    progress: (counts: { refused: number; bytes: number }) => void,
    signal: AbortSignal,
  ): Promise<FetchEnd>;
  close(): Promise<void>;
}

interface Task {
  readonly progress: (counts: { refused: number; bytes: number }) => void;
  readonly resolve: (end: FetchEnd) => void;
}

const idleMs = 60_000;
/** Objects that keep the thread busy for ever must not keep it from ending; what else it was about is asked for again. */
const obedienceMs = 30_000;
/** As for an import: a small nursery keeps the thread's memory flat over any number of objects. */
const resourceLimits = { maxYoungGenerationSizeMb: 16, maxOldGenerationSizeMb: 1024 };

/** @param serve answers the thread's questions on a port: see `Receptions` */
export function openFetcherThread(
  archiveAccess: ArchiveAccess,
  serve: (port: MessagePort) => void,
  log: Log,
): FetcherThread {
  const tasks = new Map<number, Task>();
  let worker: Worker | null = null;
  let idleTimer: NodeJS.Timeout | null = null;
  let nextTask = 1;
  let closed = false;

  function start(): Worker {
    const { port1, port2 } = new MessageChannel();
    serve(port1);
    const data: FetchWorkerData = { archiveAccess, rows: port2 };
    const started = new Worker(new URL('./fetch.worker.ts', import.meta.url), {
      workerData: data,
      transferList: [port2],
      resourceLimits,
    });
    started.on('message', receive);
    started.on('error', (error) => log.error('the thread that fetches died', error));
    started.on('exit', () => {
      port1.close();
      // One that was ended for being idle has no tasks; those there are belong to the next.
      if (worker !== started) return;
      worker = null;
      const failure = { code: closed ? 'jobs.interrupted' : 'internal', details: {} };
      for (const [taskId, task] of [...tasks]) {
        end(taskId);
        task.resolve({ failure, learned: {} });
      }
    });
    return started;
  }

  function receive(message: FromFetcher): void {
    const task = tasks.get(message.taskId);
    if (message.type === 'progress') {
      task?.progress({ refused: message.refused, bytes: message.bytes });
      return;
    }
    end(message.taskId);
    const { failure } = message.end;
    if (failure?.fault !== undefined) log.error('a fetch went wrong', new Error(failure.fault));
    task?.resolve(message.end);
  }

  function end(taskId: number): void {
    tasks.delete(taskId);
    if (tasks.size > 0 || idleTimer !== null) return;
    idleTimer = setTimeout(() => {
      idleTimer = null;
      void worker?.terminate();
      worker = null;
    }, idleMs).unref();
  }

  return {
    fetch(wish, progress, signal) {
      if (closed || signal.aborted) {
        return Promise.resolve({ failure: { code: 'jobs.interrupted', details: {} }, learned: {} });
      }
      return new Promise((resolve) => {
        const taskId = nextTask++;
        if (idleTimer !== null) clearTimeout(idleTimer);
        idleTimer = null;
        worker ??= start();
        tasks.set(taskId, { progress, resolve });
        worker.postMessage({ type: 'fetch', taskId, wish } satisfies ToFetcher);
        const cancel = () => {
          if (!tasks.has(taskId)) return;
          worker?.postMessage({ type: 'cancel', taskId } satisfies ToFetcher);
          setTimeout(() => {
            if (!tasks.has(taskId)) return;
            log.error('the thread that fetches was ended', new Error('it did not stop when told to'));
            void worker?.terminate();
          }, obedienceMs).unref();
        };
        signal.addEventListener('abort', cancel, { once: true });
      });
    },
    async close() {
      closed = true;
      if (idleTimer !== null) clearTimeout(idleTimer);
      await worker?.terminate();
    },
  };
}
