import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { deidentificationSchema } from '../../app/domains/imaging/deidentificationSchema.ts';
import { openConfidentiality } from '../../main/dicom/deidentify/confidentiality.ts';
import { type Deidentification, deidentifyDataset } from '../../main/dicom/deidentify/deidentifyDataset.ts';
import { NotDeidentifiable } from '../../main/dicom/deidentify/notDeidentifiable.ts';
import { openPseudonyms } from '../../main/dicom/deidentify/pseudonyms.ts';
import { readBareDataSet } from '../../main/dicom/part10.ts';
import { aSlice, type RawElements } from '../../main/domains/imaging/testObjects.ts';

const resources = join(import.meta.dirname, '../../resources/knowledge/deidentification.json');
const how: Deidentification = {
  confidentiality: openConfidentiality(deidentificationSchema.parse(JSON.parse(readFileSync(resources, 'utf8')))),
  pseudonyms: openPseudonyms(new Uint8Array(32).fill(7)),
  patientId: 'patient-1',
};
const explicitLittle = '1.2.840.10008.1.2.1';
const jpeg = '1.2.840.10008.1.2.4.50';

/** A slice's data set, behind its preamble and meta group. */
function dataset(more: RawElements = {}): Buffer {
  const file = aSlice({ more });
  return file.subarray(144 + file.readUInt32LE(140));
}
function madeOf(bytes: Uint8Array, syntax = explicitLittle): Buffer {
  return Buffer.concat(deidentifyDataset(bytes, syntax, how).pieces);
}
function reasonOf(more: RawElements, syntax = explicitLittle, tail = Buffer.alloc(0)): string {
  try {
    madeOf(Buffer.concat([dataset(more), tail]), syntax);
    return 'made';
  } catch (error) {
    if (!(error instanceof NotDeidentifiable)) throw error;
    return error.reason;
  }
}
function pixelsOf(bytes: Buffer): Buffer {
  const { pixelData } = readBareDataSet(bytes, explicitLittle);
  return bytes.subarray(pixelData?.offset ?? 0, (pixelData?.offset ?? 0) + (pixelData?.length ?? 0));
}

const sopClass = (suffix: string): RawElements => ({ '00080016': ['UI', `1.2.840.10008.5.1.4.1.1.${suffix}`] });

describe('images whose pixels may say whose they are', () => {
  it('stay here: what says so, and what is usual unless it says that it is not', () => {
    const cases: readonly (readonly [string, RawElements, string])[] = [
      ['says so', { '00280301': ['CS', 'YES'] }, 'burnedIn'],
      ['says so in lower case', { '00280301': ['CS', 'yes'] }, 'burnedIn'],
      ['ultrasound', sopClass('6.1'), 'mayShowText'],
      ['ultrasound that says no', { ...sopClass('6.1'), '00280301': ['CS', 'NO'] }, 'made'],
      ['secondary capture', sopClass('7'), 'mayShowText'],
      ['photograph', sopClass('77.1.4'), 'mayShowText'],
      ['endoscopy', sopClass('77.1.1'), 'mayShowText'],
      ['a screen', { '00080008': ['CS', 'DERIVED\\SECONDARY\\SCREEN SAVE'] }, 'mayShowText'],
      ['a screen, GE', { '00080008': ['CS', 'DERIVED\\SECONDARY\\OTHER\\SCREEN_SAVE'] }, 'mayShowText'],
      ['a dose page', { '0008103E': ['LO', 'Dose Report'] }, 'mayShowText'],
      ['a protocol page', { '0008103E': ['LO', 'Patient Protocol'] }, 'mayShowText'],
      ['a page in French', { '0008103E': ['LO', 'Protocole patient'] }, 'mayShowText'],
      ['a dose page in French', { '0008103E': ['LO', 'Rapport de dose'] }, 'mayShowText'],
      ['a capture in French', { '0008103E': ['LO', "Captures d'écran"] }, 'mayShowText'],
      ['a sheet in French', { '0008103E': ['LO', 'Fiche_patient'] }, 'mayShowText'],
      ['a report in French', { '0008103E': ['LO', 'Compte-rendu'] }, 'mayShowText'],
      ['a dose page in German', { '0008103E': ['LO', 'Dosisbericht'] }, 'mayShowText'],
      ['a page in German', { '00181030': ['LO', 'Patientenprotokoll'] }, 'mayShowText'],
      ['a short page', { '0008103E': ['LO', 'CT PROT'] }, 'mayShowText'],
      ['a French type', { '00080008': ['CS', 'DERIVED\\SECONDARY\\RAPPORT'] }, 'mayShowText'],
      ['a dose page that says no', { '0008103E': ['LO', 'Dose Report'], '00280301': ['CS', 'NO'] }, 'mayShowText'],
      [
        'a screen that says no',
        { '00080008': ['CS', 'DERIVED\\SECONDARY\\SCREEN SAVE'], '00280301': ['CS', 'NO'] },
        'mayShowText',
      ],
      ['a prostate', { '0008103E': ['LO', 'T2 Prostata axial'] }, 'made'],
      ['a scan at low dose', { '0008103E': ['LO', 'Low dose chest'] }, 'made'],
      ['a scanned film', { '00080064': ['CS', 'DF'] }, 'mayShowText'],
      ['colour', { '00280002': ['US', 3], '00280004': ['CS', 'RGB'] }, 'mayShowText'],
      [
        'a slide label that says no',
        { ...sopClass('77.1.6'), '00080008': ['CS', 'DERIVED\\PRIMARY\\LABEL\\NONE'], '00280301': ['CS', 'NO'] },
        'mayShowText',
      ],
      ['a palette', { '00280004': ['CS', 'PALETTE COLOR'] }, 'mayShowText'],
      ['a CT like any other', {}, 'made'],
    ];
    for (const [name, more, reason] of cases) expect(reasonOf(more), name).toBe(reason);
  });

  it('and so does what is no image, whatever it holds', () => {
    const kinds = '88.11 88.22 88.59 88.67 104.1 104.2 11.1 9.1.1 481.3 481.5 481.1 481.2 66 66.1 67 4.2 1000'.split(
      ' ',
    );
    for (const kind of kinds) expect(reasonOf(sopClass(kind)), kind).toBe('notAnImage');
    expect(reasonOf({ '00080016': ['UI', '1.3.46.670589.5.0.1'] })).toBe('notAnImage');
    expect(reasonOf({ '00080016': null })).toBe('notAnImage');
  });

  it('and what cannot be read through to its end, or is coded as a video', () => {
    expect(reasonOf({}, '1.2.840.10008.1.2.4.102')).toBe('coding');
    expect(reasonOf({}, '1.2.3.4')).toBe('coding');
    expect(reasonOf({}, explicitLittle, Buffer.from('trailing words of a person'))).toBe('damaged');
    expect(reasonOf({ '00280100': null })).toBe('damaged');
    const cut = dataset().subarray(0, -5);
    expect(() => madeOf(cut)).toThrow(NotDeidentifiable);
    for (let at = 8; at < cut.length; at += 7) {
      try {
        madeOf(dataset().subarray(0, at));
      } catch (error) {
        expect(error).toBeInstanceOf(NotDeidentifiable);
      }
    }
  });
});

describe('native pixels', () => {
  const samples = (value: (index: number) => number): Buffer => {
    const pixels = Buffer.alloc(128);
    for (let index = 0; index < 64; index += 1) pixels.writeUInt16LE(value(index), 2 * index);
    return pixels;
  };

  it('keep every value, and lose overlays in the bits above and below them', () => {
    const plain = samples((index) => index * 60);
    const drawn = samples((index) => (index * 60) | (index % 3 === 0 ? 0x1000 : 0) | (index % 5 === 0 ? 0x8000 : 0));
    const overlay: RawElements = {
      '60000100': ['US', 16],
      '60000102': ['US', 12],
      '60000010': ['US', 8],
      '60000011': ['US', 8],
    };
    expect(pixelsOf(madeOf(dataset({ '7FE00010': ['OW', drawn], ...overlay }))).equals(plain)).toBe(true);
    expect(pixelsOf(madeOf(dataset({ '7FE00010': ['OW', plain] }))).equals(plain)).toBe(true);
    const shifted = {
      '00280102': ['US', 15],
      '7FE00010': ['OW', samples((index) => ((index * 60) << 4) | 0x5)],
    } as const;
    expect(pixelsOf(madeOf(dataset(shifted))).equals(samples((index) => (index * 60) << 4))).toBe(true);
  });

  it('keep negative values', () => {
    const signed = samples((index) => (index - 32) & 0xffff);
    const masked = samples((index) => (index - 32) & 0x0fff);
    for (const pixels of [signed, masked]) {
      const made = pixelsOf(madeOf(dataset({ '00280103': ['US', 1], '7FE00010': ['OW', pixels] })));
      expect(made.equals(signed)).toBe(true);
    }
  });

  it('are float or double in parametric maps only, alone, and as long as rows, columns and frames make them', () => {
    const map: RawElements = { ...sopClass('30'), '00280100': ['US', 32], '00280101': null, '00280102': null };
    const withFloat = (length: number, more: RawElements = {}) => {
      const head = Buffer.from('e07f08004f46000000000000', 'hex');
      head.writeUInt32LE(length, 8);
      const pixels = Buffer.alloc(length);
      if (length > 256) pixels.write('JANE CANARY ', 256, 'latin1');
      return reasonOf({ '7FE00010': null, ...more }, explicitLittle, Buffer.concat([head, pixels]));
    };
    expect(withFloat(256, map)).toBe('made');
    expect(withFloat(268, map)).toBe('damaged');
    expect(withFloat(128, map)).toBe('damaged');
    expect(withFloat(256)).toBe('damaged');
    const whole = dataset(map);
    const at = whole.indexOf(Buffer.from('e07f1000', 'hex'));
    const float = Buffer.concat([Buffer.from('e07f08004f46000000010000', 'hex'), Buffer.alloc(256)]);
    const both = Buffer.concat([whole.subarray(0, at), float, whole.subarray(at)]);
    expect(() => madeOf(both)).toThrow(/damaged/);
  });

  it('with halved colours have one of two lengths', () => {
    const halved = (length: number) =>
      reasonOf({
        ...{ '00280002': ['US', 3], '00280004': ['CS', 'YBR_FULL_422'], '00280100': ['US', 8], '00280101': ['US', 8] },
        ...{ '00280102': ['US', 7], '00280301': ['CS', 'NO'], '7FE00010': ['OB', Buffer.alloc(length)] },
      });
    expect(halved(128)).toBe('made');
    expect(halved(192)).toBe('made');
    for (const length of [64, 130, 160, 194]) expect(halved(length), String(length)).toBe('damaged');
  });

  it('have lookup tables as long as these say, and no table of offsets', () => {
    const words = Buffer.from('jane x canary y ');
    const table = (length: number, more = Buffer.alloc(0)) => Buffer.concat([Buffer.alloc(length, 1), more]);
    const descriptor = (entries: number, bits: number) => {
      const bytes = Buffer.alloc(6);
      bytes.writeUInt16LE(entries, 0);
      bytes.writeUInt16LE(bits, 4);
      return bytes;
    };
    const withTable = (value: Buffer, described: Buffer | null): RawElements => ({
      ...(described === null ? {} : { '00281101': ['US', described] as const }),
      '00281201': ['OW', value],
    });
    const made = madeOf(dataset(withTable(table(32, words), descriptor(16, 16))));
    expect(made.includes(table(32))).toBe(true);
    expect(made.includes('canary')).toBe(false);
    expect(madeOf(dataset(withTable(table(16), descriptor(16, 8)))).includes(table(16))).toBe(true);
    expect(madeOf(dataset(withTable(table(32, words), null))).includes(table(32))).toBe(false);
    expect(reasonOf(withTable(table(16, words.subarray(0, 8)), descriptor(16, 8)))).toBe('damaged');
    expect(reasonOf({ '00281221': ['OW', words] })).toBe('coding');
    const offsets = Buffer.concat([Buffer.from('e07f01004f56000008000000', 'hex'), Buffer.from('JANECANA')]);
    const whole = dataset();
    const at = whole.indexOf(Buffer.from('e07f1000', 'hex'));
    const native = madeOf(Buffer.concat([whole.subarray(0, at), offsets, whole.subarray(at)]));
    expect(native.includes('JANE')).toBe(false);
    expect(Object.keys(readBareDataSet(native, explicitLittle).elements)).not.toContain('x7fe00001');
  });

  it('lose what stands behind the last of them, overlays, curves and thumbnails', () => {
    const words = Buffer.from('JANE CANARY ');
    const made = madeOf(
      dataset({
        '7FE00010': ['OW', Buffer.concat([samples(() => 7), words])],
        ...{
          '50000005': ['US', 1],
          '60000010': ['US', 8],
          '60000022': ['LO', 'CANARY'],
          '60003000': ['OW', words],
          '60023000': ['OW', words],
        },
        '00880200': [
          'SQ',
          Buffer.concat([
            Buffer.from('feff00e0', 'hex'),
            Buffer.from([20, 0, 0, 0]),
            Buffer.from('e07f1000', 'hex'),
            Buffer.from('OW\0\0', 'latin1'),
            Buffer.from([8, 0, 0, 0]),
            words.subarray(0, 8),
          ]),
        ],
      }),
    );
    expect(made.includes('CANARY')).toBe(false);
    expect(made.includes('JANE')).toBe(false);
    expect(
      pixelsOf(made)
        .subarray(0, 128)
        .equals(samples(() => 7)),
    ).toBe(true);
    const { elements } = readBareDataSet(made, explicitLittle);
    expect(Object.keys(elements).filter((tag) => /^x(50|60|0088)/.test(tag))).toEqual([]);
  });
});

describe('coded pixels', () => {
  const item = (bytes: Buffer) => {
    const head = Buffer.from('feff00e000000000', 'hex');
    head.writeUInt32LE(bytes.length, 4);
    return Buffer.concat([head, bytes]);
  };
  const encapsulated = (...fragments: Buffer[]) =>
    Buffer.concat([
      Buffer.from('e07f10004f420000ffffffff', 'hex'),
      item(Buffer.alloc(0)),
      ...fragments.map(item),
      Buffer.from('feffdde000000000', 'hex'),
    ]);
  const segment = (marker: number, body: Buffer | string) => {
    const bytes = Buffer.from(body as string, 'latin1');
    return Buffer.concat([Buffer.from([0xff, marker, (bytes.length + 2) >> 8, (bytes.length + 2) & 0xff]), bytes]);
  };
  const coded = (bytes: Buffer, syntax: string, more: RawElements = {}) =>
    madeOf(Buffer.concat([dataset({ '7FE00010': null, ...more }), bytes]), syntax);

  it('lose comments and application segments of JPEG, between scans too and across fragments, and nothing else', () => {
    const scan = Buffer.from([1, 2, 0xff, 0, 3, 0xff, 0xd0, 4, 5, 6]);
    const picture = (comment: string) =>
      Buffer.concat([
        Buffer.from([0xff, 0xd8]),
        segment(0xe0, `JFIF\0\x01\x02\0\0\x48\0\x48\0\0`),
        segment(0xe1, `Exif\0\0${comment}`),
        segment(0xee, Buffer.from('Adobe\0\x64\0\0\0\0\x01', 'latin1')),
        segment(0xfe, comment),
        segment(0xc0, '\x08\0\x08\0\x08\x01\x01\x11\0'),
        segment(0xda, '\x01\x01\0\0\x3f\0'),
        scan,
        segment(0xfe, comment),
        segment(0xda, '\x01\x01\0\0\x3f\0'),
        scan,
        Buffer.from([0xff, 0xd9]),
        Buffer.from(comment, 'latin1'),
      ]);
    const whole = picture('JANE CANARY!');
    const [first, second] = [whole.subarray(0, 46), whole.subarray(46)];
    const made = coded(encapsulated(first, second, whole), jpeg);
    expect(made.includes('CANARY')).toBe(false);
    expect(made.includes('JANE')).toBe(false);
    const clean = picture('\0'.repeat(12));
    clean.fill(0, clean.indexOf('Exif'), clean.indexOf('Exif') + 6);
    expect(
      made
        .subarray(made.indexOf(Buffer.from('e07f1000', 'hex')))
        .equals(encapsulated(clean.subarray(0, 46), clean.subarray(46), clean)),
    ).toBe(true);
  });

  it('stay here where a segment of JPEG is of no known kind, and where it has no end', () => {
    const start = Buffer.from([0xff, 0xd8]);
    const end = Buffer.from([0xff, 0xd9]);
    const frame = segment(0xc0, '\x08\0\x08\0\x08\x01\x01\x11\0');
    const scan = Buffer.concat([segment(0xda, '\x01\x01\0\0\x3f\0'), Buffer.from([1, 2, 3, 4])]);
    const picture = (...parts: Buffer[]) => encapsulated(Buffer.concat([start, ...parts]));
    expect(coded(picture(frame, scan, end), jpeg).length).toBeGreaterThan(0);
    for (const marker of [0x02, 0xc8, 0xde, 0xdf, 0xf0, 0xf7, 0xfd])
      expect(() => coded(picture(frame, segment(marker, 'JANE CANARY!'), scan, end), jpeg), String(marker)).toThrow(
        /damaged/,
      );
    expect(() => coded(picture(frame, scan, Buffer.from('JANE CANARY!')), jpeg)).toThrow(/damaged/);
    const lossless = '1.2.840.10008.1.2.4.80';
    expect(coded(picture(segment(0xf7, 'frame'), scan, end), lossless).length).toBeGreaterThan(0);
    expect(() => coded(picture(segment(0xc5, 'JANE'), scan, end), lossless)).toThrow(/damaged/);
  });

  it('stay here where a segment of JPEG 2000 is of no known kind, and where it has no end', () => {
    const syntax = '1.2.840.10008.1.2.4.90';
    const siz = segment(0x51, '\0'.repeat(38));
    const end = Buffer.from([0xff, 0xd9]);
    const sot = (length: number) => segment(0x90, Buffer.from([0, 0, 0, 0, 0, length, 0, 1]));
    const data = Buffer.from([0xff, 0x93, 9, 8, 7, 6]);
    const stream = (...parts: Buffer[]) => encapsulated(Buffer.concat([Buffer.from([0xff, 0x4f]), siz, ...parts]));
    expect(coded(stream(sot(18), data, end), syntax).length).toBeGreaterThan(0);
    const words = Buffer.from('JANE CANARY!');
    // A part without a length ends at the first end, not at the last.
    expect(coded(stream(sot(0), data, end, words, end), syntax).includes('CANARY')).toBe(false);
    expect(() => coded(stream(segment(0x62, words), sot(18), data, end), syntax)).toThrow(/damaged/);
    expect(() => coded(stream(sot(18), data, words), syntax)).toThrow(/damaged/);
    expect(() => coded(stream(sot(0), data, words), syntax)).toThrow(/damaged/);
  });

  it('keep an extended table of offsets that is right, and lose any other', () => {
    const scan = Buffer.concat([segment(0xda, '\x01\x01\0\0\x3f\0'), Buffer.from([1, 2])]);
    const picture = Buffer.concat([Buffer.from([0xff, 0xd8]), scan, Buffer.from([0xff, 0xd9])]);
    const table = (element: number, numbers: readonly number[]) => {
      const bytes = Buffer.alloc(12 + 8 * numbers.length);
      bytes.write('e07f00004f560000', 'hex');
      bytes.writeUInt16LE(element, 2);
      bytes.writeUInt32LE(8 * numbers.length, 8);
      for (const [index, number] of numbers.entries()) bytes.writeBigUInt64LE(BigInt(number), 12 + 8 * index);
      return bytes;
    };
    const made = (offsets: readonly number[], lengths: readonly number[]) => {
      const bytes = Buffer.concat([table(1, offsets), table(2, lengths), encapsulated(picture, picture)]);
      return coded(bytes, jpeg).includes(table(1, offsets));
    };
    const { length } = picture;
    expect(made([0, 8 + length], [length, length])).toBe(true);
    expect(made([0, 8 + length], [length, length - 1])).toBe(true);
    expect(made([0, 7 + length], [length, length])).toBe(false);
    expect(made([0, 8 + length], [length, 1])).toBe(false);
    expect(made([0], [length])).toBe(false);
    expect(made([0, 8 + length, 777], [length, length, 777])).toBe(false);
  });

  it('lose comments of JPEG 2000, in the main header and in those of tile-parts', () => {
    const siz = segment(0x51, '\0'.repeat(38));
    const comment = segment(0x64, '\0\x01JANE CANARY!');
    const part = Buffer.concat([comment, Buffer.from([0xff, 0x93]), Buffer.from([9, 8, 7, 6])]);
    const sot = segment(0x90, Buffer.from([0, 0, 0, 0, 0, 12 + part.length, 0, 1]));
    const codestream = Buffer.concat([Buffer.from([0xff, 0x4f]), siz, comment, sot, part, Buffer.from([0xff, 0xd9])]);
    const made = coded(encapsulated(codestream), '1.2.840.10008.1.2.4.90');
    expect(made.includes('CANARY')).toBe(false);
    const clean = Buffer.from(codestream);
    for (let at = clean.indexOf('JANE'); at >= 0; at = clean.indexOf('JANE')) clean.fill(0, at, at + 12);
    expect(made.includes(clean)).toBe(true);
  });

  it('lose what lies between and behind the runs of RLE', () => {
    const words = Buffer.from('JANE CANARY ');
    const header = Buffer.alloc(64);
    header.writeUInt32LE(2, 0);
    // 64 pixels in a run, each; the second segment after words, and words behind it.
    const runs = Buffer.from([193, 7]);
    header.writeUInt32LE(64, 4);
    header.writeUInt32LE(64 + runs.length + words.length, 8);
    header.write('CANARY', 20, 'latin1');
    const made = coded(encapsulated(Buffer.concat([header, runs, words, runs, words])), '1.2.840.10008.1.2.5');
    expect(made.includes('CANARY')).toBe(false);
    expect(made.includes('JANE')).toBe(false);
    expect(made.includes(Buffer.concat([runs, Buffer.alloc(12), runs, Buffer.alloc(12)]))).toBe(true);
  });

  it('stay here where overlays lie in their bits, where they are no such code, and in boxes with texts', () => {
    const picture = Buffer.concat([Buffer.from([0xff, 0xd8]), segment(0xda, 'x'), Buffer.from([1, 0xff, 0xd9, 0])]);
    expect(() => coded(encapsulated(picture), jpeg, { '60000100': ['US', 16], '60000102': ['US', 12] })).toThrow(
      /overlayInPixels/,
    );
    expect(() => coded(encapsulated(Buffer.from('JANE CANARY words')), jpeg)).toThrow(/damaged/);
    expect(() => coded(encapsulated(Buffer.from('0000000c6a5020200d0a870a', 'hex')), '1.2.840.10008.1.2.4.90')).toThrow(
      /damaged/,
    );
    expect(() => coded(encapsulated(Buffer.alloc(70, 65)), '1.2.840.10008.1.2.5')).toThrow(/damaged/);
    expect(() => madeOf(dataset(), jpeg)).toThrow(/damaged/);
  });
});
