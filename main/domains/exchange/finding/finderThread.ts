import { Worker } from 'node:worker_threads';
import type { ScheduledStep } from '../../../../app/domains/exchange/exchangeSchema.ts';
import type { Log } from '../../../platform/platform.ts';
import type {
  FindEnd,
  FindWish,
  FromFinder,
  ListEnd,
  ListWish,
  PeerTrouble,
  ScheduleWish,
  ToFinder,
} from './finderMessages.ts';
import type { FoundRow } from './foundRows.ts';

/** The thread that asks peers: started when first needed, ended when idle. */
export interface FinderThread {
  /** `onRows` is given a batch with the way to ask for the next. Resolves when the peer has been heard; never rejects. */
  find(
    wish: FindWish,
    onRows: (rows: readonly FoundRow[], more: () => void) => void,
    signal: AbortSignal,
  ): Promise<FindEnd>;
  /** The same of a modality worklist. */
  findSchedule(
    wish: ScheduleWish,
    onRows: (rows: readonly ScheduledStep[], more: () => void) => void,
    signal: AbortSignal,
  ): Promise<FindEnd>;
  /** Never rejects. */
  list(wish: ListWish, signal: AbortSignal): Promise<ListEnd>;
  close(): Promise<void>;
}

/** A task hears the rows of its own kind. */
type OnRows = (rows: readonly never[] | readonly object[], more: () => void) => void;

interface Task {
  readonly receive: (message: FromFinder) => void;
  readonly fail: (trouble: PeerTrouble) => void;
}

const idleMs = 60_000;
/** An answer that keeps the thread busy for ever must not keep every other search from its answers. */
const obedienceMs = 10_000;
const resourceLimits = { maxYoungGenerationSizeMb: 16, maxOldGenerationSizeMb: 512 };

export function openFinderThread(log: Log): FinderThread {
  const tasks = new Map<number, Task>();
  let worker: Worker | null = null;
  let idleTimer: NodeJS.Timeout | null = null;
  let nextTask = 1;
  let closed = false;

  function start(): Worker {
    const started = new Worker(new URL('./finder.worker.ts', import.meta.url), { resourceLimits });
    started.on('message', (message: FromFinder) => {
      const task = tasks.get(message.taskId);
      if (message.type !== 'rows') end(message.taskId);
      try {
        task?.receive(message);
      } catch (error) {
        // Such as a store that closed meanwhile: it ends this question, not the core.
        log.error('what another system answered could not be taken', error);
        tell({ type: 'cancel', taskId: message.taskId });
        task?.fail({ code: 'internal', details: {} });
      }
    });
    started.on('error', (error) => log.error('the thread that asks other systems died', error));
    started.on('exit', () => {
      // One that was ended for being idle has no tasks; those there are belong to the next.
      if (worker !== started) return;
      worker = null;
      const trouble = { code: closed ? 'jobs.interrupted' : 'internal', details: {} };
      for (const [taskId, task] of [...tasks]) {
        end(taskId);
        task.fail(trouble);
      }
    });
    return started;
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

  function run(message: (taskId: number) => ToFinder, signal: AbortSignal, task: (taskId: number) => Task): void {
    const taskId = nextTask++;
    const made = task(taskId);
    if (closed || signal.aborted) {
      made.fail({ code: 'jobs.interrupted', details: {} });
      return;
    }
    if (idleTimer !== null) clearTimeout(idleTimer);
    idleTimer = null;
    worker ??= start();
    tasks.set(taskId, made);
    worker.postMessage(message(taskId));
    signal.addEventListener('abort', () => cancel(taskId), { once: true });
  }

  function cancel(taskId: number): void {
    tell({ type: 'cancel', taskId });
    setTimeout(() => {
      if (!tasks.has(taskId)) return;
      log.error('the thread that asks other systems was ended', new Error('it did not stop when told to'));
      void worker?.terminate();
    }, obedienceMs).unref();
  }

  function tell(message: ToFinder): void {
    if (tasks.has(message.taskId)) worker?.postMessage(message);
  }

  function noteFault(failure: PeerTrouble | null): void {
    if (failure?.fault !== undefined) log.error('a question to another system went wrong', new Error(failure.fault));
  }

  function search(message: (taskId: number) => ToFinder, onRows: OnRows, signal: AbortSignal): Promise<FindEnd> {
    const startedAtMs = performance.now();
    let count = 0;
    return new Promise((resolve) =>
      run(message, signal, (taskId) => ({
        receive(answer) {
          if (answer.type === 'rows') {
            count += answer.rows.length;
            onRows(answer.rows, () => tell({ type: 'more', taskId }));
          } else if (answer.type === 'found') {
            noteFault(answer.end.failure);
            resolve(answer.end);
          }
        },
        fail(failure) {
          const tookMs = Math.round(performance.now() - startedAtMs);
          resolve({ failure, count, isCut: false, dropped: 0, tookMs, learned: {} });
        },
      })),
    );
  }

  return {
    find: (wish, onRows, signal) => search((taskId) => ({ type: 'find', taskId, wish }), onRows as OnRows, signal),
    findSchedule: (wish, onRows, signal) =>
      search((taskId) => ({ type: 'schedule', taskId, wish }), onRows as OnRows, signal),
    list(wish, signal) {
      return new Promise((resolve) =>
        run(
          (taskId) => ({ type: 'list', taskId, wish }),
          signal,
          () => ({
            receive(message) {
              if (message.type !== 'listed') return;
              noteFault(message.end.failure);
              resolve(message.end);
            },
            fail: (failure) => resolve({ failure, instances: [], learned: {} }),
          }),
        ),
      );
    },
    async close() {
      closed = true;
      if (idleTimer !== null) clearTimeout(idleTimer);
      await worker?.terminate();
    },
  };
}
