import { describe, expect, it } from 'vitest';
import { foundSchema } from '../../../../app/domains/exchange/exchangeSchema.ts';
import type { JsonDataSet } from '../../../dicom/dicomJson.ts';
import { keyOfRow, toFoundRow } from './foundRows.ts';

const nodeId = '0190a5f0-0000-7000-8000-000000000001';
const open = { studyUid: '', seriesUid: '' };
const study: JsonDataSet = {
  '00080020': { vr: 'DA', Value: ['20260131'] },
  '00080061': { vr: 'CS', Value: ['CT', 'SR', 'CT'] },
  '00100010': { vr: 'PN', Value: [{ Alphabetic: 'Yamada^Tarou', Ideographic: '山田^太郎' }] },
  '00100020': { vr: 'LO', Value: ['7'] },
  '0020000D': { vr: 'UI', Value: ['1.2.3'] },
  '00201208': { vr: 'IS', Value: [12] },
};

describe('what a peer answers', () => {
  it('becomes a row', () => {
    const row = toFoundRow(nodeId, 'STUDY', study, open);
    expect(foundSchema.parse({ ...row, hereCount: 0 })).toMatchObject({
      patientName: 'Yamada^Tarou=山田^太郎',
      patientId: '7',
      studyUid: '1.2.3',
      studyDate: '20260131',
      modalities: ['CT', 'SR'],
      instanceCount: 12,
      accessionNumber: '',
      seriesUid: '',
      sopUid: '',
    });
  });

  it('is dropped without the UID of its level, or about something else than was asked for', () => {
    const without = { ...study, '0020000D': { vr: 'UI' } };
    expect(toFoundRow(nodeId, 'STUDY', without, open)).toBeNull();
    expect(toFoundRow(nodeId, 'STUDY', { ...study, '0020000D': { vr: 'UI', Value: ['../x'] } }, open)).toBeNull();
    expect(toFoundRow(nodeId, 'SERIES', study, { studyUid: '1.2.3', seriesUid: '' })).toBeNull();
    expect(toFoundRow(nodeId, 'STUDY', study, { studyUid: '1.2.4', seriesUid: '' })).toBeNull();
    const series = { '0020000E': { vr: 'UI', Value: ['1.2.3.1'] } };
    expect(toFoundRow(nodeId, 'SERIES', series, { studyUid: '1.2.3', seriesUid: '' })).toMatchObject({
      studyUid: '1.2.3',
      seriesUid: '1.2.3.1',
    });
    const image = { ...series, '00080018': { vr: 'UI', Value: ['1.2.3.1.1'] } };
    expect(toFoundRow(nodeId, 'IMAGE', image, { studyUid: '1.2.3', seriesUid: '1.9' })).toBeNull();
  });

  it('is cleaned and cut, whatever lies in it', () => {
    const hostile: JsonDataSet = {
      ...study,
      '00100010': { vr: 'PN', Value: [{ Alphabetic: `A\u0000\u001b[31m\u202e${'x'.repeat(100_000)}` }] },
      '00100020': { vr: 'LO', Value: [{ toString: 'no' }] },
      '00081030': { vr: 'LO', Value: 'no list' as unknown as unknown[] },
      '00080061': { vr: 'CS', Value: Array.from({ length: 10_000 }, (_, index) => `M${index}`) },
      '00201208': { vr: 'IS', Value: ['1e9'] },
      '00080050': { vr: 'SH', Value: ['\ud800'] },
    };
    const row = toFoundRow(nodeId, 'STUDY', hostile, open);
    expect(row?.patientName.length).toBeLessThanOrEqual(324);
    expect(row?.patientName).toMatch(/^A\[31mx+$/);
    expect(row).toMatchObject({ patientId: '', studyDescription: '', instanceCount: null, accessionNumber: '\ufffd' });
    expect(row?.modalities.length).toBeLessThanOrEqual(32);
  });

  it('tells people apart by more than a number', () => {
    const patient = (issuer: string) =>
      toFoundRow(nodeId, 'PATIENT', { ...study, '00100021': { vr: 'LO', Value: [issuer] } }, open);
    const keys = [patient('A'), patient('B'), patient('A')].map((row) => row && keyOfRow(row));
    expect(new Set(keys).size).toBe(2);
    expect(patient('A')).toMatchObject({ level: 'PATIENT', studyUid: '', instanceCount: null });
  });
});
