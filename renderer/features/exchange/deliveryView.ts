import type { Delivery, DeliveryState } from '../../../app/domains/exchange/exchangeSchema.ts';

/** A state as it is shown: `held` waits for a person, though its objects are only queued or sent. */
export type ShownState = DeliveryState | 'held';

/**
 * What waits and will not go on by itself (a password that is wrong, a peer that gives no proof) must not look like
 * what goes by itself.
 */
export function shownState(delivery: Pick<Delivery, 'state' | 'nextAttemptAt'>): ShownState {
  const { state, nextAttemptAt } = delivery;
  return (state === 'queued' || state === 'sent') && nextAttemptAt === null ? 'held' : state;
}

/** True for what a person has to see to. */
export function needsAttention(delivery: Pick<Delivery, 'state' | 'nextAttemptAt'>): boolean {
  return ['refused', 'failed', 'held'].includes(shownState(delivery));
}
