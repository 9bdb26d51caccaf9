import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { seededRandom } from '../../main/domains/imaging/samples/seededRandom.ts';
import { root } from '../e2e/harness/runningHost.ts';
import {
  type Behaviour,
  type DeliveryFigures,
  deliverToBadPeers,
  dimseBehaviours,
  noFigures,
  webBehaviours,
} from './badDeliveries.ts';

const deliveries = 1000;
/** To one store at once. */
const together = 34;

it(`${deliveries} deliveries to peers that are wrong: nothing is called proven that is not there, nothing is lost`, async () => {
  const random = seededRandom('a thousand deliveries');
  const every: readonly Behaviour[] = [
    ...dimseBehaviours.map((behaviour) => ({ kind: 'dimse' as const, behaviour })),
    ...webBehaviours.map((behaviour) => ({ kind: 'web' as const, behaviour })),
  ];
  const sum = noFigures();
  while (sum.deliveries < deliveries) {
    // Each as often as the others, in company that changes.
    const order = every
      .map((behaviour) => ({ behaviour, at: random.next() }))
      .sort((left, right) => left.at - right.at);
    for (let start = 0; start < order.length; start += together) {
      const figures = await deliverToBadPeers(
        order.slice(start, start + together).map(({ behaviour }) => behaviour),
        random,
      );
      for (const name of Object.keys(sum) as (keyof DeliveryFigures)[]) sum[name] += figures[name];
      const file = process.env['SALUS_SOAK_FIGURES'] ?? path.join(root, 'dist', 'soak-deliveries.json');
      // After every part: a soak that is cut short still says how far it came.
      writeFileSync(file, `${JSON.stringify(sum, null, 2)}\n`);
    }
  }
  expect(sum.provenAtOnce + sum.provenLater + sum.neverReached).toBe(sum.deliveries);
});
