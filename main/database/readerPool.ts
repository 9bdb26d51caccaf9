import { Worker } from 'node:worker_threads';
import { Failure } from '../../app/shared/failure.ts';
import type { DatabaseKey } from './openDatabase.ts';
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
  ask(body: RequestBody): Promise<unknown>;
  close(): Promise<void>;
}

interface Waiting {
  readonly body: RequestBody;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

interface Thread {
  readonly worker: Worker;
  current: Waiting | null;
}

/**
 * Reading threads, started when first needed. Long work (`verifyAudit`, `vacuumInto`) and long reads share them, so at
 * least two are kept: a backup never holds up a search.
 */
export function openReaderPool(data: ReaderData, size = 2): ReaderPool {
  const threads: Thread[] = [];
  const queue: Waiting[] = [];
  let closed = false;

  function pump(): void {
    while (queue.length > 0) {
      const thread =
        threads.find(({ current }) => current === null) ?? (threads.length < size ? startThread() : undefined);
      if (!thread) return;
      thread.current = queue.shift()!;
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
    ask(body) {
      if (closed) return Promise.reject(new Error('the store is closed'));
      return new Promise((resolve, reject) => {
        queue.push({ body, resolve, reject });
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
