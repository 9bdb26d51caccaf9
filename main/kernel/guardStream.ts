import type { Failure } from '../../app/shared/failure.ts';

export type StreamEnd =
  | { readonly outcome: 'success' }
  | { readonly outcome: 'cancelled' }
  | { readonly outcome: 'failed'; readonly failure: Failure };

type StopReason = 'cancelled' | 'sessionEnded';

export interface StreamRules {
  /** Aborted when the caller gave up or its connection closed. */
  readonly callSignal: AbortSignal;
  /** Aborted when the operator's session ended; undefined for a public stream. */
  readonly sessionSignal: AbortSignal | undefined;
  /** Least time between two items, milliseconds: a source keeps the newest state meanwhile. */
  readonly intervalMs: number;
  sessionEnded(): Failure;
  seal(error: unknown): Failure;
  toWire(failure: Failure): Error;
  /** Called exactly once, whichever way the stream ends, even when nobody ever pulled. */
  onEnd(end: StreamEnd): void;
}

/**
 * Wraps what a stream handler returned, because its errors come after the call has returned: seals them, ends the
 * stream when the caller or the session goes, paces it, and tells its end once.
 */
export function guardStream<Item>(
  source: AsyncIterable<Item>,
  rules: StreamRules,
): AsyncIteratorObject<Item, undefined, void> {
  const items = source[Symbol.asyncIterator]();
  let isEnded = false;
  let lastItemAt = Number.NEGATIVE_INFINITY;
  let stopped: StopReason | undefined;
  const waiting = new Set<(reason: StopReason) => void>();
  const onAbort = () => stop('cancelled');
  const onSessionEnd = () => stop('sessionEnded');
  rules.callSignal.addEventListener('abort', onAbort);
  rules.sessionSignal?.addEventListener('abort', onSessionEnd);
  if (rules.callSignal.aborted) onAbort();
  else if (rules.sessionSignal?.aborted) onSessionEnd();

  function stop(reason: StopReason): void {
    if (isEnded) return;
    end(reason === 'cancelled' ? { outcome: 'cancelled' } : { outcome: 'failed', failure: rules.sessionEnded() });
    stopped = reason;
    for (const tell of waiting) tell(reason);
    waiting.clear();
    closeSource();
  }

  function end(how: StreamEnd): void {
    if (isEnded) return;
    isEnded = true;
    rules.callSignal.removeEventListener('abort', onAbort);
    rules.sessionSignal?.removeEventListener('abort', onSessionEnd);
    rules.onEnd(how);
  }

  /** A source that waits is freed by its own signal; its return may come late, and its failing then changes nothing for the caller. */
  function closeSource(): void {
    Promise.resolve(items.return?.()).catch((error: unknown) => rules.seal(error));
  }

  /** The work's result, or why the stream was stopped first. A race against one long-lived promise would keep every result. */
  function unlessStopped<Result>(work: () => Promise<Result>): Promise<Result | StopReason> {
    if (stopped) return Promise.resolve(stopped);
    return new Promise((resolve, reject) => {
      waiting.add(resolve);
      work()
        .finally(() => waiting.delete(resolve))
        .then(resolve, reject);
    });
  }

  async function pull(): Promise<IteratorResult<Item, undefined>> {
    const waitMs = lastItemAt + rules.intervalMs - performance.now();
    if (waitMs > 0) await unlessStopped(() => new Promise<void>((resolve) => setTimeout(resolve, waitMs)));
    const result = await unlessStopped(() => items.next());
    if (result === 'cancelled') return { done: true, value: undefined };
    if (result === 'sessionEnded') throw rules.toWire(rules.sessionEnded());
    if (result.done) {
      end({ outcome: 'success' });
      return { done: true, value: undefined };
    }
    lastItemAt = performance.now();
    return { done: false, value: result.value };
  }

  return {
    async next() {
      if (isEnded && !rules.callSignal.aborted && !rules.sessionSignal?.aborted)
        return { done: true, value: undefined };
      try {
        return await pull();
      } catch (error) {
        if (isEnded) throw error;
        const failure = rules.seal(error);
        end({ outcome: 'failed', failure });
        throw rules.toWire(failure);
      }
    },
    async return() {
      stop('cancelled');
      return { done: true, value: undefined };
    },
    async throw(error) {
      stop('cancelled');
      throw error;
    },
    [Symbol.asyncIterator]() {
      return this;
    },
    async [Symbol.asyncDispose]() {
      stop('cancelled');
    },
  };
}
