import type { Delivery, DeliveryDetail, DeliveryState } from '../../../app/domains/exchange/exchangeSchema.ts';

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

/** Not the other system, but this one said no, and to all that is not proven: it says so by how many they are. */
export function isAllKeptBack(delivery: Pick<DeliveryDetail, 'state' | 'refused' | 'keptBack'>): boolean {
  const { state, refused, keptBack } = delivery;
  return state === 'refused' && keptBack > 0 && keptBack === refused;
}

/**
 * The newest delivery of the same thing to a node, from a list with the newest first. What went without the person is
 * another thing: its proof says nothing of the study by its name.
 */
export function lastAlike(
  rows: readonly Delivery[],
  wanted: Pick<Delivery, 'nodeId' | 'reportId' | 'deidentified'>,
): Delivery | undefined {
  return rows.find(
    ({ nodeId, reportId, deidentified }) =>
      nodeId === wanted.nodeId && reportId === wanted.reportId && deidentified === wanted.deidentified,
  );
}
