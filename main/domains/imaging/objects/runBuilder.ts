import { Worker } from 'node:worker_threads';
import { Failure } from '../../../../app/shared/failure.ts';
import type { Arrived } from '../import/arrived.ts';
import type { BuilderAnswer, BuilderData } from './builderMessages.ts';

/** Longest time the objects of one report may take, milliseconds; past it the thread is ended. */
const limitMs = 120_000;

/**
 * Builds and archives objects in a thread of its own.
 *
 * @throws Failure of the builder or the archive, Error for a fault of this program, the signal's reason
 */
export function runBuilder(data: BuilderData, signal: AbortSignal): Promise<readonly Arrived[]> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason);
      return;
    }
    const worker = new Worker(new URL('./objectBuilder.worker.ts', import.meta.url), { workerData: data });
    const end = (settle: () => void): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
      void worker.terminate();
      settle();
    };
    const abort = (): void => end(() => reject(signal.reason));
    const timer = setTimeout(() => end(() => reject(new Error('building objects took too long'))), limitMs);
    signal.addEventListener('abort', abort);
    worker.once('message', (answer: BuilderAnswer) =>
      end(() => {
        if ('arrived' in answer) resolve(answer.arrived);
        else if ('failure' in answer) {
          reject(new Failure(answer.failure.code, answer.failure.message, answer.failure.details));
        } else reject(new Error(answer.error));
      }),
    );
    worker.once('error', (error) => end(() => reject(error)));
    worker.once('exit', () => end(() => reject(new Error('the thread that builds objects ended'))));
  });
}
