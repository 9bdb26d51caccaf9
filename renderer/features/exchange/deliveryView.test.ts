import { describe, expect, it } from 'vitest';
import { deliveryStates } from '../../../app/domains/exchange/exchangeSchema.ts';
import { needsAttention, shownState } from './deliveryView.ts';

describe('a delivery on the screen', () => {
  it('is held when nothing more happens by itself, and never looks proven for it', () => {
    expect(shownState({ state: 'queued', nextAttemptAt: null })).toBe('held');
    expect(shownState({ state: 'sent', nextAttemptAt: null })).toBe('held');
    expect(shownState({ state: 'queued', nextAttemptAt: 5 })).toBe('queued');
    // Held before its first attempt: the study names two people, say.
    expect(shownState({ state: 'queued', nextAttemptAt: null })).toBe('held');
    for (const state of deliveryStates)
      expect(shownState({ state, nextAttemptAt: null }) === 'proven').toBe(state === 'proven');
  });

  it('asks for a person when it was refused, given up or held, and for nothing else', () => {
    const asking = deliveryStates.filter((state) => needsAttention({ state, nextAttemptAt: 5 }));
    expect(asking).toEqual(['refused', 'failed']);
    expect(needsAttention({ state: 'sent', nextAttemptAt: null })).toBe(true);
  });
});
