import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Failure } from '../../../../app/shared/failure.ts';
import { aSlice, rawDataSet, rawElement, rawFile } from '../testObjects.ts';
import { examineObject } from './examineObject.ts';

function item(content: Buffer, length = content.length): Buffer {
  const head = Buffer.from([0xfe, 0xff, 0x00, 0xe0, 0, 0, 0, 0]);
  head.writeUInt32LE(length >>> 0, 4);
  return Buffer.concat([head, content]);
}

const uids = { '00080018': ['UI', '1.2.3'], '0020000D': ['UI', '1.2'], '0020000E': ['UI', '1.2.1'] } as const;

/** A file with most kinds of elements in it: sequences, private groups, several values, code extensions. */
const rich = rawFile({
  ...uids,
  '00080005': ['CS', '\\ISO 2022 IR 87'],
  '00081140': [
    'SQ',
    Buffer.concat([
      item(rawDataSet({ '00081155': ['UI', '1.2.3.4'] })),
      item(rawDataSet({ '00081155': ['UI', '1.2.3.5'] })),
    ]),
  ],
  '00100010': ['PN', Buffer.from('Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B', 'latin1')],
  '00091010': ['UN', item(rawDataSet({ '00091011': ['LO', 'x'] }))],
  '00280010': ['US', 4],
  '00280011': ['US', 4],
  '00280100': ['US', 16],
  '7FE00010': ['OW', Buffer.alloc(32)],
});

/** What comes of a file is an object or a reason: nothing else is thrown, and it does not take for ever. */
function survives(bytes: Uint8Array): void {
  const begun = performance.now();
  try {
    const { header } = examineObject(bytes);
    expect(header.studyUid).toMatch(/^[0-9.]{1,64}$/);
  } catch (error) {
    if (!(error instanceof Failure) || !error.code.startsWith('imaging.')) {
      // The worker turns anything else into a reason too, but nothing else should be needed.
      throw new Error(`not a reason: ${error instanceof Error ? error.stack : String(error)}`);
    }
  }
  expect(performance.now() - begun).toBeLessThan(2000);
}

describe('hostile bytes', () => {
  const flips = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 12 });
  it.each([
    ['a slice', aSlice({ study: '1.2', sop: '1.2.3', number: 1 })],
    ['a rich file', rich],
  ])('%s with any bytes changed and cut anywhere', (_, file) => {
    fc.assert(
      fc.property(flips, fc.nat(), fc.boolean(), (changes, cut, isCut) => {
        const bytes = Buffer.from(file);
        // Beyond the preamble, where every byte means something.
        for (const [at, value] of changes) bytes[128 + (at % (bytes.length - 128))] = value;
        survives(isCut ? bytes.subarray(0, cut % bytes.length) : bytes);
      }),
      { numRuns: 1500, seed: 20260301 },
    );
  });

  it('lengths that lie in every way', () => {
    for (const length of [0, 1, 7, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff]) {
      for (const vr of ['SQ', 'OW', 'UN', 'UT']) {
        const end = rawElement('00300010', vr, Buffer.alloc(16, 1), length);
        survives(rawFile(uids, {}, end));
        survives(rawFile({ ...uids, '00291010': ['SQ', item(Buffer.alloc(8), length)] }));
      }
    }
  });

  it('sequences nested a hundred thousand deep', () => {
    const depth = 100_000;
    const start = Buffer.concat([
      rawElement('00400275', 'SQ', Buffer.alloc(0), 0xffffffff),
      item(Buffer.alloc(0), 0xffffffff),
    ]);
    survives(rawFile(uids, {}, Buffer.concat(Array.from({ length: depth }, () => start))));
  });

  it('deflated data that is none, and that inflates beyond measure', () => {
    survives(rawFile({}, { transferSyntaxUid: '1.2.840.10008.1.2.1.99' }, Buffer.alloc(500, 0x5a)));
  });

  it('a number of frames nobody can count to', () => {
    survives(rawFile({ ...uids, '00280008': ['IS', '999999999999'], '7FE00010': ['OW', Buffer.alloc(4)] }));
  });
});
