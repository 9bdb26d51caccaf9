import { describe, expect, it } from 'vitest';
import { rewriteDataset } from './rewriteDataset.ts';

const bigEndian = { explicit: true, littleEndian: false };

/** Bits Allocated and 24 bytes of pixel data, as explicit VR big endian. */
function pixelsOf(bitsAllocated: number): Buffer {
  return Buffer.concat([
    Buffer.from([0x00, 0x28, 0x01, 0x00, 0x55, 0x53, 0, 2, 0, bitsAllocated]),
    Buffer.from([0x7f, 0xe0, 0x00, 0x10, 0x4f, 0x57, 0, 0, 0, 0, 0, 24]),
    Buffer.from(Array.from({ length: 24 }, (_, index) => index)),
  ]);
}

describe('rewriting a data set', () => {
  it.each([
    [8, [1, 0, 3, 2]],
    [16, [1, 0, 3, 2]],
    [32, [3, 2, 1, 0]],
    [64, [7, 6, 5, 4]],
  ])('turns the words of %i bits round', (bits, first) => {
    const written = rewriteDataset(pixelsOf(bits), 0, bigEndian, true);
    expect([...written.subarray(0, 10)]).toEqual([0x28, 0, 0, 1, 0x55, 0x53, 2, 0, bits, 0]);
    expect([...written.subarray(22, 26)]).toEqual(first);
    expect(written).toHaveLength(46);
  });

  it.each([12, 24, 40, 128])('refuses words of %i bits, which it could only spoil', (bits) => {
    const rewrite = () => rewriteDataset(pixelsOf(bits), 0, bigEndian, true);
    expect(rewrite).toThrow(expect.objectContaining({ name: 'DatasetError', reason: 'form', tag: '7FE00010' }));
  });
});
