import { describe, expect, it } from 'vitest';
import {
  beginsSoon,
  compareWithSought,
  isNewWork,
  type ListedStudy,
  listPriors,
  meansStudy,
  type NewStudy,
  pauseAfterLook,
  type Sought,
  wantedModalities,
} from './prefetchRules.ts';

const sought: Sought = { identifier: 'P7', issuer: 'CHU', name: 'Martin^Anne', birthDate: '19600102', sex: 'F' };
const study: NewStudy = { studyUid: '1.2.9', modalities: ['CT'], date: '20261120', time: '101500' };

function listed(changes: Partial<Omit<ListedStudy, 'person'>> & { person?: Partial<Sought> } = {}): ListedStudy {
  const { person, ...row } = changes;
  return {
    nodeId: 'a',
    studyUid: '1.2.1',
    studyDate: '20250101',
    studyTime: '',
    modalities: ['CT'],
    instanceCount: 10,
    hereCount: 0,
    ...row,
    person: { ...sought, ...person },
  };
}
const uids = (rows: readonly ListedStudy[], years = 5) =>
  listPriors(sought, study, years, rows).priors.map(({ studyUid }) => studyUid);

describe('whose an answer is', () => {
  it('is the same person by what carries no meaning in DICOM, and by what one of the two leaves out', () => {
    for (const answer of [
      {},
      { identifier: ' P7 ', name: 'MARTIN^ANNE^^' },
      { issuer: '', birthDate: '', sex: '' },
      { birthDate: '1960.01.02', sex: 'f ' },
    ]) {
      expect(compareWithSought(sought, { ...sought, ...answer }), JSON.stringify(answer)).toBe('same');
    }
  });

  it('is another where anything that is said differs', () => {
    for (const answer of [
      { identifier: 'p7' },
      { identifier: 'P70' },
      { identifier: '0P7' },
      { issuer: 'CHX' },
      { name: 'Martin^Anna' },
      { name: 'Martin' },
      { birthDate: '19600201' },
      { sex: 'M' },
      { identifier: '', name: 'Bernard^Luc' },
      { name: '', birthDate: '19700101' },
    ]) {
      expect(compareWithSought(sought, { ...sought, ...answer }), JSON.stringify(answer)).toBe('other');
    }
  });

  it('is not proven by a number without a name, or a name without a number', () => {
    for (const answer of [{ identifier: '' }, { name: '' }, { name: '^^', birthDate: '' }]) {
      expect(compareWithSought(sought, { ...sought, ...answer }), JSON.stringify(answer)).toBe('unproven');
    }
  });
});

describe('the priors among what nodes list', () => {
  it('are earlier, not too old, newest first, and never the study itself', () => {
    const rows = [
      listed({ studyUid: '1.2.1', studyDate: '20240301' }),
      listed({ studyUid: '1.2.2', studyDate: '20260301' }),
      listed({ studyUid: '1.2.3', studyDate: '20261121' }),
      listed({ studyUid: '1.2.4', studyDate: '20211119' }),
      listed({ studyUid: '1.2.5', studyDate: '' }),
      listed({ studyUid: '1.2.9', studyDate: '20200101' }),
      listed({ studyUid: '1.2.6', studyDate: '20211120' }),
    ];
    expect(uids(rows)).toEqual(['1.2.2', '1.2.1', '1.2.6']);
  });

  it('of the same day are those that are not later', () => {
    const rows = [
      listed({ studyUid: '1.2.1', studyDate: '20261120', studyTime: '0900' }),
      listed({ studyUid: '1.2.2', studyDate: '20261120', studyTime: '101501' }),
      listed({ studyUid: '1.2.3', studyDate: '20261120' }),
    ];
    expect(uids(rows).sort()).toEqual(['1.2.1', '1.2.3']);
  });

  it('are listed once over all nodes: first from the one that has more, last from the one that failed', () => {
    const rows = [
      listed({ nodeId: 'a', instanceCount: 10 }),
      listed({ nodeId: 'b', instanceCount: 12, hereCount: 10 }),
      listed({ nodeId: 'c', instanceCount: null, modalities: ['SR'] }),
    ];
    expect(listPriors(sought, study, 5, rows).priors).toMatchObject([
      { nodeIds: ['b', 'a', 'c'], isWhole: false, modalities: ['CT', 'SR'] },
    ]);
    const failed = listPriors(sought, study, 5, rows, new Map([['1.2.1', 'b']]));
    expect(failed.priors[0]?.nodeIds).toEqual(['a', 'c', 'b']);
    const whole = rows.map((row) => ({ ...row, hereCount: 12 }));
    expect(listPriors(sought, study, 5, whole).priors[0]?.isWhole).toBe(true);
    expect(listPriors(sought, study, 5, [listed({ instanceCount: null, hereCount: 5 })]).priors[0]?.isWhole).toBe(
      false,
    );
  });

  it('are none of another person, nor what a single node says is another’s', () => {
    const rows = [
      listed({ studyUid: '1.2.1', person: { name: 'Bernard^Luc' } }),
      listed({ studyUid: '1.2.2', nodeId: 'a' }),
      listed({ studyUid: '1.2.2', nodeId: 'b', person: { birthDate: '19991231' } }),
      listed({ studyUid: '1.2.3', person: { name: '' } }),
      // One that does not say who, beside one that does: fetched from the latter alone.
      listed({ studyUid: '1.2.4', nodeId: 'a', person: { identifier: '' }, instanceCount: 99 }),
      listed({ studyUid: '1.2.4', nodeId: 'b' }),
    ];
    const { priors, otherPerson } = listPriors(sought, study, 5, rows);
    expect(priors.map(({ studyUid, nodeIds }) => ({ studyUid, nodeIds }))).toEqual([
      { studyUid: '1.2.4', nodeIds: ['b'] },
    ]);
    expect(otherPerson).toBe(3);
  });
});

describe('a rule', () => {
  it('means a study that has one of each that it names', () => {
    const match = { modalities: ['CT', 'MR'], bodyParts: ['CHEST'] };
    expect(meansStudy(match, { modalities: ['CT'], bodyParts: ['CHEST', 'HEAD'] })).toBe(true);
    expect(meansStudy(match, { modalities: ['US'], bodyParts: ['CHEST'] })).toBe(false);
    expect(meansStudy(match, { modalities: ['CT'], bodyParts: [] })).toBe(false);
    // A planned one has none.
    expect(meansStudy(match, { modalities: ['CT'], bodyParts: null })).toBe(true);
    expect(meansStudy({ modalities: [], bodyParts: [] }, { modalities: [], bodyParts: [] })).toBe(true);
  });

  it('wants the same modality, others, or any', () => {
    const wanted = { atMost: 3, years: 5 };
    expect(wantedModalities({ ...wanted, sameModality: false, modalities: [] }, study)).toBeNull();
    expect(wantedModalities({ ...wanted, sameModality: true, modalities: ['CR'] }, study)).toEqual(['CT', 'CR']);
    expect(wantedModalities({ ...wanted, sameModality: false, modalities: ['CR'] }, study)).toEqual(['CR']);
  });

  it('is tried again a few times, and then no more', () => {
    expect([1, 2, 3, 4, 5].map((attempts) => pauseAfterLook(attempts))).toEqual([
      60_000,
      300_000,
      1_200_000,
      3_600_000,
      null,
    ]);
  });
});

describe('what is new', () => {
  const noon = new Date(2026, 10, 20, 12).getTime();

  it('came to be read within a week of its date', () => {
    expect(['20261120', '20261113', '20261112', '20200101', '', '2026'].map((date) => isNewWork(date, noon))).toEqual([
      ...[true, true, false, false, true, true],
    ]);
  });

  it('begins within 36 hours', () => {
    const soon = (startDate: string, startTime: string) => beginsSoon({ startDate, startTime }, noon);
    expect(soon('20261120', '1130')).toBe(false);
    expect(soon('20261120', '1230')).toBe(true);
    expect(soon('20261120', '')).toBe(true);
    expect(soon('20261121', '235959')).toBe(true);
    expect(soon('20261122', '0001')).toBe(false);
    expect(soon('20261122', '')).toBe(true);
    expect(soon('20261123', '')).toBe(false);
    expect(soon('20261119', '')).toBe(false);
  });
});
