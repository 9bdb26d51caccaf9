import { describe, expect, it } from 'vitest';
import { type Delivery, deliveryStates } from '../../../app/domains/exchange/exchangeSchema.ts';
import { isAllKeptBack, lastAlike, needsAttention, shownState } from './deliveryView.ts';

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

  it('was kept back here only where all that is refused was', () => {
    expect(isAllKeptBack({ state: 'refused', refused: 3, keptBack: 3 })).toBe(true);
    // The other system refused one too.
    expect(isAllKeptBack({ state: 'refused', refused: 3, keptBack: 2 })).toBe(false);
    expect(isAllKeptBack({ state: 'refused', refused: 3, keptBack: 0 })).toBe(false);
    expect(isAllKeptBack({ state: 'proven', refused: 0, keptBack: 0 })).toBe(false);
  });

  it('without the person is no earlier delivery of the study by its name, nor the other way round', () => {
    const of = (deidentified: boolean, reportId: string | null = null) =>
      ({ nodeId: 'pacs', reportId, deidentified }) as Delivery;
    const [unnamed, named, report] = [of(true), of(false), of(false, 'report')];
    const rows = [report, unnamed, named];
    const wanted = { nodeId: 'pacs', reportId: null };
    expect(lastAlike(rows, { ...wanted, deidentified: false })).toBe(named);
    expect(lastAlike(rows, { ...wanted, deidentified: true })).toBe(unnamed);
    expect(lastAlike([unnamed], { ...wanted, deidentified: false })).toBeUndefined();
    expect(lastAlike(rows, { ...wanted, nodeId: 'other', deidentified: true })).toBeUndefined();
  });
});
