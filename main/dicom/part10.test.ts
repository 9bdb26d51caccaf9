import { deflateRawSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { toInstanceHeader } from '../domains/imaging/header/instanceHeader.ts';
import { aSlice, rawDataSet, rawElement, rawFile } from '../domains/imaging/testObjects.ts';
import { openElements, textOf } from './elementValues.ts';
import { readHeader } from './part10.ts';

const uids = {
  '00080016': ['UI', '1.2.840.10008.5.1.4.1.1.2'],
  '00080018': ['UI', '1.2.3.4'],
  '0020000D': ['UI', '1.2.3'],
  '0020000E': ['UI', '1.2.3.1'],
} as const;

describe('reading a header', () => {
  it('stops at the pixel data, wherever the file ends', () => {
    const file = aSlice();
    const whole = readHeader(file);
    const head = readHeader(file.subarray(0, file.length - 100));
    expect(whole?.pixelData?.length).toBe(128);
    expect(head?.pixelData).toEqual(whole?.pixelData);
    expect(head?.ending).toBe('complete');
  });

  it('tells a file cut in its header', () => {
    const file = aSlice();
    expect(readHeader(file.subarray(0, 400))?.ending).toBe('cut');
  });

  it('recognises bare data sets and nothing that only looks alike', () => {
    expect(readHeader(rawDataSet(uids))?.transferSyntaxUid).toBe('1.2.840.10008.1.2.1');
    expect(readHeader(rawFile(uids, { preamble: false }))?.hasPreamble).toBe(false);
    expect(readHeader(Buffer.from('%PDF-1.7 something that is no DICOM at all, but long enough'))).toBeNull();
    expect(readHeader(Buffer.alloc(4096))).toBeNull();
    expect(readHeader(Buffer.from([8, 0, 5, 0, 0xff, 0xff, 0xff, 0x7f, ...Buffer.alloc(64)]))).toBeNull();
  });

  it('inflates a deflated data set', () => {
    const packed = deflateRawSync(rawDataSet({ ...uids, '00100010': ['PN', 'Doe^Jane'] }));
    const header = readHeader(rawFile({}, { transferSyntaxUid: '1.2.840.10008.1.2.1.99' }, packed));
    if (header === null) throw new Error('not read');
    expect(textOf(openElements(header.bytes, header.elements, true), 'x00100010')).toBe('Doe^Jane');
  });

  it('ignores the zeros that fill the last block', () => {
    expect(readHeader(Buffer.concat([rawFile(uids), Buffer.alloc(300)]))?.ending).toBe('complete');
  });

  it('names the UID that is missing or wrong, never its value', () => {
    const broken = readHeader(rawFile({ ...uids, '0020000D': ['UI', 'PATIENT-NAME'] }));
    if (broken === null) throw new Error('not read');
    expect(() => toInstanceHeader(broken)).toThrowError(
      expect.objectContaining({ code: 'imaging.invalidUid', details: { attribute: 'StudyInstanceUID' } }),
    );
    const missing = readHeader(rawFile({ ...uids, '00080018': null }));
    if (missing === null) throw new Error('not read');
    expect(() => toInstanceHeader(missing)).toThrowError(
      expect.objectContaining({ code: 'imaging.missingUid', details: { attribute: 'SOPInstanceUID' } }),
    );
  });

  it('gives the header as DICOM JSON (PS3.18 F)', () => {
    const item = Buffer.concat([
      Buffer.from([0xfe, 0xff, 0x00, 0xe0, 0, 0, 0, 0]),
      rawElement('00080100', 'SH', '113014'),
    ]);
    item.writeUInt32LE(item.length - 8, 4);
    const header = readHeader(
      rawFile({
        ...uids,
        '00080005': ['CS', 'ISO_IR 192'],
        '00081032': ['SQ', item],
        '00100010': ['PN', 'Wang^XiaoDong=王^小東='],
        '00180050': ['DS', '2.5 '],
        '00200032': ['DS', '-1.5\\2\\3e1'],
        '00280010': ['US', 512],
        '00091010': ['UN', Buffer.from([1, 2])],
        '00180051': ['DS', ''],
      }),
    );
    if (header === null) throw new Error('not read');
    const { json } = toInstanceHeader(header);
    expect(json['00081032']).toEqual({ vr: 'SQ', Value: [{ '00080100': { vr: 'SH', Value: ['113014'] } }] });
    expect(json['00100010']).toEqual({ vr: 'PN', Value: [{ Alphabetic: 'Wang^XiaoDong', Ideographic: '王^小東' }] });
    expect(json['00180050']).toEqual({ vr: 'DS', Value: [2.5] });
    expect(json['00200032']).toEqual({ vr: 'DS', Value: [-1.5, 2, 30] });
    expect(json['00280010']).toEqual({ vr: 'US', Value: [512] });
    expect(json['00091010']).toEqual({ vr: 'UN', InlineBinary: 'AQI=' });
    expect(json['00180051']).toEqual({ vr: 'DS' });
  });
});
