import { AsyncLocalStorage } from 'node:async_hooks';

/** Whose reading waits behind that of windows, and when it is no longer wanted. */
export interface ReadLane {
  readonly key: string;
  readonly signal: AbortSignal;
}

/** Follows a call through everything it awaits: a read deep inside knows whose it is without being handed it. */
const current = new AsyncLocalStorage<ReadLane | null>();

/** Runs `work` with its reads in a lane, or with null in that of windows. */
export function inReadLane<Result>(lane: ReadLane | null, work: () => Result): Result {
  return current.run(lane, work);
}

/** Binds what goes on later (a body that is made as it is read) to the lane of now. */
export function keepReadLane<Result>(work: () => Result): () => Result {
  const lane = current.getStore() ?? null;
  return () => current.run(lane, work);
}

export function currentReadLane(): ReadLane | null {
  return current.getStore() ?? null;
}
