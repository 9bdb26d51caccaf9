import { describe, expect, it } from 'vitest';
import { Failure } from '../../../../app/shared/failure.ts';
import type { JsonDataSet } from '../../../dicom/dicomJson.ts';
import { copyStudy } from './copyStudy.ts';

const source: JsonDataSet = {
  '00080005': { vr: 'CS', Value: ['ISO 2022 IR 87'] },
  '00080020': { vr: 'DA', Value: ['20260301'] },
  '00080050': { vr: 'SH', Value: ['ACC-1'] },
  '0008103E': { vr: 'LO', Value: ['Axial'] },
  '00080090': { vr: 'PN', Value: [{ Alphabetic: 'Médecin^A' }] },
  '00100010': {
    vr: 'PN',
    Value: [{ Alphabetic: 'Yamada^Tarou', Ideographic: '山田^太郎', Phonetic: 'やまだ^たろう' }],
  },
  '00100020': { vr: 'LO', Value: ['A 1'] },
  '00100021': { vr: 'LO', Value: ['HOSP'] },
  '00101002': { vr: 'SQ', Value: [{ '00100020': { vr: 'LO', Value: ['OLD'] } }] },
  '00180015': { vr: 'CS', Value: ['CHEST'] },
  '0020000D': { vr: 'UI', Value: ['1.2.3'] },
};
const attributeOf = (change: JsonDataSet) => {
  try {
    copyStudy({ ...source, ...change });
    return null;
  } catch (error) {
    if (error instanceof Failure && error.code === 'imaging.identityDamaged') return error.details['attribute'];
    throw error;
  }
};

describe('patient and study of an object', () => {
  it('are those of the source, every group of the name and every identifier, and nothing of the acquisition', () => {
    const copy = copyStudy(source);
    for (const tag of [
      '00080020',
      '00080050',
      '00080090',
      '00100010',
      '00100020',
      '00100021',
      '00101002',
      '0020000D',
    ]) {
      expect(copy[tag], tag).toEqual(source[tag]);
    }
    for (const tag of ['00080005', '0008103E', '00180015']) expect(tag in copy, tag).toBe(false);
  });

  it('have every Type 2 attribute, empty where the source has none', () => {
    const copy = copyStudy({ '0020000D': source['0020000D'] as never });
    expect(copy).toMatchObject({
      '00080020': { vr: 'DA' },
      '00080030': { vr: 'TM' },
      '00080050': { vr: 'SH' },
      '00080090': { vr: 'PN' },
      '00100010': { vr: 'PN' },
      '00100020': { vr: 'LO' },
      '00100030': { vr: 'DA' },
      '00100040': { vr: 'CS' },
      '00200010': { vr: 'SH' },
    });
    expect('00100021' in copy).toBe(false);
  });

  it('refuse a name or an identifier that is damaged, in any of its parts', () => {
    expect(attributeOf({})).toBeNull();
    expect(attributeOf({ '00100010': { vr: 'PN', Value: [{ Alphabetic: 'Lef\ufffdvre' }] } })).toBe('00100010');
    expect(attributeOf({ '00100010': { vr: 'PN', Value: [{ Alphabetic: 'A', Ideographic: '\ufffd' }] } })).toBe(
      '00100010',
    );
    expect(attributeOf({ '00100020': { vr: 'LO', Value: ['A\ufffd1'] } })).toBe('00100020');
    expect(attributeOf({ '00100021': { vr: 'LO', Value: ['\ufffd'] } })).toBe('00100021');
    expect(attributeOf({ '00080050': { vr: 'SH', Value: ['A\u0001'] } })).toBe('00080050');
    expect(attributeOf({ '00100020': { vr: 'UN', InlineBinary: 'QUI=' } })).toBe('00100020');
  });

  it('leave out what is damaged and names nobody', () => {
    const copy = copyStudy({
      ...source,
      '00080090': { vr: 'PN', Value: [{ Alphabetic: 'M\ufffddecin' }] },
      '00081030': { vr: 'LO', Value: ['\ufffd'] },
      '00100040': { vr: 'CS', Value: ['FEMALE AND MUCH MORE'] },
    });
    expect(copy['00080090']).toEqual({ vr: 'PN' });
    expect(copy['00100040']).toEqual({ vr: 'CS' });
    expect('00081030' in copy).toBe(false);
  });

  it('write old dates and times as they are written today, and no others', () => {
    const dated = (date: string, time: string) => {
      const copy = copyStudy({
        ...source,
        '00100030': { vr: 'DA', Value: [date] },
        '00080030': { vr: 'TM', Value: [time] },
      });
      return [copy['00100030']?.Value, copy['00080030']?.Value];
    };
    expect(dated('1960.01.02', '10:15:00.5')).toEqual([['19600102'], ['101500.5']]);
    expect(dated('19600102', '1015')).toEqual([['19600102'], ['1015']]);
    expect(dated('02/01/1960', 'noon')).toEqual([undefined, undefined]);
  });
});
