import { create } from 'zustand';
import type { FindEvent, FindQuery, Found } from '../../../app/domains/exchange/exchangeSchema.ts';
import type { Failure } from '../../../app/shared/failure.ts';
import { asFailure } from '../../api/asFailure.ts';
import type { Client } from '../../api/contractClient.ts';
import { onLock } from '../../api/lockRegistry.ts';
import { emptyForm, type FindForm, groupByNode, mergeFound } from './findQuestion.ts';

/** How one node stands in a search: asked, answered to its end or not, or left because the person stopped. */
export type NodeAnswer =
  | { readonly state: 'searching' }
  | { readonly state: 'stopped' }
  | Extract<FindEvent, { type: 'ended' }>;

/** The task of a fetch, and whether it brings the whole study. */
export interface StartedFetch {
  readonly jobId: string;
  readonly isWhole: boolean;
}

interface FindState {
  readonly form: FindForm;
  /** Nodes that are not asked: a new node takes part until somebody leaves it out. */
  readonly leftOut: ReadonlySet<string>;
  /** Nodes of the search on the screen, in their order; empty before the first. */
  readonly asked: readonly string[];
  readonly answers: ReadonlyMap<string, NodeAnswer>;
  readonly rows: readonly Found[];
  readonly isRunning: boolean;
  /** Why the whole search could not be made; a node's own trouble is in its answer. */
  readonly failure: Failure | null;
  readonly chosen: string | null;
  /** Fetches asked for since the window opened, by node and study. */
  readonly fetches: ReadonlyMap<string, StartedFetch>;
}

const initial: FindState = {
  form: emptyForm,
  leftOut: new Set(),
  asked: [],
  answers: new Map(),
  rows: [],
  isRunning: false,
  failure: null,
  chosen: null,
  fetches: new Map(),
};

/** The search under way and what it found; kept while other places are open, gone with a lock. */
export const useFindStore = create<FindState>()(() => initial);

export const matchesAtMost = 500;

let running: AbortController | null = null;

/** Ends the search; what was found stays. */
export function stopFind(): void {
  running?.abort();
  running = null;
  useFindStore.setState(({ answers }) => ({
    isRunning: false,
    answers: new Map(
      [...answers].map(([nodeId, answer]) => [nodeId, 'state' in answer ? { state: 'stopped' as const } : answer]),
    ),
  }));
}

onLock(() => {
  stopFind();
  useFindStore.setState(initial);
});

/** Asks several nodes; the answers come into the store as they arrive. A search that runs already is stopped. */
export async function startFind(client: Client, nodeIds: readonly string[], query: FindQuery): Promise<void> {
  stopFind();
  const abort = new AbortController();
  running = abort;
  useFindStore.setState({
    asked: nodeIds,
    answers: new Map(nodeIds.map((nodeId) => [nodeId, { state: 'searching' }])),
    rows: [],
    isRunning: true,
    failure: null,
    chosen: null,
  });
  try {
    const events = await client.exchange.find(
      { nodeIds: [...nodeIds], query, limit: matchesAtMost },
      { signal: abort.signal },
    );
    for await (const event of events) {
      if (running !== abort) return;
      if (event.type === 'found')
        useFindStore.setState(({ rows }) => ({ rows: groupByNode(mergeFound(rows, event.rows), nodeIds) }));
      else useFindStore.setState(({ answers }) => ({ answers: new Map(answers).set(event.nodeId, event) }));
    }
  } catch (error) {
    if (running !== abort) return;
    useFindStore.setState({ failure: asFailure(error) });
  }
  if (running === abort) stopFind();
}
