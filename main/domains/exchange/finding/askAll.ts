import type { FindEvent } from '../../../../app/domains/exchange/exchangeSchema.ts';
import { Failure } from '../../../../app/shared/failure.ts';
import type { FindEnd, PeerTrouble } from './finderMessages.ts';

type Ended = Extract<FindEvent, { type: 'ended' }>;

/** What a search has to say next, with the way to ask its peer for more. */
interface Said<Event> {
  readonly event: Event;
  readonly more?: () => void;
}

/**
 * Asks several nodes at once and yields what they say as it comes; each ends with an event of its own, and what is wrong
 * with one is its own end and nobody else's. Closing the stream, or the signal, stops all of them.
 */
export async function* askAll<Event>(
  nodeIds: readonly string[],
  ask: (nodeId: string, say: (event: Event, more: () => void) => void, stop: AbortSignal) => Promise<FindEnd>,
  signal: AbortSignal,
): AsyncGenerator<Event | Ended> {
  const stop = new AbortController();
  const said: Said<Event | Ended>[] = [];
  let wake: () => void = () => undefined;
  let fault: unknown;
  const say = (event: Event | Ended, more?: () => void) => {
    said.push(more ? { event, more } : { event });
    wake();
  };
  const cancel = () => {
    stop.abort();
    wake();
  };
  if (signal.aborted) return;
  signal.addEventListener('abort', cancel, { once: true });
  const distinct = [...new Set(nodeIds)];
  let left = distinct.length;
  for (const nodeId of distinct) {
    void ask(nodeId, say, stop.signal)
      .then(
        ({ failure, count, isCut, tookMs }) => say(endOf(nodeId, failure, { count, isCut, tookMs })),
        (error: unknown) => {
          if (error instanceof Failure) say(endOf(nodeId, error, { count: 0, isCut: false, tookMs: 0 }));
          else fault ??= error;
        },
      )
      .finally(() => {
        left -= 1;
        wake();
      });
  }
  try {
    for (;;) {
      if (signal.aborted) return;
      if (fault !== undefined) throw fault;
      const next = said.shift();
      if (next) {
        yield next.event;
        // Only now: a window that draws slowly slows the peers down instead of filling the memory.
        next.more?.();
      } else if (left === 0) return;
      else
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
    }
  } finally {
    // Whoever closes the stream wants nothing any more from any of them.
    signal.removeEventListener('abort', cancel);
    stop.abort();
  }
}

function endOf(
  nodeId: string,
  trouble: PeerTrouble | null,
  { count, isCut, tookMs }: { count: number; isCut: boolean; tookMs: number },
): Ended {
  const failure = trouble && { code: trouble.code, details: trouble.details };
  return { type: 'ended', nodeId, failure, count, isCut, tookMs };
}
