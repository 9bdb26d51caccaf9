import { AsyncLocalStorage } from 'node:async_hooks';

/** What one call brought about in the audit by its own writes. */
export interface CallTrace {
  /** Actions of the entries that were committed with success. */
  readonly done: Set<string>;
}

/** Follows a call through everything it awaits, so that an entry knows its call without being handed it. */
const current = new AsyncLocalStorage<CallTrace>();

export function traceCall<Result>(work: () => Result, trace: CallTrace): Result {
  return current.run(trace, work);
}

/** Called for each entry that is committed, in the call that made it or in nobody's. */
export function noteEntry(action: string, outcome: 'success' | 'refused' | 'failed'): void {
  if (outcome === 'success') current.getStore()?.done.add(action);
}
