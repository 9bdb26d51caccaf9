import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeRunLength,
  interleave,
  keepStoredBits,
  PixelError,
  type PixelLayout,
  paletteToRgb,
  readNative,
  rgbToBytes,
  ybrToRgb,
} from './pixelLayout.ts';

const grey = (more: Partial<PixelLayout> = {}): PixelLayout => ({
  rows: 2,
  columns: 3,
  samplesPerPixel: 1,
  bitsAllocated: 16,
  bitsStored: 16,
  highBit: 15,
  signed: false,
  planar: false,
  photometric: 'MONOCHROME2',
  sampleFormat: 'integer',
  ...more,
});

/** Run-length encodes bytes as literal runs (PS3.5 annex G.3.1). */
function literalRuns(bytes: readonly number[]): number[] {
  const out: number[] = [];
  for (let at = 0; at < bytes.length; at += 128) {
    const run = bytes.slice(at, at + 128);
    out.push(run.length - 1, ...run);
  }
  return out.length % 2 === 0 ? out : [...out, 128];
}

function runLengthFrame(segments: readonly (readonly number[])[]): Uint8Array {
  const header = new DataView(new ArrayBuffer(64));
  header.setUint32(0, segments.length, true);
  let offset = 64;
  segments.forEach((segment, index) => {
    header.setUint32(4 + index * 4, offset, true);
    offset += segment.length;
  });
  return Uint8Array.from([...new Uint8Array(header.buffer), ...segments.flat()]);
}

describe('native cells', () => {
  it('are read from any place in a buffer, in their own type', () => {
    const cells = Int16Array.from([-5, 0, 7, 300, -32768, 32767]);
    const shifted = new Uint8Array(cells.byteLength + 3);
    shifted.set(new Uint8Array(cells.buffer), 3);
    expect([...readNative(shifted.subarray(3), grey({ signed: true }))]).toEqual([...cells]);
  });
  it('of one bit become one byte each, lowest bit first', () => {
    expect([...readNative(Uint8Array.from([0b101001]), grey({ bitsAllocated: 1, bitsStored: 1, highBit: 0 }))]).toEqual(
      [1, 0, 0, 1, 0, 1],
    );
  });
  it('are refused when some are missing, never filled up', () => {
    expect(() => readNative(new Uint8Array(11), grey())).toThrow(PixelError);
    expect(() => readNative(new Uint8Array(0), grey({ bitsAllocated: 1 }))).toThrow(PixelError);
  });
  it('lose what lies outside the stored bits and keep their sign', () => {
    const samples = Int16Array.from([0x7fff, 0x0800, 0x07ff, (0xf001 << 16) >> 16]);
    keepStoredBits(samples, grey({ bitsStored: 12, highBit: 11, signed: true }));
    expect([...samples]).toEqual([-1, -2048, 2047, 1]);
    const high = Uint16Array.from([0xabc5]);
    keepStoredBits(high, grey({ bitsStored: 12, highBit: 15 }));
    expect([...high]).toEqual([0xabc]);
  });
});

describe('run-length', () => {
  it('gives back any 16-bit image, high byte segment first', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(65_535), { minLength: 6, maxLength: 6 }), (values) => {
        const frame = runLengthFrame([
          literalRuns(values.map((value) => value >> 8)),
          literalRuns(values.map((value) => value & 255)),
        ]);
        expect([...decodeRunLength(frame, grey())]).toEqual(values);
      }),
    );
  });
  it('interleaves colour and repeats runs', () => {
    const frame = runLengthFrame([
      [251, 1],
      [251, 2],
      [251, 3],
    ]);
    expect(
      [
        ...decodeRunLength(
          frame,
          grey({ samplesPerPixel: 3, bitsAllocated: 8, bitsStored: 8, highBit: 7, photometric: 'RGB' }),
        ),
      ].slice(0, 6),
    ).toEqual([1, 2, 3, 1, 2, 3]);
  });
  it('refuses a cut segment and a wrong number of them', () => {
    expect(() =>
      decodeRunLength(
        runLengthFrame([
          [254, 1],
          [251, 2],
        ]),
        grey(),
      ),
    ).toThrow('ends early');
    expect(() => decodeRunLength(runLengthFrame([[251, 1]]), grey())).toThrow('another number');
  });
});

describe('colour', () => {
  const rgb = grey({ rows: 1, columns: 2, samplesPerPixel: 3, bitsAllocated: 8, bitsStored: 8, highBit: 7 });
  it('in planes is interleaved', () => {
    expect([...interleave(Uint8Array.from([1, 2, 3, 4, 5, 6]), rgb)]).toEqual([1, 3, 5, 2, 4, 6]);
  });
  it('in YBR becomes RGB: grey stays grey, the primaries come back', () => {
    expect([...ybrToRgb(Uint8Array.from([76, 85, 255, 128, 128, 128]), rgb, false)]).toEqual([
      254, 0, 0, 128, 128, 128,
    ]);
  });
  it('shared by two neighbours is given to both', () => {
    expect([...ybrToRgb(Uint8Array.from([10, 200, 128, 128]), rgb, true)]).toEqual([10, 10, 10, 200, 200, 200]);
  });
  it('of 16 bits shows its high bits', () => {
    expect([...rgbToBytes(Uint16Array.from([65_535, 256, 255]), 16)]).toEqual([255, 1, 0]);
  });
  it('from a palette clamps to its ends', () => {
    const table = { first: 10, bits: 16, values: Uint16Array.from([0, 0x8000, 0xffff]) };
    expect([...paletteToRgb(Uint8Array.from([0, 11, 99]), [table, table, table])]).toEqual([
      0, 0, 0, 128, 128, 128, 255, 255, 255,
    ]);
  });
});
