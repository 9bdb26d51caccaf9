import { describe, expect, it } from 'vitest';
import { type FindQuery, findQuerySchema } from '../../../../app/domains/exchange/exchangeSchema.ts';
import { decodeDataset } from '../../../dicom/readDataset.ts';
import { encodeDataset } from '../../../dicom/writeDataset.ts';
import { makeFindKeys, makeQidoSearch, makeRetrieveKeys, modelOf, requireBound } from './findKeys.ts';

const nowMs = Date.UTC(2026, 10, 20, 12);
const query = (given: Partial<FindQuery>): FindQuery => findQuerySchema.parse({ level: 'STUDY', ...given });
const isRefused = (given: Partial<FindQuery>): boolean => {
  try {
    requireBound(query(given), nowMs);
    return false;
  } catch (error) {
    expect(error).toMatchObject({ code: 'exchange.queryTooWide' });
    return true;
  }
};

describe('how wide a search may be', () => {
  it('needs something to go by', () => {
    for (const given of [
      {},
      { modality: 'CT' },
      { patientName: '*' },
      { patientName: ' ?*^ ' },
      { studyDateFrom: '20261001' },
      { studyDateTo: '20261101' },
      { studyDateFrom: '20261001', studyDateTo: '20261102' },
      { level: 'PATIENT', studyDateFrom: '20261101', studyDateTo: '20261101' },
      { level: 'SERIES', patientName: 'A' },
      { level: 'IMAGE', studyUid: '1.2.3' },
    ] satisfies Partial<FindQuery>[]) {
      expect(isRefused(given), JSON.stringify(given)).toBe(true);
    }
  });

  it('lets through what names a person, a study or some days', () => {
    for (const given of [
      { patientName: '王*' },
      { patientId: '7' },
      { accessionNumber: 'A1*' },
      { studyUid: '1.2.3' },
      { studyDescription: '*knee*' },
      { studyDateFrom: '20261020', studyDateTo: '20261120' },
      { studyDateFrom: '20261101' },
      { level: 'PATIENT', patientName: 'dup*' },
      { level: 'SERIES', studyUid: '1.2.3' },
      { level: 'IMAGE', studyUid: '1.2.3', seriesUid: '1.2.4' },
    ] satisfies Partial<FindQuery>[]) {
      expect(isRefused(given), JSON.stringify(given)).toBe(false);
    }
  });
});

describe('the keys of a C-FIND', () => {
  it('carries what was typed as it was typed, in UTF-8, and asks for the rest', () => {
    const keys = makeFindKeys(
      query({
        patientName: 'Müller^*',
        modality: 'ct',
        studyDateFrom: '20260101',
        studyDateTo: '20260131',
        accessionNumber: 'A?1',
      }),
    );
    for (const syntax of ['1.2.840.10008.1.2', '1.2.840.10008.1.2.1']) {
      const read = decodeDataset(encodeDataset(keys, syntax), syntax);
      expect(read).toMatchObject({
        '00080005': { Value: ['ISO_IR 192'] },
        '00080020': { Value: ['20260101-20260131'] },
        '00080050': { Value: ['A?1'] },
        '00080052': { Value: ['STUDY'] },
        '00080061': { Value: ['CT'] },
        '00100010': { Value: [{ Alphabetic: 'Müller^*' }] },
      });
      expect(read['0020000D']).toEqual({ vr: 'UI' });
      expect(read['00201208']).toEqual({ vr: 'IS' });
    }
  });

  it('keeps one value one value', () => {
    const { '00100020': id, '00100010': name } = makeFindKeys(query({ patientId: 'A\\B\n', patientName: 'A=B=C=D' }));
    expect(id?.Value).toEqual(['A?B']);
    expect(name?.Value).toEqual([{ Alphabetic: 'A', Ideographic: 'B', Phonetic: 'C?D' }]);
    expect(() => encodeDataset(makeFindKeys(query({ patientName: 'A=B=C=D' })), '1.2.840.10008.1.2')).not.toThrow();
  });

  it('asks each level for its own, below the unique keys of those above', () => {
    expect(modelOf('PATIENT')).toBe('1.2.840.10008.5.1.4.1.2.1.1');
    expect(modelOf('STUDY')).toBe('1.2.840.10008.5.1.4.1.2.2.1');
    const image = makeFindKeys(query({ level: 'IMAGE', studyUid: '1.2.3', seriesUid: '1.2.4', patientName: 'x' }));
    expect(image).toMatchObject({
      '00080052': { Value: ['IMAGE'] },
      '0020000D': { Value: ['1.2.3'] },
      '0020000E': { Value: ['1.2.4'] },
    });
    // Keys of a level above but its unique one have no place in a hierarchical search.
    expect(Object.keys(image)).not.toContain('00100010');
    expect(Object.keys(makeFindKeys(query({ level: 'PATIENT', patientId: '7' })))).not.toContain('0020000D');
    expect(makeFindKeys(query({ studyDateFrom: '20260101' }))['00080020']?.Value).toEqual(['20260101-']);
    expect(makeFindKeys(query({ studyDateTo: '20260101' }))['00080020']?.Value).toEqual(['-20260101']);
    expect(makeFindKeys(query({ studyDateFrom: '20260101', studyDateTo: '20260101' }))['00080020']?.Value).toEqual([
      '20260101',
    ]);
  });

  it('retrieves by unique keys alone', () => {
    expect(makeRetrieveKeys({ studyUid: '1.2', seriesUid: '1.3', sopUids: ['1.4', '1.5'] })).toEqual({
      '00080018': { vr: 'UI', Value: ['1.4', '1.5'] },
      '00080052': { vr: 'CS', Value: ['IMAGE'] },
      '0020000D': { vr: 'UI', Value: ['1.2'] },
      '0020000E': { vr: 'UI', Value: ['1.3'] },
    });
    expect(makeRetrieveKeys({ studyUid: '1.2' })['00080052']?.Value).toEqual(['STUDY']);
  });
});

describe('the same as a QIDO-RS search', () => {
  it('puts unique keys into the path and the rest into the query', () => {
    expect(makeQidoSearch(query({ patientName: 'Dup*', modality: 'mr' }))).toMatchObject({
      level: 'studies',
      match: { PatientName: 'Dup*', ModalitiesInStudy: 'MR' },
    });
    expect(makeQidoSearch(query({ level: 'SERIES', studyUid: '1.2' }))).toMatchObject({
      level: 'series',
      studyUid: '1.2',
      match: {},
    });
    expect(makeQidoSearch(query({ level: 'IMAGE', studyUid: '1.2', seriesUid: '1.3' }))).toMatchObject({
      level: 'instances',
      studyUid: '1.2',
      seriesUid: '1.3',
      match: {},
    });
    expect(makeQidoSearch(query({ level: 'PATIENT', patientId: '7' }))).toMatchObject({
      level: 'studies',
      match: { PatientID: '7' },
    });
  });
});
