import { expect, it } from 'vitest';
import { seededRandom } from '../../main/domains/imaging/samples/seededRandom.ts';
import { deliverToBadPeers, dimseBehaviours, webBehaviours } from '../soak/badDeliveries.ts';

/* Hazard: "sent" is read as "stored", and nobody looks any more for the images that the archive never kept. */

it('calls nothing proven that the peer does not have, and loses nothing, whatever the peer does', async () => {
  const behaviours = [
    ...dimseBehaviours.map((behaviour) => ({ kind: 'dimse' as const, behaviour })),
    ...webBehaviours.map((behaviour) => ({ kind: 'web' as const, behaviour })),
  ];
  expect(behaviours.length).toBeGreaterThanOrEqual(50);
  const figures = await deliverToBadPeers(behaviours, seededRandom('bad peers'));
  expect(figures).toMatchObject({ deliveries: behaviours.length, neverReached: 3 });
  expect(figures.provenLater).toBeGreaterThan(20);
});
