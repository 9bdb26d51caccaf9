import { parentPort } from 'node:worker_threads';
import { argon2id } from 'hash-wasm';
import type { Argon2Request } from './stretchPassword.ts';

/** Stretches passwords on a thread of its own: 64 MiB and some 200 ms each would stall the window. */
parentPort?.on('message', async (request: Argon2Request) => {
  try {
    const key = await argon2id({
      password: request.password,
      salt: request.salt,
      memorySize: request.memoryKib,
      iterations: request.iterations,
      parallelism: request.parallelism,
      hashLength: 32,
      outputType: 'binary',
    });
    parentPort?.postMessage({ id: request.id, key });
  } catch (error) {
    parentPort?.postMessage({ id: request.id, failure: error instanceof Error ? error.message : 'argon2id failed' });
  }
});
