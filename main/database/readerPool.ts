import { Worker } from 'node:worker_threads';
import { Failure } from '../../app/shared/failure.ts';
import type { DatabaseKey } from './openDatabase.ts';
import type { ReadLane } from './readLane.ts';
import type { ListQuestion } from './rowLists.ts';

/** What a reading thread is started with. */
export interface ReaderData {
  readonly path: string;
  readonly key: DatabaseKey;
  readonly audit: { readonly siteId: string; readonly publicKey: string; readonly headPath: string };
}

export type ReaderRequest = { readonly id: number } & (
  | { readonly type: 'all'; readonly sql: string; readonly parameters: readonly (string | number | null)[] }
  | { readonly type: 'list'; readonly question: ListQuestion }
  | { readonly type: 'verifyAudit' }
  | { readonly type: 'vacuumInto'; readonly path: string }
  | { readonly type: 'checkpoint' }
  | { readonly type: 'settings' }
);

export interface ReaderAnswer {
  readonly id: number;
  readonly value?: unknown;
  readonly failure?: { readonly code: string; readonly message: string };
  readonly error?: string;
}

type RequestBody = ReaderRequest extends infer Request
  ? Request extends ReaderRequest
    ? Omit<Request, 'id'>
    : never
  : never;

export interface ReaderPool {
  /**
   * @param lane null goes ahead of every lane; a lane has one read at a time, and leaves the queue when it is aborted
   * @throws Failure('system.disconnected') where that happened
   */
  ask(body: RequestBody, lane?: ReadLane | null): Promise<unknown>;
  close(): Promise<void>;
}

interface Waiting {
  readonly body: RequestBody;
  readonly lane: ReadLane | null;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

const keptLanes = 256;

interface Thread {
  readonly worker: Worker;
  current: Waiting | null;
}

/**
 * Reading threads, started when first needed. Long work (`verifyAudit`, `vacuumInto`) and long reads share them, so one
 * is left beside a backup and what other programs ask: neither holds up a search.
 */
export function openReaderPool(data: ReaderData, size = 3): ReaderPool {
  const threads: Thread[] = [];
  const queue: Waiting[] = [];
  /** Lanes in the order in which they were last served. */
  const served = new Set<string>();
  const mostInLanes = Math.max(1, size - 2);
  let closed = false;

  /** Takes out what is next: reads of windows first, then of the lane that was served longest ago. */
  function takeNext(): Waiting | undefined {
    const own = queue.findIndex(({ lane }) => lane === null);
    if (own >= 0) return queue.splice(own, 1)[0];
    const underWay = threads.flatMap(({ current }) => current?.lane?.key ?? []);
    if (underWay.length >= mostInLanes) return undefined;
    const order = [...served];
    let best: Waiting | undefined;
    for (const waiting of queue) {
      const { key = '' } = waiting.lane ?? {};
      if (underWay.includes(key)) continue;
      if (best === undefined || order.indexOf(key) < order.indexOf(best.lane?.key ?? '')) best = waiting;
    }
    if (best === undefined) return undefined;
    queue.splice(queue.indexOf(best), 1);
    const { key = '' } = best.lane ?? {};
    served.delete(key);
    served.add(key);
    const [eldest] = served;
    // Whoever is forgotten goes first once more.
    if (served.size > keptLanes && eldest !== undefined) served.delete(eldest);
    return best;
  }

  function pump(): void {
    while (queue.length > 0) {
      const idle = threads.find(({ current }) => current === null);
      if (!idle && threads.length >= size) return;
      const next = takeNext();
      if (!next) return;
      const thread = idle ?? startThread();
      thread.current = next;
      thread.worker.ref();
      thread.worker.postMessage({ ...thread.current.body, id: 0 });
    }
  }

  function startThread(): Thread {
    const thread: Thread = {
      worker: new Worker(new URL('./reader.worker.ts', import.meta.url), { workerData: data }),
      current: null,
    };
    thread.worker.unref();
    thread.worker.on('message', (answer: ReaderAnswer) => {
      const asked = thread.current;
      thread.current = null;
      thread.worker.unref();
      if (answer.failure) asked?.reject(new Failure(answer.failure.code, answer.failure.message));
      else if (answer.error !== undefined) asked?.reject(new Error(answer.error));
      else asked?.resolve(answer.value);
      pump();
    });
    const gone = (error: unknown): void => {
      const index = threads.indexOf(thread);
      if (index >= 0) threads.splice(index, 1);
      thread.current?.reject(error);
      thread.current = null;
      if (!closed) pump();
    };
    thread.worker.on('error', gone);
    thread.worker.on('exit', () => gone(new Error('a reading thread ended')));
    threads.push(thread);
    return thread;
  }

  return {
    ask(body, lane = null) {
      if (closed) return Promise.reject(new Error('the store is closed'));
      const gone = () => new Failure('system.disconnected', 'whoever asked went away');
      if (lane?.signal.aborted) return Promise.reject(gone());
      return new Promise((resolve, reject) => {
        const leave = (): void => {
          const at = queue.indexOf(waiting);
          // What is under way is read to its end, which nobody waits for.
          if (at >= 0) queue.splice(at, 1);
          reject(gone());
        };
        const over = () => lane?.signal.removeEventListener('abort', leave);
        const waiting: Waiting = {
          body,
          lane,
          resolve(value) {
            over();
            resolve(value);
          },
          reject(error) {
            over();
            reject(error);
          },
        };
        lane?.signal.addEventListener('abort', leave, { once: true });
        queue.push(waiting);
        pump();
      });
    },
    async close() {
      closed = true;
      for (const waiting of queue.splice(0)) waiting.reject(new Error('the store is closed'));
      await Promise.all(
        threads.map(async ({ worker, current }) => {
          if (current !== null) return worker.terminate();
          const ended = new Promise((resolve) => worker.once('exit', resolve));
          worker.ref();
          worker.postMessage('close');
          return ended;
        }),
      );
    },
  };
}
