import { Worker } from 'node:worker_threads';
import { Failure } from '../../../../app/shared/failure.ts';
import type { Log } from '../../../platform/platform.ts';
import type { BodyAnswer, FromReader, KeyImageAnswer, ObjectReaderData, ObjectRequest } from './readerMessages.ts';

export interface ObjectReaders {
  /** Reads in a worker thread. An aborted request is not begun, or its answer is dropped. @throws Failure of the decoder or the archive */
  read(request: Exclude<ObjectRequest, { type: 'keyImage' }>, signal?: AbortSignal): Promise<BodyAnswer>;
  read(request: Extract<ObjectRequest, { type: 'keyImage' }>, signal?: AbortSignal): Promise<KeyImageAnswer>;
  close(): Promise<void>;
}

interface Task {
  readonly id: number;
  readonly request: ObjectRequest;
  readonly signal: AbortSignal | undefined;
  resolve(value: BodyAnswer | KeyImageAnswer): void;
  reject(error: unknown): void;
}

interface Thread {
  worker: Worker | null;
  readonly urgent: Task[];
  readonly patient: Task[];
  readonly running: Map<number, Task>;
  timer: NodeJS.Timeout | null;
}

const threadCount = 2;
/** One being decoded, one waiting in the worker's own queue, so that it never idles between two messages. */
const tasksPerThread = 2;
/** A frame that takes longer than this is given up, with the worker that chews on it. */
const longestTaskMs = 60_000;

/** Opens the pool. An object always goes to the same thread, which keeps it decrypted for its next frame. */
export function openObjectReaders(data: ObjectReaderData, log: Log): ObjectReaders {
  const threads: Thread[] = Array.from({ length: threadCount }, () => ({
    worker: null,
    urgent: [],
    patient: [],
    running: new Map(),
    timer: null,
  }));
  let nextId = 1;
  let closed = false;

  function threadOf(objectName: string): Thread {
    // Names are hexadecimal digests: any digits spread evenly.
    return threads[Number.parseInt(objectName.slice(0, 6) || '0', 16) % threadCount] as Thread;
  }

  function startWorker(thread: Thread): Worker {
    const worker = new Worker(new URL('./objectReader.worker.ts', import.meta.url), { workerData: data });
    worker.unref();
    worker.on('message', (reply: FromReader) => receive(thread, reply));
    worker.on('error', (error) => log.error('an object reader died', error));
    worker.on('exit', () => {
      if (thread.worker === worker) thread.worker = null;
      const [guilty, ...others] = thread.running.values();
      thread.running.clear();
      guilty?.reject(new Failure('imaging.damagedPixelData', 'the decoder died over this object'));
      thread.urgent.unshift(...others);
      if (!closed) pump(thread);
    });
    return worker;
  }

  function receive(thread: Thread, reply: FromReader): void {
    const task = thread.running.get(reply.id);
    thread.running.delete(reply.id);
    if (task) {
      if (reply.value) task.resolve(reply.value);
      else if (reply.failure)
        task.reject(new Failure(reply.failure.code, reply.failure.message, reply.failure.details));
      else task.reject(new Error(reply.error ?? 'an object could not be read'));
    }
    pump(thread);
  }

  function pump(thread: Thread): void {
    while (thread.running.size < tasksPerThread) {
      const task = thread.urgent.shift() ?? thread.patient.shift();
      if (!task) break;
      if (task.signal?.aborted) {
        task.reject(task.signal.reason);
        continue;
      }
      thread.worker ??= startWorker(thread);
      thread.running.set(task.id, task);
      thread.worker.postMessage({ id: task.id, request: task.request });
    }
    if (thread.timer !== null) clearTimeout(thread.timer);
    thread.timer = null;
    if (thread.running.size === 0) {
      thread.worker?.unref();
      return;
    }
    thread.worker?.ref();
    thread.timer = setTimeout(() => void thread.worker?.terminate(), longestTaskMs);
  }

  function read(request: ObjectRequest, signal?: AbortSignal): Promise<BodyAnswer | KeyImageAnswer> {
    if (closed) return Promise.reject(new Failure('security.sealed', 'the store is closed'));
    if (signal?.aborted) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      const thread = threadOf(request.objectName);
      const task: Task = { id: nextId++, request, signal, resolve, reject };
      // Pictures for lists and exports wait behind what a reader is looking at.
      const isUrgent = request.type === 'frames' || request.type === 'headers' || request.type === 'keyImage';
      (isUrgent ? thread.urgent : thread.patient).push(task);
      pump(thread);
    });
  }

  return {
    read: read as ObjectReaders['read'],
    async close() {
      closed = true;
      const reason = new Failure('security.sealed', 'the store is closed');
      const workers = threads.map((thread) => {
        if (thread.timer !== null) clearTimeout(thread.timer);
        for (const task of [...thread.urgent.splice(0), ...thread.patient.splice(0), ...thread.running.values()])
          task.reject(reason);
        thread.running.clear();
        return thread.worker?.terminate();
      });
      await Promise.all(workers);
    },
  };
}
