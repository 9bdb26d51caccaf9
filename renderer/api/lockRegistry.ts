const callbacks = new Set<() => void>();

/**
 * Asks to be told when the window locks. Whoever keeps patient data outside React (a store, a cache, an object URL)
 * drops it then; what is inside React goes with the workspace, which is unmounted first.
 *
 * @returns a function that takes the request back.
 */
export function onLock(callback: () => void): () => void {
  callbacks.add(callback);
  return () => callbacks.delete(callback);
}

/** Runs every callback, even after one threw, then throws the first error: a lock that half happened must be known. */
export function runLockCallbacks(): void {
  let first: unknown;
  for (const callback of callbacks) {
    try {
      callback();
    } catch (error) {
      first ??= error;
    }
  }
  if (first !== undefined) throw first;
}
