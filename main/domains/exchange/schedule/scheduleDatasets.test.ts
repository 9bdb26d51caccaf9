import { describe, expect, it } from 'vitest';
import { type NewEntry, newEntrySchema, scheduleQuerySchema } from '../../../../app/domains/exchange/scheduleSchema.ts';
import type { JsonDataSet } from '../../../dicom/dicomJson.ts';
import { decodeDataset } from '../../../dicom/readDataset.ts';
import { encodeDataset } from '../../../dicom/writeDataset.ts';
import { makeScheduleKeys, matchesKeys, startDaysOf, toScheduledStep, toWorklistAnswer } from './scheduleDatasets.ts';

const implicit = '1.2.840.10008.1.2';
const entry: NewEntry = {
  patientName: 'NÚÑEZ^Inès',
  patientId: 'N-7',
  birthDate: '19800229',
  sex: 'F',
  accessionNumber: 'ACC7',
  requestedProcedureId: 'RP7',
  procedureDescription: 'Thorax',
  studyUid: '1.2.3.4',
  modality: 'DX',
  stationAeTitle: 'ROOM1',
  startDate: '20261120',
  startTime: '1015',
  performingPhysician: '',
};
const own = { ...entry, nodeId: null, entryId: '01890a5d-ac96-774b-bcce-b302099a8057' };

/** Keys as a modality sends them: what is not named is empty. */
function keysOf(set: Record<string, string>, step: Record<string, string>): JsonDataSet {
  const vrs: Record<string, string> = { '00100010': 'PN', '00400002': 'DA', '00400003': 'TM', '0020000D': 'UI' };
  const plain = (values: Record<string, string>): JsonDataSet =>
    Object.fromEntries(
      Object.entries(values).map(([tag, text]) => {
        const vr = vrs[tag] ?? 'LO';
        return [tag, { vr, Value: [vr === 'PN' ? { Alphabetic: text } : text] }];
      }),
    );
  return { ...plain(set), '00400100': { vr: 'SQ', Value: [plain(step)] } };
}

describe('a modality that asks for its worklist', () => {
  it('is given what it asks for, and nothing else', () => {
    const matches = (set: Record<string, string>, step: Record<string, string> = {}) =>
      matchesKeys(own, keysOf(set, step));
    expect(matches({})).toBe(true);
    expect(matchesKeys(own, {})).toBe(true);
    for (const name of ['nunez*', 'NÚÑEZ^INÈS', 'N?ÑEZ^*', '*', '*in*s', 'Nunez^Ines^^']) {
      expect(matches({ '00100010': name }), name).toBe(true);
    }
    for (const name of ['NUNE', 'N?EZ^*', 'nunez', '*x', 'nunez^ines^x']) {
      expect(matches({ '00100010': name }), name).toBe(false);
    }
    expect(matches({ '00100020': 'N-*' })).toBe(true);
    expect(matches({ '00100020': 'n-7' })).toBe(false);
    expect(matches({ '0020000D': '1.2.3.4' })).toBe(true);
    expect(matches({}, { '00080060': 'DX', '00400001': 'ROOM1' })).toBe(true);
    expect(matches({}, { '00080060': 'MR' })).toBe(false);
    for (const days of ['20261120', '20261119-20261121', '20261120-', '-20261120']) {
      expect(matches({}, { '00400002': days }), days).toBe(true);
    }
    for (const days of ['20261121', '20261121-', '-20261119', '20261101-20261119']) {
      expect(matches({}, { '00400002': days }), days).toBe(false);
    }
    expect(matches({}, { '00400003': '1000-1100' })).toBe(true);
    expect(matches({}, { '00400003': '1100-' })).toBe(false);
  });

  it('costs no time, whatever stars it sends', () => {
    const hostile = { ...own, patientId: 'a'.repeat(64) };
    const startedAt = performance.now();
    expect(matchesKeys(hostile, keysOf({ '00100020': `${'*a'.repeat(150)}b` }, {}))).toBe(false);
    expect(performance.now() - startedAt).toBeLessThan(1000);
  });

  it('has its days looked up', () => {
    const days = (text: string) => startDaysOf(keysOf({}, { '00400002': text }));
    expect(days('20261120')).toEqual({ dateFrom: '20261120', dateTo: '20261120' });
    expect(days('20261120-20261122')).toEqual({ dateFrom: '20261120', dateTo: '20261122' });
    expect(days('-20261122')).toEqual({ dateFrom: '', dateTo: '20261122' });
    for (const text of ['', '*', 'today', '20261120-20261122-1']) {
      expect(days(text), text).toEqual({ dateFrom: '', dateTo: '' });
    }
    expect(startDaysOf({})).toEqual({ dateFrom: '', dateTo: '' });
  });

  it('reads back what it was answered', () => {
    const asked = keysOf({ '00100010': '*', '00321033': '' }, { '00400010': '' });
    const answer = decodeDataset(encodeDataset(toWorklistAnswer(own, asked), implicit), implicit);
    expect(toScheduledStep('node', answer)).toEqual({ ...entry, nodeId: 'node', entryId: null });
    // What it asked for beyond that is there, and empty.
    expect(answer['00321033']).toBeDefined();
  });
});

describe('a worklist that is asked', () => {
  it('gets its keys in the step they belong to', () => {
    const query = scheduleQuerySchema.parse({ modality: 'ct', dateFrom: '20261120', dateTo: '20261121' });
    const keys = decodeDataset(encodeDataset(makeScheduleKeys(query), implicit), implicit);
    expect(keys['00400100']?.Value?.[0]).toMatchObject({
      '00080060': { Value: ['CT'] },
      '00400002': { Value: ['20261120-20261121'] },
    });
    expect(keys['00100020']).toEqual({ vr: 'LO' });
  });

  it('is believed only as far as it makes sense', () => {
    expect(toScheduledStep('node', {})).toBeNull();
    const broken: JsonDataSet = {
      '00100010': { vr: 'PN', Value: [{ Alphabetic: 'A\u0000B'.repeat(500) }] },
      '0020000D': { vr: 'UI', Value: ['not a uid'] },
      '00400100': { vr: 'SQ', Value: ['no item'] },
    };
    const row = toScheduledStep('node', broken);
    expect(row).toMatchObject({ studyUid: '', modality: '', startDate: '' });
    expect(row?.patientName.length).toBeLessThanOrEqual(324);
    expect(row?.patientName).not.toContain('\u0000');
  });
});

describe('an own entry', () => {
  it('is refused with what would break a message', () => {
    expect(newEntrySchema.safeParse(entry).success).toBe(true);
    for (const wrong of [
      { patientName: '' },
      { patientName: 'A\\B' },
      { patientId: 'A\nB' },
      { startDate: 'today' },
      { modality: 'ct' },
      { studyUid: 'x' },
      { stationAeTitle: 'A TITLE THAT IS TOO LONG' },
    ]) {
      expect(newEntrySchema.safeParse({ ...entry, ...wrong }).success, JSON.stringify(wrong)).toBe(false);
    }
  });
});
