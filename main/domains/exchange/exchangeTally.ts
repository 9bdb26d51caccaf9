import type { OpenStore } from '../../core.ts';
import { Counts, Durations, type Spread } from '../../platform/counters.ts';

/** Counts that only grow while the core runs, and how long things took: what no table keeps, since rows are dropped. */
export interface ExchangeTally {
  associationEnded(ended: {
    readonly channel: string;
    readonly ending: string;
    readonly seconds: number;
    readonly objects: number;
    readonly bytes: number;
    readonly duplicates: number;
    readonly conflicts: number;
    readonly reasons: Readonly<Record<string, number>>;
  }): void;
  /** `code` null: it ended without trouble. */
  attemptEnded(nodeId: string, code: string | null, seconds: number): void;
  deliveryEnded(nodeId: string, state: string, seconds: number): void;
  read(): ExchangeFigures;
}

/** Keys join the labels by a tab, in the order of the name. */
export interface ExchangeFigures {
  readonly associationsByChannelAndEnding: ReadonlyMap<string, number>;
  readonly refusedByReason: ReadonlyMap<string, number>;
  readonly received: {
    readonly objects: number;
    readonly bytes: number;
    readonly duplicates: number;
    readonly conflicts: number;
  };
  readonly attemptsByNode: ReadonlyMap<string, number>;
  readonly failuresByNodeAndCode: ReadonlyMap<string, number>;
  readonly endedByNodeAndState: ReadonlyMap<string, number>;
  readonly associationSeconds: Spread;
  readonly attemptSeconds: Spread;
  readonly deliverySeconds: Spread;
}

const shortBounds = [0.1, 0.5, 1, 5, 15, 60, 300, 1800];
const longBounds = [1, 10, 60, 300, 1800, 7200, 43_200, 172_800];

/** By store, so that whoever ends something counts it without being handed the means. */
const tallies = new WeakMap<OpenStore, ExchangeTally>();

/** The one tally of an open store; it begins anew with each opening, as a counter of Prometheus may. */
export function tallyOf(store: OpenStore): ExchangeTally {
  const known = tallies.get(store);
  if (known) return known;
  const made = makeTally();
  tallies.set(store, made);
  return made;
}

function makeTally(): ExchangeTally {
  const associations = new Counts();
  const refused = new Counts();
  const received = { objects: 0, bytes: 0, duplicates: 0, conflicts: 0 };
  const attempts = new Counts();
  const failures = new Counts();
  const ended = new Counts();
  const associationSeconds = new Durations(shortBounds);
  const attemptSeconds = new Durations(shortBounds);
  const deliverySeconds = new Durations(longBounds);
  return {
    associationEnded({ channel, ending, seconds, objects, bytes, duplicates, conflicts, reasons }) {
      associations.add(`${channel}\t${ending}`);
      associationSeconds.add(seconds);
      received.objects += objects;
      received.bytes += bytes;
      received.duplicates += duplicates;
      received.conflicts += conflicts;
      for (const [code, count] of Object.entries(reasons)) refused.add(code, count);
    },
    attemptEnded(nodeId, code, seconds) {
      attempts.add(nodeId);
      attemptSeconds.add(seconds);
      if (code !== null) failures.add(`${nodeId}\t${code}`);
    },
    deliveryEnded(nodeId, state, seconds) {
      ended.add(`${nodeId}\t${state}`);
      deliverySeconds.add(seconds);
    },
    read: () => ({
      associationsByChannelAndEnding: associations.map,
      refusedByReason: refused.map,
      received,
      attemptsByNode: attempts.map,
      failuresByNodeAndCode: failures.map,
      endedByNodeAndState: ended.map,
      associationSeconds,
      attemptSeconds,
      deliverySeconds,
    }),
  };
}
