import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { decodeText, parseCharacterSet, splitValues } from './dicomText.ts';
import { openElements, textsOf } from './elementValues.ts';
import { readHeader } from './part10.ts';

const charsetFolder = '/usr/lib/python3/dist-packages/pydicom/data/charset_files';
const python = '/usr/bin/python3';

describe('character sets', () => {
  it.each([
    ['ISO_IR 100', [0xc4, 0x6e, 0x65, 0x61, 0x73], 'Äneas'],
    ['ISO_IR 144', [0xbb, 0xee, 0xda], 'Люк'],
    ['ISO_IR 192', [...Buffer.from('王^小東')], '王^小東'],
    ['GB18030', [0xcd, 0xf5], '王'],
    // The second byte of this character is a backslash: it must not split the value.
    ['GB18030', [0x8d, 0x5c], '峔'],
    ['ISO 2022 IR 149', [0x1b, 0x24, 0x29, 0x43, 0xc8, 0xab], '홍'],
    ['\\ISO 2022 IR 87', [0x1b, 0x24, 0x42, 0x3b, 0x33, 0x45, 0x44, 0x1b, 0x28, 0x42], '山田'],
    ['ISO_IR 203', [0xa4], '€'],
    // Misspellings that are common in the field.
    ['ISO-IR 100', [0xe9], 'é'],
    ['iso_ir_192', [0xc3, 0xa9], 'é'],
    ['ISO2022 IR 100', [0xe9], 'é'],
    ['UTF-8', [0xc3, 0xa9], 'é'],
  ])('%s decodes to %s', (set, bytes, text) => {
    expect(decodeText(Uint8Array.from(bytes), parseCharacterSet(set), 'PN')).toEqual({ text, lossy: false });
  });

  it('keeps the ASCII of a set nobody knows, and says that it lost the rest', () => {
    const set = parseCharacterSet('KLINGON 1');
    expect(set.unknown).toBe(true);
    expect(decodeText(Buffer.from('M\xfcller^Anna', 'latin1'), set, 'PN')).toEqual({
      text: 'M\ufffdller^Anna',
      lossy: true,
    });
  });

  it('does not guess bytes outside the default repertoire, but takes valid UTF-8', () => {
    const none = parseCharacterSet('');
    expect(decodeText(Buffer.from('M\xfcller', 'latin1'), none, 'PN')).toEqual({ text: 'M\ufffdller', lossy: true });
    expect(decodeText(Buffer.from('Müller'), none, 'PN')).toEqual({ text: 'Müller', lossy: false });
  });

  it('splits values only where the VR has several', () => {
    expect(splitValues('a\\b ', 'LO')).toEqual(['a', 'b']);
    expect(splitValues('a\\b ', 'LT')).toEqual(['a\\b']);
    expect(splitValues('1.2.3\0', 'UI')).toEqual(['1.2.3']);
  });
});

describe.skipIf(!existsSync(charsetFolder) || !existsSync(python))(
  'character sets as pydicom decodes them (needs python3-pydicom)',
  () => {
    const script = `
import sys, json, warnings
warnings.simplefilter('ignore')
import pydicom
out = {}
for path in sys.argv[1:]:
    ds = pydicom.dcmread(path, force=True)
    ds.decode()
    values = []
    for tag in (0x00100010, 0x00081030, 0x00080090, 0x00321060, 0x00104000):
        if tag in ds:
            value = ds[tag].value
            if isinstance(value, str) or not hasattr(value, '__iter__') or value.__class__.__name__ == 'PersonName': value = [value]
            values.append([str(v).rstrip('=') for v in value] if any(str(v) for v in value) else [])
        else: values.append([])
    out[path] = values
print(json.dumps(out))
`;
    const files = existsSync(charsetFolder) ? readdirSync(charsetFolder).filter((name) => name.endsWith('.dcm')) : [];
    const paths = files.map((name) => join(charsetFolder, name));
    const expected = existsSync(python)
      ? (JSON.parse(execFileSync(python, ['-c', script, ...paths], { encoding: 'utf8' })) as Record<string, string[][]>)
      : {};
    it.each(files)('%s', (name) => {
      const header = readHeader(readFileSync(join(charsetFolder, name)));
      if (header === null) throw new Error('not read as DICOM');
      const reader = openElements(header.bytes, header.elements, header.littleEndian);
      const tags = ['x00100010', 'x00081030', 'x00080090', 'x00321060', 'x00104000'];
      const got = tags.map((tag) => textsOf(reader, tag).map((text) => text.replace(/=+$/, '')));
      expect(got).toEqual(expected[join(charsetFolder, name)]);
      expect(reader.notes.lossy).toBe(false);
    });
  },
);
