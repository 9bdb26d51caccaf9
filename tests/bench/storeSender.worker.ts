/** Sends over some of the bench's associations, each its own patients; counts answers where the bench can read them. */
import { workerData } from 'node:worker_threads';
import { syntheticInstances } from '../../main/domains/imaging/samples/syntheticInstances.ts';
import { type StoreTarget, sendInstances } from '../soak/sendInstances.ts';

export interface SenderData {
  readonly target: StoreTarget;
  /** Seed of each association's instances. */
  readonly seeds: readonly string[];
  readonly perAssociation: number;
  readonly perSeries: number;
  /** One number: objects answered with success, over all threads. */
  readonly answered: SharedArrayBuffer;
}

const { target, seeds, perAssociation, perSeries, answered } = workerData as SenderData;
const count = new Int32Array(answered);
await Promise.all(
  seeds.map((seed) =>
    sendInstances(target, syntheticInstances({ count: perAssociation, perSeries, seed }), () =>
      Atomics.add(count, 0, 1),
    ),
  ),
);
