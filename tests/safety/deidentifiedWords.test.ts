import { describe, expect, it } from 'vitest';
import { deidentifyDataset } from '../../main/dicom/deidentify/deidentifyDataset.ts';
import { deidentified, encode, explicitLittle, how, type Item, image, implicitLittle, text } from './plantedObjects.ts';

describe('the words by which an object names somebody', () => {
  it('leave technical text also where they stand under a wrong VR, glued together, or in a private element only', () => {
    const utf16 = Buffer.from('CANARY Jane', 'utf16le');
    const planted: readonly (readonly [string, Item, string])[] = [
      ['name as UN', [[0x0010_0010, 'UN', text('CANARY^JANE')]], 'fl Canary x'],
      ['name as LO', [[0x0010_0010, 'LO', text('CANARY^JANE')]], 'JANE'],
      ['name as OB', [[0x0010_0010, 'OB', text('CANARY^JANE')]], 'CANARY'],
      ['physician as LO', [[0x0008_0090, 'LO', text('CANARY^JANE')]], 'CANARY'],
      ['date as LO', [[0x0010_0030, 'LO', text('19730417')]], 'q19730417'],
      ['date with dots', [[0x0010_0030, 'DA', text('1973.04.17')]], 'q19730417'],
      ['date with dots as LO', [[0x0010_0030, 'LO', text('1973.04.17')]], 'q19730417'],
      ['date, day first', [[0x0010_0030, 'LO', text('17.04.1973')]], 'q19730417'],
      ['private UN', [[0x0019_1003, 'UN', text('Jane Canary')]], 'se CANARY 2'],
      ['private UN, UTF-16', [[0x0019_1003, 'UN', utf16]], 'se CANARY 2'],
      ['private LO', [[0x0019_1003, 'LO', text('Canary, Jane')]], 'Canary'],
      [
        'private OB among much else',
        [[0x0029_1020, 'OB', text(`${'x = 1; '.repeat(400)}name CANARY^JANE; y = 2`)]],
        'CANARY',
      ],
      ['private, deep', [[0x0019_1005, 'SQ', [[[0x0019_1006, 'UN', text('CANARY')]]]]], 'CANARY'],
      ['unknown', [[0x0008_fff0, 'UN', text('CANARY')]], 'CANARY'],
      ['glued whole name', [[0x0010_0010, 'PN', text('Can^Ary')]], 'xCANARYx'],
      ['glued the other way round', [[0x0010_0010, 'PN', text('Ary^Can')]], 'xCanary2'],
      ['glued number', [[0x0010_0020, 'LO', text('JANE')]], 'xJANE9'],
      ['part of two letters', [[0x0010_0010, 'PN', text('Ca^Ja')]], 'x CA 3'],
    ];
    for (const [name, where, word] of planted) {
      const technical: Item = [
        [0x0018_0024, 'SH', text(word)],
        [0x0018_1210, 'SH', text(`${word}\\B30f`)],
        [0x0008_1090, 'LO', text(word)],
      ];
      const inItem: Item = [[0x0028_9145, 'SQ', [[...technical]]]];
      for (const more of [technical, inItem]) {
        const form = { explicit: true, little: true };
        const { out } = deidentified(image(true, [...where, ...more]), form, explicitLittle);
        expect(out.includes(text(word)), name).toBe(false);
      }
    }
    // Without the person's name the same words are technical.
    const { out } = deidentified(
      image(true, [[0x0018_0024, 'SH', text('Canaryx')]]),
      { explicit: true, little: true },
      explicitLittle,
    );
    expect(out.includes('Canaryx')).toBe(true);
  });

  it('are not sought in tens of thousands of private measures, nor in bytes that are none', () => {
    const measures: Item = Array.from({ length: 30_000 }, (_, index) => [
      0x0021_1000 + index,
      'UN',
      text(`${index % 7}.${100_000 + index}`),
    ]);
    const noise = Buffer.alloc(200_000);
    for (let index = 0; index < noise.length; index += 1) noise[index] = (index * index * 31 + index * 7) >>> 3;
    const form = { explicit: false, little: true };
    const technical: Item = [
      [0x0018_0024, 'SH', text('fl2d1')],
      [0x0029_1010, 'OB', noise],
    ];
    const { out } = deidentified(image(true, [...measures, ...technical]), form, implicitLittle);
    expect(out.includes('fl2d1')).toBe(true);
    expect(out.includes('AXIAL')).toBe(true);
  });

  it('are sought in a time that grows with the length of a value, whatever that is made of', () => {
    const blank = Buffer.alloc(1024 * 1024);
    const spaced = Buffer.alloc(1024 * 1024, ' ');
    spaced[spaced.length - 1] = 0x41;
    const tags = [0x0018_0024, 0x0008_0008, 0x0020_0052, 0x0028_0004, 0x0008_103e, 0x0018_0050];
    const started = performance.now();
    for (const value of [blank, spaced]) {
      const elements = image(true, []).filter(([tag]) => !tags.includes(tag));
      const filled: Item = tags.map((tag) => [tag, 'UT', Buffer.concat([text('A'), value, text('B')])]);
      const more: Item = [
        [0x0009_1001, 'UN', Buffer.concat([value, text('B')])],
        [0x0010_0010, 'UT', Buffer.concat([value, text('B')])],
        [0x0008_2112, 'SQ', [[[0x0008_0100, 'UC', value]]]],
        [0x0008_0005, 'UT', value],
      ];
      const own = elements.filter(([tag]) => tag !== 0x0008_0005);
      deidentifyDataset(encode([...own, ...filled, ...more], { explicit: true, little: true }), explicitLittle, how);
    }
    // 200 kB took 19 s where it was looked at from each blank anew, so a megabyte would take eight minutes.
    expect(performance.now() - started).toBeLessThan(60_000);
  }, 120_000);
});
