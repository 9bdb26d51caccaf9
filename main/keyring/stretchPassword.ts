import { Worker } from 'node:worker_threads';

/** Cost of one guess (RFC 9106): kept beside each salt, so that it can be raised later. */
export interface StretchCost {
  readonly memoryKib: number;
  readonly iterations: number;
  readonly parallelism: number;
}

export const currentCost: StretchCost = { memoryKib: 65_536, iterations: 3, parallelism: 1 };

/** A keyring from elsewhere may not ask for more than this. */
const maximumCost: StretchCost = { memoryKib: 1_048_576, iterations: 16, parallelism: 8 };

export interface Argon2Request extends StretchCost {
  readonly id: number;
  readonly password: string;
  readonly salt: Uint8Array;
}

interface Argon2Answer {
  readonly id: number;
  readonly key?: Uint8Array;
  readonly failure?: string;
}

let worker: Worker | null = null;
let lastId = 0;
let idleTimer: NodeJS.Timeout | null = null;
const waiting = new Map<number, { resolve(key: Uint8Array): void; reject(error: Error): void }>();

function failAll(error: Error): void {
  worker = null;
  for (const { reject } of waiting.values()) reject(error);
  waiting.clear();
}

function startWorker(): Worker {
  const started = new Worker(new URL('./argon2.worker.ts', import.meta.url));
  started.unref();
  started.on('message', ({ id, key, failure }: Argon2Answer) => {
    const request = waiting.get(id);
    waiting.delete(id);
    if (waiting.size === 0) {
      started.unref();
      stopWhenIdle(started);
    }
    if (key) request?.resolve(key);
    else request?.reject(new Error(failure ?? 'argon2id failed'));
  });
  started.on('error', (error) => failAll(error instanceof Error ? error : new Error('argon2id worker failed')));
  started.on('exit', () => {
    if (worker === started) failAll(new Error('argon2id worker ended'));
  });
  return started;
}

/** The worker holds 64 MiB; it goes after a while without sign-ins. */
function stopWhenIdle(idle: Worker): void {
  idleTimer = setTimeout(() => {
    if (worker === idle) worker = null;
    void idle.terminate();
  }, 10_000);
  idleTimer.unref();
}

/** 32 bytes by argon2id from a password (NFKC, UTF-8), on a worker thread. */
export function stretchPassword(password: string, salt: Uint8Array, cost: StretchCost): Promise<Uint8Array> {
  const { memoryKib, iterations, parallelism } = cost;
  if (
    memoryKib > maximumCost.memoryKib ||
    iterations > maximumCost.iterations ||
    parallelism > maximumCost.parallelism
  ) {
    return Promise.reject(new RangeError('argon2id cost out of bounds'));
  }
  if (idleTimer !== null) clearTimeout(idleTimer);
  worker ??= startWorker();
  const current = worker;
  current.ref();
  lastId += 1;
  const id = lastId;
  const request: Argon2Request = { id, password: password.normalize('NFKC'), salt, memoryKib, iterations, parallelism };
  return new Promise((resolve, reject) => {
    waiting.set(id, { resolve, reject });
    current.postMessage(request);
  });
}
