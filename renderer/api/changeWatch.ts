import type { QueryClient } from '@tanstack/react-query';
import type { Topic } from '../../app/shared/operation.ts';
import type { Connection } from './connection.ts';
import { type QueryName, queryTopics, readsAny } from './queryTopics.ts';

/** Meta of a query made by useQueryOf; `topics: false` keeps a query that opens something from being run again. */
export interface QueryMeta extends Record<string, unknown> {
  readonly topics?: boolean;
}

/** Marks as old every copy that reads one of the topics; null: every copy. Mounted ones are fetched again. */
export function invalidateTopics(queryClient: QueryClient, topics: readonly Topic[] | null): void {
  void queryClient.invalidateQueries({
    predicate(query) {
      const name = query.queryKey[0];
      if (query.meta?.topics === false || typeof name !== 'string' || !(name in queryTopics)) return false;
      return topics === null || readsAny(name as QueryName, topics);
    },
  });
}

/** What one change event means for a window that last saw `seen`: the topics, or null for everything. */
export function topicsAfter(
  seen: number | null,
  event: { readonly previous: number; readonly topics: readonly Topic[] },
): readonly Topic[] | null {
  return seen === null || event.previous === seen ? event.topics : null;
}

const retryDelayMs = 1000;
/** An import commits many times a second; lists are fetched again at most this often, the first time at once. */
const gatherMs = 250;

/** Gathers topics and marks copies old at once, then at most every `gatherMs`. null means everything. */
export function makeGatherer(apply: (topics: readonly Topic[] | null) => void): {
  add(topics: readonly Topic[] | null): void;
  stop(): void;
} {
  let waiting: Set<Topic> | null | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const flush = (): void => {
    timer = undefined;
    if (waiting === undefined) return;
    const topics = waiting === null ? null : [...waiting];
    waiting = undefined;
    timer = setTimeout(flush, gatherMs);
    apply(topics);
  };
  return {
    add(topics) {
      if (topics?.length === 0) return;
      if (topics === null || waiting === null) waiting = null;
      else waiting = new Set([...(waiting ?? []), ...topics]);
      if (timer === undefined) flush();
    },
    stop: () => clearTimeout(timer),
  };
}

/**
 * Follows the host's commits and marks old copies. A gap in the sequence, a new stream or a connection that came back
 * makes every copy old: something may have been missed.
 *
 * @returns a function that stops following.
 */
export function watchChanges(connection: Connection, queryClient: QueryClient): () => void {
  const abort = new AbortController();
  const gatherer = makeGatherer((topics) => invalidateTopics(queryClient, topics));
  const follow = async (): Promise<void> => {
    let first = true;
    while (!abort.signal.aborted) {
      let seen: number | null = null;
      try {
        const changes = await connection.client.system.watchChanges(undefined, { signal: abort.signal });
        // What came between two streams is unknown.
        if (!first) gatherer.add(null);
        first = false;
        for await (const event of changes) {
          // The first event comes at once, without topics, and says where the host is.
          gatherer.add(topicsAfter(seen, event));
          seen = event.sequence;
        }
      } catch (error) {
        if (abort.signal.aborted) return;
        console.warn('change stream ended', error instanceof Error ? error.name : '');
      }
      await new Promise((resolve) => setTimeout(resolve, retryDelayMs));
    }
  };
  void follow();
  return () => {
    abort.abort();
    gatherer.stop();
  };
}
