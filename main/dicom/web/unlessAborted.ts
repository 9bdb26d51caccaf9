import { WebError } from './webPeer.ts';

/** The result, unless the signal comes first; the work goes on for the others who wait for it. */
export function unlessAborted<Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result> {
  return new Promise((resolve, reject) => {
    const cancel = () => reject(new WebError('cancelled', 'the request was cancelled'));
    if (signal.aborted) cancel();
    signal.addEventListener('abort', cancel, { once: true });
    work.finally(() => signal.removeEventListener('abort', cancel)).then(resolve, reject);
  });
}
