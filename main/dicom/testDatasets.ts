/** For tests only: data sets of every kind that is written, with values at the edges of what a VR holds. */

import fc from 'fast-check';
import type { JsonAttribute, JsonDataSet } from './dicomJson.ts';

/** Text without what the VR cannot hold, and without blanks at its ends, which are padding to a reader. */
const word = (most: number, characters: string) =>
  fc.string({ unit: fc.constantFrom(...characters), minLength: 1, maxLength: most });
const some = "aZ09 é'œ’ßçЖ山田太郎Yamadaﾔﾏﾀﾞ\u{20BB7}-.^";
const text = (most: number) =>
  word(most, some)
    .map((value) => value.trim())
    .filter((value) => value !== '');
const several = <Value>(value: fc.Arbitrary<Value>) => fc.array(value, { minLength: 1, maxLength: 4 });
const attribute = (vr: string, values: fc.Arbitrary<unknown[]>): fc.Arbitrary<JsonAttribute> =>
  fc.oneof({ weight: 9, arbitrary: values.map((Value) => ({ vr, Value })) }, fc.constant<JsonAttribute>({ vr }));

const group = text(20).map((value) => value.replaceAll('=', ''));
const name = fc
  .record({ Alphabetic: group, Ideographic: group, Phonetic: group }, { requiredKeys: ['Alphabetic'] })
  .filter((value) => Object.values(value).every((one) => one !== ''));
const bytes = (unit: number) =>
  fc.uint8Array({ minLength: 1, maxLength: 40 }).map((value) => {
    const even = Buffer.alloc(Math.ceil(value.length / unit) * unit + ((unit * Math.ceil(value.length / unit)) % 2), 7);
    Buffer.from(value).copy(even);
    return even.toString('base64');
  });

const flat = {
  '0008002A': attribute('DT', several(fc.constantFrom('20240229120000.123456+0130', '2024'))),
  '00080020': attribute('DA', several(fc.constantFrom('20240229', '19991231-20000101'))),
  '00080030': attribute('TM', several(fc.constantFrom('235959.999999', '12'))),
  '00080050': attribute('SH', several(text(16))),
  '00080054': attribute('AE', several(fc.constantFrom('SALUS', 'ORTHANC_1234567'))),
  '00080061': attribute('CS', several(fc.constantFrom('CT', 'DOC', 'A_B 1'))),
  '00081030': attribute('LO', several(text(64))),
  '00081190': attribute(
    'UR',
    fc.constantFrom('http://a.example/b?c=%20').map((value) => [value]),
  ),
  '00100010': attribute('PN', several(name)),
  '00101010': attribute('AS', several(fc.constant('045Y'))),
  '00104000': attribute(
    'LT',
    text(300).map((value) => [`${value}\\\r\nx${value}`]),
  ),
  '00081196': attribute('US', several(fc.integer({ min: 0, max: 0xffff }))),
  '00189219': attribute('SS', several(fc.integer({ min: -0x8000, max: 0x7fff }))),
  '00186020': attribute('SL', several(fc.integer({ min: -0x80000000, max: 0x7fffffff }))),
  '00081161': attribute('UL', several(fc.integer({ min: 0, max: 0xffffffff }))),
  '00186028': attribute('FD', several(fc.double({ noNaN: true, noDefaultInfinity: true }))),
  '00089459': attribute('FL', several(fc.float({ noNaN: true, noDefaultInfinity: true }))),
  '00280009': attribute('AT', several(fc.constantFrom('7FE00010', '00181063', 'FFFEE000'))),
  '00201209': attribute('IS', several(fc.integer({ min: -0x80000000, max: 0x7fffffff }))),
  '00280030': attribute('DS', several(fc.integer({ min: -999999999, max: 999999999 }).map((value) => value / 1000))),
  '00080018': attribute('UI', several(fc.constantFrom('1.2.840.10008.1.2', '2.25.1', '2.25.12'))),
  '0040A160': attribute(
    'UT',
    text(2000).map((value) => [`a${value}`]),
  ),
  '00420011': bytes(1).map((InlineBinary) => ({ vr: 'OB', InlineBinary })),
  '00281201': bytes(2).map((InlineBinary) => ({ vr: 'OW', InlineBinary })),
};
const { tree } = fc.letrec<{ tree: JsonDataSet }>((tie) => ({
  tree: fc.record(
    {
      ...flat,
      '00081115': attribute('SQ', fc.array(tie('tree'), { minLength: 1, maxLength: 3, depthIdentifier: 'items' })),
    },
    { requiredKeys: [], noNullPrototype: true },
  ) as fc.Arbitrary<JsonDataSet>,
}));

export const anyDataset: fc.Arbitrary<JsonDataSet> = tree;
