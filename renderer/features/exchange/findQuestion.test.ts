import { describe, expect, it } from 'vitest';
import type { Found } from '../../../app/domains/exchange/exchangeSchema.ts';
import { emptyForm, groupByNode, hereState, mergeFound, parseTypedDate, queryOfForm } from './findQuestion.ts';

function found(nodeId: string, studyUid: string, studyDate = ''): Found {
  return {
    nodeId,
    level: 'STUDY',
    patientName: '',
    patientId: '',
    issuer: '',
    birthDate: '',
    sex: '',
    studyUid,
    studyDate,
    studyTime: '',
    studyDescription: '',
    accessionNumber: '',
    modalities: [],
    seriesUid: '',
    seriesNumber: '',
    seriesDescription: '',
    sopUid: '',
    instanceNumber: '',
    instanceCount: 10,
    hereCount: 0,
  };
}

describe('a search form', () => {
  it('asks for what begins as typed, and leaves a wildcard where somebody put one', () => {
    expect(queryOfForm({ ...emptyForm, patientName: ' Dupont, Jean ' }).patientName).toBe('Dupont^Jean*');
    expect(queryOfForm({ ...emptyForm, patientName: 'DU?ONT' }).patientName).toBe('DU?ONT');
    expect(queryOfForm(emptyForm).patientName).toBe('');
  });

  it('gives dates and modality as DICOM writes them', () => {
    const query = queryOfForm({ ...emptyForm, dateFrom: '31/01/2026', dateTo: '', modality: 'ct ' });
    expect([query.studyDateFrom, query.studyDateTo, query.modality]).toEqual(['20260131', '', 'CT']);
  });

  it('reads a day as both languages write it, and guesses nothing', () => {
    expect(['5/4/2024', '05.04.2024', '2024-04-05', '20240405'].map(parseTypedDate)).toEqual(Array(4).fill('20240405'));
    expect(['04/31/2024', '5/4/24', '2024', 'may', '31/02/2024'].map(parseTypedDate)).toEqual(Array(5).fill(null));
    expect(parseTypedDate(' ')).toBe('');
  });

  it('never shortens an identifier into another', () => {
    expect(queryOfForm({ ...emptyForm, patientId: ' 00123 ' }).patientId).toBe('00123');
  });
});

describe('matches', () => {
  it('are counted once a node, also when a node says one twice', () => {
    const once = mergeFound([], [found('a', '1.2'), found('b', '1.2'), found('a', '1.2')]);
    expect(once).toHaveLength(2);
    expect(mergeFound(once, [found('b', '1.2')])).toBe(once);
  });

  it('stand by node, newest first', () => {
    const rows = [found('b', '1', '20250101'), found('a', '2', '20240101'), found('a', '3', '20260101')];
    expect(groupByNode(rows, ['a', 'b']).map((row) => row.studyUid)).toEqual(['3', '2', '1']);
  });

  it('are whole here only when as many are here as the node counts', () => {
    expect(hereState({ hereCount: 0, instanceCount: 10 })).toBe('none');
    expect(hereState({ hereCount: 10, instanceCount: 10 })).toBe('whole');
    expect(hereState({ hereCount: 9, instanceCount: 10 })).toBe('part');
    expect(hereState({ hereCount: 9, instanceCount: null })).toBe('part');
  });
});
