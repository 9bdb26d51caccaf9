import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ageInYears, searchWords } from '../../../app/domains/worklist/worklistRules.ts';
import {
  type WorklistFilter,
  type WorklistRow,
  type WorklistSort,
  worklistFilterSchema,
} from '../../../app/domains/worklist/worklistSchema.ts';
import { foldMarks, foldText } from '../../../app/shared/foldText.ts';
import { insertSyntheticStudies } from '../../../tests/bench/syntheticStudies.ts';
import { openTestImaging, type TestImaging } from '../imaging/testImaging.ts';

const everything: WorklistFilter = worklistFilterSchema.parse({});
const newest: WorklistSort = { key: 'receivedAt', direction: 'descending' };

describe('a list of 9,000 studies', () => {
  let t: TestImaging;
  let all: WorklistRow[];
  const list = (...question: Parameters<TestImaging['list']>) => t.list(...question);

  beforeAll(async () => {
    t = await openTestImaging();
    insertSyntheticStudies(t.test.store, t.services, t.test.author, 9000);
    t.test.store.gate.write(t.test.author, 'test.reports', (tx) => {
      for (let index = 1; index <= 9000; index += 5) {
        const state = (['draft', 'signed', 'addendum'] as const)[index % 3] ?? 'draft';
        t.services.worklist.reportChanged(tx, `2.25.4711.${index}`, {
          state,
          signedAt: state === 'draft' ? null : 1000 + index,
          signedInstanceCount: state === 'draft' ? null : 1,
        });
      }
    });
    for (const index of [3, 5, 8]) t.services.worklist.assign(t.test.author, `2.25.4711.${index}`, 'tester');
    all = [];
    for (let offset = 0; offset < 9000; offset += 500) all.push(...(await list({}, newest, offset, 500)).rows);
  }, 60_000);
  afterAll(() => t.close());

  /** The filter said again in the plainest way, on the lines themselves. */
  function matches(row: WorklistRow, filter: WorklistFilter): boolean {
    const text = `${row.displayName} ${row.identifier} ${row.accessionNumber} ${row.description}`;
    for (const word of searchWords(filter.text)) {
      const found =
        [...word].length >= 3 ? foldMarks(text).includes(word) : ` ${foldText(text)}`.includes(` ${foldText(word)}`);
      if (!found) return false;
    }
    if (filter.modalities.length > 0 && !filter.modalities.some((modality) => row.modalities.includes(modality)))
      return false;
    if (filter.reportStates.length > 0 && !filter.reportStates.includes(row.reportState)) return false;
    if (filter.dateFrom !== '' && row.studyDate < filter.dateFrom) return false;
    if (filter.dateTo !== '' && (row.studyDate > filter.dateTo || row.studyDate === '')) return false;
    if (filter.assignedTo !== null && row.assignedTo !== filter.assignedTo) return false;
    if (filter.patientId !== null && row.patientId !== filter.patientId) return false;
    return !filter.conflictsOnly || row.identityConflict || row.conflictCount > 0;
  }

  it('holds every study once', () => {
    expect(all.length).toBe(9000);
    expect(new Set(all.map(({ studyUid }) => studyUid)).size).toBe(9000);
  });

  const filters: [string, Partial<WorklistFilter>][] = [
    ['a name', { text: 'martin' }],
    ['a name without its accent', { text: 'lefevre' }],
    ['accents and case, words in any order', { text: 'ANNE Lefèvre' }],
    ['a letter that no decomposition knows', { text: 'ostergard' }],
    ['part of an identifier', { text: '791' }],
    ['part of a word', { text: 'horax' }],
    ['two short words', { text: 'ct p' }],
    ['a short word and a long one', { text: 'ct thorax' }],
    ['characters that are syntax elsewhere', { text: `"a" OR b* -c '%_` }],
    ['an apostrophe', { text: 'o’brien' }],
    ['nothing that exists', { text: 'zzzz' }],
    ['one modality', { modalities: ['CT'] }],
    ['one of two modalities', { modalities: ['CT', 'PT'] }],
    ['a state', { reportStates: ['none'] }],
    ['two states', { reportStates: ['signed', 'addendum'] }],
    ['a year', { dateFrom: '20200101', dateTo: '20201231' }],
    ['an open beginning', { dateTo: '20160101' }],
    ['an open end', { dateFrom: '20250601' }],
    ['an operator', { assignedTo: 'tester' }],
    ['conflicts', { conflictsOnly: true }],
    [
      'many and many that meet in few',
      { modalities: ['CT'], dateFrom: '20200101', dateTo: '20221231', text: 'martin' },
    ],
    ['a state, a modality and a short word', { modalities: ['MR'], reportStates: ['none'], text: 'm' }],
  ];
  it.each(filters)('finds by %s what the plainest filter finds', async (_, filter) => {
    const expected = all.filter((row) => matches(row, { ...everything, ...filter }));
    const got = await list(filter, newest, 0, 500);
    expect(got.total).toBe(expected.length);
    expect(got.rows.map(({ studyUid }) => studyUid)).toEqual(expected.slice(0, 500).map(({ studyUid }) => studyUid));
    const second = await list(filter, newest, 500, 300);
    expect(second.total).toBe(expected.length);
    expect(second.rows.map(({ studyUid }) => studyUid)).toEqual(
      expected.slice(500, 800).map(({ studyUid }) => studyUid),
    );
  });

  it('finds one patient’s studies', async () => {
    const [first] = all;
    const got = await list({ patientId: first?.patientId ?? '' });
    expect(got.rows.length).toBe(all.filter(({ patientId }) => patientId === first?.patientId).length);
  });

  const keys: [WorklistSort['key'], (row: WorklistRow) => string | number][] = [
    ['receivedAt', (row) => row.receivedAt],
    ['studyDate', (row) => row.studyDate + row.studyTime],
    ['patient', (row) => foldText(row.displayName)],
    ['modality', (row) => row.modalities.join('\\')],
    ['description', (row) => foldText(row.description)],
    ['instances', (row) => row.instanceCount],
    ['reportState', (row) => ['none', 'draft', 'signed', 'addendum'].indexOf(row.reportState)],
    ['age', (row) => row.ageYears ?? -1],
    ['source', (row) => row.source],
  ];
  it.each(keys)('sorts by %s, both ways, and gives any part of the order as that part', async (key, value) => {
    for (const direction of ['ascending', 'descending'] as const) {
      const sort = { key, direction };
      const rows: WorklistRow[] = [];
      for (let offset = 0; offset < 9000; offset += 500) rows.push(...(await list({}, sort, offset, 500)).rows);
      const uids = rows.map(({ studyUid }) => studyUid);
      expect(new Set(uids).size).toBe(9000);
      for (let index = 1; index < rows.length; index += 1) {
        const before = value(rows[index - 1] as WorklistRow);
        const after = value(rows[index] as WorklistRow);
        if (direction === 'ascending') expect(before <= after).toBe(true);
        else expect(before >= after).toBe(true);
      }
      for (const [offset, limit] of [
        [4499, 3],
        [4500, 7],
        [8990, 10],
        [8995, 100],
        [9000, 10],
        [20_000, 10],
      ] as const) {
        const part = await list({}, sort, offset, limit);
        expect(part.total).toBe(9000);
        expect(part.rows.map(({ studyUid }) => studyUid)).toEqual(uids.slice(offset, offset + limit));
      }
      // A filter leaves studies out and changes nothing else, near the beginning as far down.
      const isCt = new Set(rows.filter((row) => row.modalities.includes('CT')).map(({ studyUid }) => studyUid));
      const expected = uids.filter((uid) => isCt.has(uid));
      for (const offset of [0, 700, Math.floor(expected.length / 2), expected.length - 3, expected.length]) {
        const part = await list({ modalities: ['CT'] }, sort, offset, 50);
        expect([part.total, part.rows.map(({ studyUid }) => studyUid)]).toEqual([
          expected.length,
          expected.slice(offset, offset + 50),
        ]);
      }
    }
  });

  it('counts what its chips would show', async () => {
    const counts = t.services.worklist.counts('tester');
    expect(counts.all).toBe(9000);
    expect(counts.unread).toBe((await list({ reportStates: ['none'] })).total);
    expect(counts.drafts).toBe((await list({ reportStates: ['draft'] })).total);
    expect(counts.signed).toBe((await list({ reportStates: ['signed', 'addendum'] })).total);
    expect(counts.mine).toBe(3);
    for (const { modality, count } of counts.modalities)
      expect(count).toBe((await list({ modalities: [modality] })).total);
  });
});

describe('a line of the list', () => {
  let t: TestImaging;
  beforeAll(async () => {
    t = await openTestImaging();
  });
  afterAll(() => t.close());
  const only = async () => (await t.list()).rows[0] as WorklistRow;

  it('follows reports, assignments and images that come later', async () => {
    await t.importSlices({ study: '1.1', number: 1 });
    expect(await only()).toMatchObject({
      displayName: 'LEFÈVRE Anne',
      ageYears: 66,
      modalities: ['CT'],
      reportState: 'none',
      unreadInstances: 0,
    });
    t.test.store.gate.write(t.test.author, 'test.sign', (tx) => {
      t.services.worklist.reportChanged(tx, '1.1', { state: 'signed', signedAt: 42, signedInstanceCount: 1 });
    });
    await t.importSlices({ study: '1.1', number: 2 });
    expect(await only()).toMatchObject({ reportState: 'signed', signedAt: 42, instanceCount: 2, unreadInstances: 1 });
    t.services.worklist.assign(t.test.author, '1.1', 'someone');
    t.services.worklist.assign(t.test.author, '1.1', null);
    expect((await only()).assignedTo).toBeNull();
    expect(() => t.services.worklist.assign(t.test.author, '9.9', 'x')).toThrowError(
      expect.objectContaining({ code: 'worklist.studyUnknown' }),
    );
    expect(t.services.worklist.counts('someone')).toMatchObject({ all: 1, signed: 1, unread: 0, mine: 0 });
  });

  it('is found by a search that found nothing before, and never stays in one it left', async () => {
    const found = async (filter: Partial<WorklistFilter>) =>
      (await t.list(filter)).rows.map(({ studyUid }) => studyUid);
    const ask = async () => [
      await found({ text: 'zimmer' }),
      await found({ text: 'zi', modalities: ['CT'] }),
      await found({ assignedTo: 'someone' }),
    ];
    expect(await ask()).toEqual([[], [], []]);
    await t.importSlices({ study: '8.8', name: 'Zimmer^Zoe', identifier: 'Z' });
    expect(await ask()).toEqual([['8.8'], ['8.8'], []]);
    t.services.worklist.assign(t.test.author, '8.8', 'someone');
    expect(await ask()).toEqual([['8.8'], ['8.8'], ['8.8']]);
    t.services.worklist.assign(t.test.author, '8.8', null);
    expect(await ask()).toEqual([['8.8'], ['8.8'], []]);
  });
});

describe('a list that changes while it is read', () => {
  it('gives each answer as of one moment: no study twice, none missing, the total of that moment', async () => {
    const t = await openTestImaging();
    try {
      insertSyntheticStudies(t.test.store, t.services, t.test.author, 1500);
      let answers = 0;
      const write = async () => {
        for (let step = 1; answers < 25 && step < 700; step += 1) {
          t.test.store.gate.write(t.test.author, 'test.change', (tx) => {
            // Two at a time: an answer that mixes two moments holds an odd number.
            for (const index of [step * 2, step * 2 + 1]) {
              t.services.worklist.reportChanged(tx, `2.25.4711.${index}`, {
                state: 'draft',
                signedAt: null,
                signedInstanceCount: null,
              });
            }
          });
          await new Promise((resolve) => setTimeout(resolve, 2));
        }
      };
      const totals = new Set<number>();
      const read = async () => {
        for (; answers < 25; answers += 1) {
          const { total, rows } = await t.list({ reportStates: ['draft'] }, newest, 0, 500);
          expect(total % 2).toBe(0);
          expect(new Set(rows.map(({ studyUid }) => studyUid)).size).toBe(Math.min(500, total));
          const all = await t.list({}, { key: 'reportState', direction: 'ascending' }, 1400, 500);
          expect([all.total, all.rows.length]).toEqual([1500, 100]);
          const rest = await t.list({ reportStates: ['none'] }, newest, 700, 100);
          expect(rest.total % 2).toBe(0);
          expect(rest.rows.length).toBe(Math.min(100, Math.max(0, rest.total - 700)));
          totals.add(total);
        }
      };
      await Promise.all([write(), read(), read()]);
      expect(totals.size).toBeGreaterThan(3);
    } finally {
      await t.close();
    }
  });
});

describe('ages', () => {
  it('are whole years on the study date', () => {
    expect(ageInYears('19600302', '20260301')).toBe(65);
    expect(ageInYears('19600301', '20260301')).toBe(66);
    expect(ageInYears('', '20260301')).toBeNull();
    expect(ageInYears('20300101', '20260301')).toBeNull();
  });
});
