/** @throws an AbortError when the signal comes first */
export function pause(forMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(abortError());
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop);
      resolve();
    }, forMs);
    const stop = () => {
      clearTimeout(timer);
      reject(abortError());
    };
    signal.addEventListener('abort', stop, { once: true });
  });
}

function abortError(): Error {
  const error = new Error('Ended by a signal.');
  error.name = 'AbortError';
  return error;
}
