import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { type JsonAttribute, type JsonDataSet, toDicomJson } from './dicomJson.ts';
import { openElements } from './elementValues.ts';
import { readHeader } from './part10.ts';
import { DatasetError } from './prepareDataset.ts';
import { decodeDataset } from './readDataset.ts';
import { anyDataset } from './testDatasets.ts';
import { encodeDataset, encodePart10 } from './writeDataset.ts';

const implicit = '1.2.840.10008.1.2';
const explicit = '1.2.840.10008.1.2.1';

describe('writing data sets', () => {
  it.each([implicit, explicit])('is read back as it was given, in %s', (syntax) => {
    fc.assert(
      fc.property(anyDataset, (dataset) => {
        const written = encodeDataset(dataset, syntax);
        expect(written.length % 2).toBe(0);
        const read = decodeDataset(written, syntax);
        const isAscii = !/[^\0-~]/.test(JSON.stringify(dataset));
        expect(read).toEqual(isAscii ? dataset : { '00080005': { vr: 'CS', Value: ['ISO_IR 192'] }, ...dataset });
        expect(Object.keys(read)).toEqual(Object.keys(read).sort());
      }),
      { numRuns: 150 },
    );
  });

  it('names UTF-8 for text beyond ASCII, whatever the source was in, once and outside the items', () => {
    const item: JsonDataSet = {
      '00080005': { vr: 'CS', Value: ['ISO_IR 100'] },
      '00100010': { vr: 'PN', Value: [{ Alphabetic: 'Éluard^Paul' }] },
    };
    const outer: JsonDataSet = {
      '00080005': { vr: 'CS', Value: ['ISO 2022 IR 87'] },
      '00081115': { vr: 'SQ', Value: [item] },
    };
    expect(decodeDataset(encodeDataset(outer, explicit), explicit)).toEqual({
      '00080005': { vr: 'CS', Value: ['ISO_IR 192'] },
      '00081115': { vr: 'SQ', Value: [{ '00100010': item['00100010'] }] },
    });
    expect(decodeDataset(encodeDataset({ '00080060': { vr: 'CS', Value: ['CT'] } }, explicit), explicit)).toEqual({
      '00080060': { vr: 'CS', Value: ['CT'] },
    });
  });

  it.each(['AQ*ID', 'AQI', 'AQID=', 'AQ==BAUG', 'AQ ID'])('refuses what is no base64: %s', (text) => {
    const write = () => encodeDataset({ '00420011': { vr: 'OB', InlineBinary: text } }, explicit);
    expect(write).toThrow(expect.objectContaining({ name: 'DatasetError', reason: 'form' }));
  });

  it('keeps the place of a missing value among several', () => {
    const dataset: JsonDataSet = {
      '00080061': { vr: 'CS', Value: ['CT', null, 'MR'] },
      '00081030': { vr: 'LO', Value: [null, 'b'] },
      '00081048': { vr: 'PN', Value: [{ Alphabetic: 'A' }, null, { Ideographic: '山田' }] },
      '00280030': { vr: 'DS', Value: ['1', null, '2.50'] },
    };
    expect(decodeDataset(encodeDataset(dataset, implicit), implicit)).toMatchObject({
      '00080061': { Value: ['CT', null, 'MR'] },
      '00081030': { Value: [null, 'b'] },
      '00081048': { Value: [{ Alphabetic: 'A' }, null, { Ideographic: '山田' }] },
      '00280030': { Value: [1, null, 2.5] },
    });
  });

  it('pads with a blank, and UIDs and bytes with a NUL', () => {
    const end = (dataset: JsonDataSet) => encodeDataset(dataset, explicit).at(-1);
    expect(end({ '00100020': { vr: 'LO', Value: ['abc'] } })).toBe(0x20);
    expect(end({ '0040A160': { vr: 'UT', Value: ['abc'] } })).toBe(0x20);
    expect(end({ '00100010': { vr: 'PN', Value: [{ Alphabetic: 'é^a' }] } })).not.toBe(0);
    expect(end({ '00080018': { vr: 'UI', Value: ['1.2'] } })).toBe(0);
    expect(end({ '00420011': { vr: 'OB', InlineBinary: Buffer.from('abc').toString('base64') } })).toBe(0);
  });

  it.each<[string, string, JsonAttribute]>([
    ['a decimal string too long', 'length', { vr: 'DS', Value: [0.1 + 0.2] }],
    ['a decimal string that is no number', 'form', { vr: 'DS', Value: ['1,5'] }],
    ['an integer string too long', 'length', { vr: 'IS', Value: ['0000000000001'] }],
    ['an integer beyond 32 bits', 'range', { vr: 'IS', Value: [2 ** 31] }],
    ['an integer string with a fraction', 'range', { vr: 'IS', Value: [1.5] }],
    ['a UID too long', 'length', { vr: 'UI', Value: ['1'.repeat(65)] }],
    ['a UID with letters', 'repertoire', { vr: 'UI', Value: ['1.2.a'] }],
    ['a code string too long', 'length', { vr: 'CS', Value: ['ABCDEFGHIJKLMNOPQ'] }],
    ['an accent where ASCII is wanted', 'repertoire', { vr: 'CS', Value: ['É'] }],
    ['a backslash in a value', 'repertoire', { vr: 'LO', Value: ['a\\b'] }],
    ['a backslash in a name', 'repertoire', { vr: 'PN', Value: [{ Alphabetic: 'a\\b' }] }],
    ["a '=' in a group of a name", 'repertoire', { vr: 'PN', Value: [{ Alphabetic: 'a=b' }] }],
    ['a line end in a short text', 'repertoire', { vr: 'SH', Value: ['a\nb'] }],
    ['a NUL in a long text', 'repertoire', { vr: 'LT', Value: ['a\0b'] }],
    ['half a character', 'repertoire', { vr: 'LO', Value: ['a\ud800'] }],
    ['a number that wraps', 'range', { vr: 'US', Value: [65536] }],
    ['a number that is none', 'range', { vr: 'FD', Value: [Number.NaN] }],
    ['a float beyond its range', 'range', { vr: 'FL', Value: [1e39] }],
    ['a missing number among several', 'range', { vr: 'US', Value: [1, null] }],
    ['a VR that dcmjs does not know', 'vr', { vr: 'SV', Value: [1] }],
    ['values beyond 16 bits of length', 'length', { vr: 'LT', Value: ['a'.repeat(65535)] }],
    ['half a word', 'length', { vr: 'OW', InlineBinary: 'AAAA' }],
    ['a reference to somewhere else', 'form', { vr: 'OB', BulkDataURI: 'http://a.example' }],
  ])('refuses %s, and tells nothing of the value', (_what, reason, broken) => {
    const said = ['log', 'info', 'warn', 'error', 'debug', 'trace'].map((name) =>
      vi.spyOn(console, name as 'log').mockImplementation(() => undefined),
    );
    try {
      encodeDataset({ '00100020': broken }, explicit);
      expect.unreachable('it was written');
    } catch (error) {
      expect(error).toBeInstanceOf(DatasetError);
      expect(error).toMatchObject({ reason, tag: '00100020' });
      for (const value of broken.Value ?? []) {
        if (typeof value === 'string' && value.length > 3) expect((error as Error).message).not.toContain(value);
      }
    } finally {
      for (const spy of said) {
        expect(spy).not.toHaveBeenCalled();
        spy.mockRestore();
      }
    }
  });

  it('refuses elements that have no place in a data set', () => {
    const empty = { vr: 'UI', Value: ['1'] };
    for (const tag of ['00020010', '00080000', 'FFFEE000', '0010002', '0008001g', '0008001a']) {
      expect(() => encodeDataset({ [tag]: empty }, explicit), tag).toThrow(DatasetError);
    }
    expect(() => encodeDataset({}, '1.2.840.10008.1.2.4.50')).toThrow(DatasetError);
    expect(() => encodePart10({ dataset: {}, transferSyntaxUid: explicit })).toThrow(DatasetError);
  });

  it('says so when the bytes end too early', () => {
    const written = encodeDataset({ '00100020': { vr: 'LO', Value: ['abcd'] } }, explicit);
    expect(() => decodeDataset(written.subarray(0, -2), explicit)).toThrow(DatasetError);
  });

  it('writes a file that is read as one', () => {
    const dataset: JsonDataSet = {
      '00080016': { vr: 'UI', Value: ['1.2.840.10008.5.1.4.1.1.104.1'] },
      '00080018': { vr: 'UI', Value: ['2.25.77'] },
      '00100010': {
        vr: 'PN',
        Value: [{ Alphabetic: 'Yamada^Tarou', Ideographic: '山田^太郎', Phonetic: 'やまだ^たろう' }],
      },
    };
    const header = readHeader(encodePart10({ dataset, transferSyntaxUid: implicit }));
    if (!header) throw new Error('not read as DICOM');
    expect(header).toMatchObject({ transferSyntaxUid: implicit, hasPreamble: true, ending: 'complete' });
    const read = toDicomJson(openElements(header.bytes, header.elements, header.littleEndian));
    expect(read).toEqual({ '00080005': { vr: 'CS', Value: ['ISO_IR 192'] }, ...dataset });
  });
});
