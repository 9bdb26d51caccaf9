import { describe, expect, it } from 'vitest';
import { deidentifyDataset } from '../../main/dicom/deidentify/deidentifyDataset.ts';
import { keptBulk, keptTexts } from '../../main/dicom/deidentify/keptAttributes.ts';
import { openPseudonyms } from '../../main/dicom/deidentify/pseudonyms.ts';
import { findVr } from '../../main/dicom/dicomDictionary.ts';
import { readBareDataSet } from '../../main/dicom/part10.ts';
import {
  deflated,
  deidentified,
  encode,
  explicitBig,
  explicitLittle,
  type Form,
  how,
  type Item,
  image,
  implicitLittle,
  text,
} from './plantedObjects.ts';

/** Every attribute that the dictionary knows and a data set may hold, pixels aside. */
const known: readonly (readonly [number, string])[] = (() => {
  const found: [number, string][] = [];
  const ranges = [
    [0x08, 0x100],
    [0x400, 0x400],
    [0x2000, 0x2300],
    [0x3000, 0x3020],
    [0x4000, 0x4020],
    [0x5200, 0x5200],
  ] as const;
  for (const [first, last] of [...ranges, [0x5400, 0x5400] as const, [0x5600, 0x5600] as const]) {
    for (let group = first as number; group <= last; group += 2) {
      for (let element = 1; element <= 0xffff; element += 1) {
        const vr = findVr(group * 0x1_0000 + element);
        if (vr !== undefined) found.push([group * 0x1_0000 + element, vr]);
      }
    }
  }
  return found;
})();

const japanese = Buffer.from('1b2442 3b3345444f4d 1b2842'.replaceAll(' ', ''), 'hex');

/** What is looked for in the bytes that leave, however it was written. */
const needles: readonly Buffer[] = [
  ...[
    'CANARY',
    'Canary',
    'canary',
    'JANE',
    'Jane',
    '19730417',
    '131313.777777',
    '477123456',
    '1.2.3.777777',
    'TWEET',
  ].map(text),
  ...['CANARY', 'Jane', '19730417'].flatMap((word) => [
    Buffer.from(word, 'utf16le'),
    Buffer.from(word, 'utf16le').swap16(),
  ]),
  ...['山田', 'Żółć'].map((word) => Buffer.from(word, 'utf8')),
  japanese.subarray(3, 9),
];

const canaryOf: Readonly<Record<string, Buffer>> = {
  ...{
    PN: text('CANARY^JANE=CANARY'),
    LO: text('Canary Jane'),
    SH: text('CANARY 0477123456'),
    LT: text('came 19730417, CANARY'),
  },
  ...{
    ST: text('Jane\r\nCanary'),
    UT: text('Canary Jane, 0477123456'),
    UC: text('CANARY\\JANE'),
    UR: text('http://canary.example/'),
  },
  ...{
    AE: text('TWEETAE'),
    CS: text('CANARY'),
    UI: text('1.2.3.777777.5'),
    DA: text('19730417'),
    TM: text('131313.777777'),
  },
  ...{ DT: text('19730417131313.777777'), AS: text('053Y'), IS: text('0477123456'), DS: text('477123456') },
  ...{ OB: text('CANARY JANE 19730417'), OW: Buffer.from('CANARY Jane', 'utf16le'), UN: text('Canary Jane') },
  ...{ OF: text('CANARY JANE!'), OD: text('CANARY JANE 1234'), OL: text('CANARY J'), OV: text('CANARY J') },
};

/** One attribute of each kind, holding `canary(tag, vr)`. */
function everyAttribute(canary: (tag: number, vr: string) => Buffer | null): Item {
  return known.flatMap(([tag, vr]) => {
    const value = canary(tag, vr);
    return value === null || structure.has(tag) ? [] : [[tag, vr === 'XS' ? 'US' : vr, value] as const];
  });
}

/** What `image` says itself, or what would make it another kind of object. */
const structure = new Set([
  ...image(true, []).map(([tag]) => tag),
  ...[0x0008_0008, 0x0008_0064, 0x0008_103e, 0x0018_1030, 0x0018_7004, 0x0028_0008, 0x0028_0301, 0x0010_0010],
  ...[0x0028_1221, 0x0028_1222, 0x0028_1223, 0x0028_1224],
]);

const expectNone = (out: Buffer) => {
  for (const needle of needles) expect(out.includes(needle), needle.toString('latin1')).toBe(false);
};

const forms: readonly (readonly [string, string, Form])[] = [
  ['explicit little endian', explicitLittle, { explicit: true, little: true }],
  ['implicit little endian', implicitLittle, { explicit: false, little: true }],
  ['explicit big endian', explicitBig, { explicit: true, little: false }],
  ['deflated', deflated, { explicit: true, little: true }],
];

describe('what leaves without the person', () => {
  const everywhere = everyAttribute((_tag, vr) => canaryOf[vr] ?? null);
  const named: Item = [
    [0x0010_0010, 'PN', Buffer.concat([text('CANARY^JANE='), japanese])],
    [0x0009_0010, 'LO', text('CANARY CREATOR')],
    [0x0009_1001, 'LO', text('CANARY JANE')],
    [0x0009_1002, 'SQ', [everywhere], true],
    [0x0019_1003, 'UN', Buffer.from('CANARY Jane', 'utf16le')],
    [0x5000_3000, 'OW', text('CANARY JANE ')],
    [0x6000_0022, 'LO', text('CANARY')],
    [0x6000_3000, 'OW', text('CANARY JANE ')],
    [0x0011_0001, 'LO', text('CANARY')],
    [0x0008_fff0, 'LO', text('CANARY of no dictionary')],
  ];

  it.each(forms)(
    'holds none of what was planted in every attribute, at depth, private or unknown: %s',
    (_name, syntax, form) => {
      expect(known.length).toBeGreaterThan(4500);
      // A coded concept of the standard, so that the item is no local code, which would go as a whole.
      const coded: Item = [
        ...everywhere.filter(([tag]) => ![0x0008_0100, 0x0008_0102, 0x0008_0119].includes(tag)),
        [0x0008_0100, 'SH', text('121320')],
        [0x0008_0102, 'SH', text('DCM')],
      ];
      const inner: Item = [
        ...coded.filter(([tag]) => tag !== 0x0054_0016),
        [0x0054_0016, 'SQ', [coded, everywhere], true],
      ];
      const { out } = deidentified(
        image(form.little, [
          ...everywhere,
          ...named,
          [0x0054_0016, 'SQ', [inner, coded], true],
          [0x0028_9145, 'SQ', [inner]],
          [0x0018_9346, form.explicit ? 'UN' : 'SQ', [coded]],
          [0x5200_9229, 'SQ', [inner], true],
          [0x5200_9230, 'SQ', [inner, inner], true],
        ]),
        form,
        syntax,
      );
      expectNone(out);
      // The sequences themselves are there, to their depth.
      expect(out.toString('latin1').split('REMOVED').length).toBeGreaterThan(300);
      expect(out.includes('MONOCHROME2')).toBe(true);
      expect(out.includes('113100')).toBe(true);
    },
  );

  it('holds none of it in any of the character sets, said rightly or not', () => {
    for (const set of ['', 'ISO_IR 100', 'ISO_IR 192', 'GB18030', 'ISO 2022 IR 6\\ISO 2022 IR 87', 'CANARY', 'UTF-8']) {
      for (const name of [
        Buffer.from('Żółć^山田', 'utf8'),
        japanese,
        Buffer.from('CANARY^Jane', 'utf16le'),
        text('CANARY\x1b$B;3EDOM'),
      ]) {
        const other = everyAttribute((_tag, vr) =>
          ['LO', 'SH', 'PN', 'UC', 'UT', 'LT', 'ST'].includes(vr) ? name : null,
        );
        const elements = image(true, [...other, [0x0010_0010, 'PN', name]]).filter(([tag]) => tag !== 0x0008_0005);
        expectNone(
          deidentified([...elements, [0x0008_0005, 'CS', text(set)]], { explicit: true, little: true }, explicitLittle)
            .out,
        );
      }
    }
  });

  it('lets words through that stand nowhere else only in code strings, in lookup tables and in what is listed as technical', () => {
    const wordOf = (tag: number) =>
      `Q${tag
        .toString(26)
        .toUpperCase()
        .replace(/\d/g, (digit) => 'QRSTUVWXYZ'[Number(digit)] ?? 'Z')}`;
    const worded = new Set(['LO', 'SH', 'PN', 'UC', 'UT', 'LT', 'ST', 'CS', 'AE', 'UR', 'OB', 'OW', 'UN']);
    const elements = everyAttribute((tag, vr) => (worded.has(vr) ? text(wordOf(tag)) : null));
    const { out } = deidentified(image(true, elements), { explicit: true, little: true }, explicitLittle);
    const left = elements.filter(([tag]) => out.includes(wordOf(tag)));
    expect(
      left
        .filter(([tag, vr]) => vr !== 'CS' && !keptTexts.has(tag) && !keptBulk.has(tag))
        .map(([tag]) => tag.toString(16)),
    ).toEqual([]);
    expect(left.filter(([, vr]) => vr !== 'CS').length).toBeGreaterThan(20);
  });

  it('has other UIDs, the same each time and with the same secret only, and leaves those of the standard', () => {
    const elements = image(true, [
      [0x0020_0052, 'UI', text('1.2.3.777777.9')],
      [
        0x0008_1140,
        'SQ',
        [
          [
            [0x0008_1150, 'UI', text('1.2.840.10008.5.1.4.1.1.2')],
            [0x0008_1155, 'UI', text('1.2.3.777777.1')],
          ],
        ],
      ],
      [
        0x0054_0016,
        'SQ',
        [
          [
            [0x0008_0100, 'SH', text('121320')],
            [0x0008_0102, 'SH', text('DCM')],
            [0x0008_010c, 'UI', text('2.16.840.1.113883.6.96')],
            [0x0008_0118, 'UI', text('2.16.840.1.113883.777777')],
          ],
        ],
      ],
    ]);
    const plain = encode(elements, { explicit: true, little: true });
    const once = deidentifyDataset(plain, explicitLittle, how);
    const twice = deidentifyDataset(plain, explicitLittle, how);
    const other = deidentifyDataset(plain, explicitLittle, { ...how, pseudonyms: openPseudonyms(new Uint8Array(32)) });
    expect(Buffer.concat(once.pieces).equals(Buffer.concat(twice.pieces))).toBe(true);
    for (const uid of ['sopInstanceUid', 'seriesInstanceUid', 'studyInstanceUid'] as const) {
      expect(once[uid]).toMatch(/^2\.25\.\d{1,39}$/);
      expect(other[uid]).not.toBe(once[uid]);
    }
    const out = Buffer.concat(once.pieces).toString('latin1');
    // The reference inside points at the same UID as the object has.
    expect(out.split(once.sopInstanceUid)).toHaveLength(3);
    expect(out.split('1.2.840.10008.5.1.4.1.1.2')).toHaveLength(3);
    // The UID of a coding scheme of the world names nothing of ours; another one may.
    expect(out).toContain('2.16.840.1.113883.6.96');
    expect(out).not.toContain('777777');
  });

  it('passes once more with no harm, and says still that it was done', () => {
    const once = Buffer.concat(
      deidentifyDataset(encode(image(true, named), { explicit: true, little: true }), explicitLittle, how).pieces,
    );
    const twice = Buffer.concat(deidentifyDataset(once, explicitLittle, how).pieces);
    expectNone(twice);
    const tagsOf = (bytes: Buffer) => Object.keys(readBareDataSet(bytes, explicitLittle).elements);
    expect(tagsOf(twice)).toEqual(tagsOf(once));
    expect(twice.includes('Basic Application Confidentiality Profile')).toBe(true);
  });
});
