import { deflateRawSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { Failure } from '../../../../app/shared/failure.ts';
import {
  type BuiltElement,
  type BuiltObject,
  buildObject,
  imageModule,
  words,
} from '../../../../tests/integration/reference/builtObjects.ts';
import { decodeFrame } from './decodeFrame.ts';
import { openDicomPixels } from './openDicomPixels.ts';

const RLE = '1.2.840.10008.1.2.5';
const JPEG_LOSSLESS = '1.2.840.10008.1.2.4.70';
const sixteen = words(Array.from({ length: 16 }, (_, i) => i * 100));

function openCode(built: BuiltObject): string {
  try {
    openDicomPixels(buildObject(built));
  } catch (thrown) {
    return (thrown as Failure).code;
  }
  return 'opened';
}

async function frameCode(bytes: Uint8Array, frame = 0): Promise<string> {
  try {
    await decodeFrame(openDicomPixels(bytes), frame);
  } catch (thrown) {
    return (thrown as Failure).code;
  }
  return 'decoded';
}

async function valuesOf(built: BuiltObject, frame = 0): Promise<number[]> {
  return Array.from((await decodeFrame(openDicomPixels(buildObject(built)), frame)).data);
}

/** An RLE frame of one 16-bit sample: literal runs only. */
function rleFrame(values: readonly number[]): Uint8Array {
  const header = new Uint32Array(16);
  const plane = (shift: number): Uint8Array => {
    const bytes = values.map((value) => (value >> shift) & 0xff);
    const padded = [bytes.length - 1, ...bytes];
    return Uint8Array.from(padded.length % 2 === 0 ? padded : [...padded, 0x80]);
  };
  const high = plane(8);
  const low = plane(0);
  header.set([2, 64, 64 + high.length]);
  return new Uint8Array(Buffer.concat([new Uint8Array(header.buffer), high, low]));
}

describe('what is no image says so', () => {
  const cases: readonly (readonly [string, Uint8Array, string])[] = [
    ['an empty file', new Uint8Array(), 'imaging.notDicom'],
    ['text', Buffer.from('not a DICOM file, whatever its name says'.repeat(20)), 'imaging.notDicom'],
    ['zeros', new Uint8Array(4096), 'imaging.notDicom'],
    ['a preamble alone', buildObject({ elements: [] }).slice(0, 132), 'imaging.notDicom'],
    ['an object without pixels', buildObject({ elements: imageModule() }), 'imaging.noPixelData'],
    [
      'a header that ends inside an element',
      buildObject({ elements: [...imageModule(), [0x00291010, 'OB', new Uint8Array(400)]] }).slice(0, -200),
      'imaging.truncated',
    ],
  ];
  for (const [name, bytes, code] of cases) {
    it(`${name}: ${code}`, async () => expect(await frameCode(bytes)).toBe(code));
  }

  it('a Buffer is not shared with what is decoded', async () => {
    const file = Buffer.from(buildObject({ elements: imageModule(), pixelData: sixteen }));
    const { data } = await decodeFrame(openDicomPixels(file), 0);
    data.fill(7);
    expect(Array.from((await decodeFrame(openDicomPixels(file), 0)).data)[15]).toBe(1500);
  });
});

describe('headers that make no sense', () => {
  const us = (tag: number, ...value: number[]): BuiltElement => [tag, 'US', value];
  const cases: readonly (readonly [string, BuiltObject, string])[] = [
    ['rows missing', { elements: imageModule({ rows: undefined }), pixelData: sixteen }, 'imaging.missingDimensions'],
    ['columns zero', { elements: imageModule({ columns: 0 }), pixelData: sixteen }, 'imaging.missingDimensions'],
    [
      '65535 x 65535 x 3 of 16 bits',
      { elements: imageModule({ rows: 65_535, columns: 65_535, samples: 3, photometric: 'RGB' }), pixelData: sixteen },
      'imaging.absurdDimensions',
    ],
    [
      'bits allocated 12',
      { elements: imageModule({ allocated: 12 }), pixelData: sixteen },
      'imaging.unsupportedPixelFormat',
    ],
    [
      'bits allocated 0',
      { elements: imageModule({ allocated: 0 }), pixelData: sixteen },
      'imaging.unsupportedPixelFormat',
    ],
    [
      'four samples per pixel',
      { elements: imageModule({ samples: 4, photometric: 'CMYK' }), pixelData: sixteen },
      'imaging.unsupportedPixelFormat',
    ],
    [
      'three samples of MONOCHROME2',
      { elements: imageModule({ samples: 3 }), pixelData: sixteen },
      'imaging.unsupportedPixelFormat',
    ],
    [
      'pixel representation 7',
      { elements: [...imageModule().slice(0, -1), us(0x00280103, 7)], pixelData: sixteen },
      'imaging.unsupportedPixelFormat',
    ],
    [
      'a palette image without palette',
      { elements: imageModule({ photometric: 'PALETTE COLOR' }), pixelData: sixteen },
      'imaging.unsupportedPixelFormat',
    ],
    ['pixel data of length zero', { elements: imageModule(), pixelData: new Uint8Array() }, 'imaging.emptyPixelData'],
    [
      'a video',
      {
        transferSyntaxUid: '1.2.840.10008.1.2.4.102',
        elements: imageModule(),
        pixelData: { fragments: [sixteen] },
      },
      'imaging.unsupportedTransferSyntax',
    ],
    [
      'an unknown transfer syntax',
      { transferSyntaxUid: '1.2.3.4', elements: imageModule(), pixelData: sixteen },
      'imaging.unsupportedTransferSyntax',
    ],
    [
      'fragments under an uncompressed syntax',
      { elements: imageModule(), pixelData: { fragments: [sixteen] } },
      'imaging.damagedPixelData',
    ],
    [
      'no fragments under a compressed syntax',
      { transferSyntaxUid: RLE, elements: imageModule(), pixelData: sixteen },
      'imaging.damagedPixelData',
    ],
    [
      'fragments without a byte',
      { transferSyntaxUid: RLE, elements: imageModule(), pixelData: { fragments: [new Uint8Array()] } },
      'imaging.emptyPixelData',
    ],
  ];
  for (const [name, built, code] of cases) it(`${name}: ${code}`, () => expect(openCode(built)).toBe(code));

  it('a deflated data set may not grow without limit', () => {
    const bomb = buildObject({
      elements: imageModule({ rows: 2048, columns: 2048 }),
      pixelData: new Uint8Array(2048 * 2048 * 2),
    });
    const meta = bomb.indexOf(0x08, 132 + 100);
    const start = bomb.findIndex((_, i) => i >= 132 && bomb[i] === 0x08 && bomb[i + 1] === 0 && bomb[i + 2] === 0x18);
    expect(meta).toBeGreaterThan(0);
    const head = buildObject({ transferSyntaxUid: '1.2.840.10008.1.2.1.99', elements: [] });
    const file = new Uint8Array(Buffer.concat([head, deflateRawSync(bomb.subarray(start))]));
    expect(openDicomPixels(file).rows).toBe(2048);
    expect(() => openDicomPixels(file, 1_000_000)).toThrowError(/past the limit/);
    expect(() => openDicomPixels(file.subarray(0, file.length - 40))).toThrowError(/ends early|inflated/);
  });

  it('what can be inferred is inferred and said', async () => {
    const elements = imageModule({ photometric: undefined, samples: undefined, stored: 99, high: 200 });
    const description = openDicomPixels(buildObject({ elements, pixelData: sixteen }));
    expect(description).toMatchObject({ photometricInterpretation: 'MONOCHROME2', samplesPerPixel: 1, bitsStored: 16 });
    expect(description.repaired).toEqual(['photometricMissing', 'samplesMissing', 'bitsStored', 'highBit']);
  });
});

describe('frames that are not all there', () => {
  it('native data cut inside the second of three frames', async () => {
    const built = { elements: imageModule({ frames: 3 }), pixelData: words(Array.from({ length: 48 }, (_, i) => i)) };
    const whole = buildObject(built);
    const cut = whole.subarray(0, whole.length - 50);
    expect(await frameCode(cut, 0)).toBe('decoded');
    expect(await frameCode(cut, 1)).toBe('imaging.truncatedPixelData');
    expect(await frameCode(cut, 2)).toBe('imaging.truncatedPixelData');
    expect(await frameCode(whole, 3)).toBe('imaging.frameUnknown');
    expect(await frameCode(whole, -1)).toBe('imaging.frameUnknown');
    expect(await frameCode(whole, 0.5)).toBe('imaging.frameUnknown');
  });

  it('fewer frames than the header claims', async () => {
    const built = { elements: imageModule({ frames: 1_000_000 }), pixelData: sixteen };
    expect(await frameCode(buildObject(built), 999_999)).toBe('imaging.truncatedPixelData');
  });

  it('a file that ends inside a fragment', async () => {
    const fragments = [rleFrame(Array(16).fill(5)), rleFrame(Array(16).fill(6))];
    const elements = imageModule({ frames: 2 });
    const whole = buildObject({ transferSyntaxUid: RLE, elements, pixelData: { fragments, open: true } });
    expect(await frameCode(whole, 1)).toBe('decoded');
    expect(await frameCode(whole.subarray(0, whole.length - 4), 0)).toBe('decoded');
    expect(await frameCode(whole.subarray(0, whole.length - 4), 1)).toBe('imaging.truncatedPixelData');
  });

  it('an RLE frame whose segments end early, or lie outside it', async () => {
    const frame = rleFrame(Array.from({ length: 16 }, (_, i) => i * 257));
    const object = (bytes: Uint8Array) =>
      buildObject({ transferSyntaxUid: RLE, elements: imageModule(), pixelData: { fragments: [bytes] } });
    expect(await frameCode(object(frame))).toBe('decoded');
    expect(await frameCode(object(frame.subarray(0, frame.length - 8)))).toBe('imaging.truncatedPixelData');
    expect(await frameCode(object(frame.subarray(0, 40)))).toBe('imaging.truncatedPixelData');
    const outside = frame.slice();
    new DataView(outside.buffer).setUint32(8, 0xffff_0000, true);
    expect(await frameCode(object(outside))).toBe('imaging.damagedPixelData');
    const segments = frame.slice();
    segments[0] = 3;
    expect(await frameCode(object(segments))).toBe('imaging.damagedPixelData');
  });

  it('a stream of another coding than the syntax says', async () => {
    const built = { transferSyntaxUid: JPEG_LOSSLESS, elements: imageModule(), pixelData: { fragments: [sixteen] } };
    expect(await frameCode(buildObject(built))).toBe('imaging.damagedPixelData');
  });
});

describe('offset tables and fragments', () => {
  const frames = [1, 2, 3].map((value) => rleFrame(Array(16).fill(value * 1000)));
  const elements = imageModule({ frames: 3 });
  const length = frames[0]?.length ?? 0;
  const offsets = [0, length + 8, 2 * (length + 8)];
  const object = (
    pixelData: { fragments: readonly Uint8Array[]; offsetTable?: number[] },
    extra: BuiltElement[] = [],
  ): BuiltObject => ({ transferSyntaxUid: RLE, elements: [...elements, ...extra], pixelData });

  it.each([
    ['right', offsets],
    ['missing', []],
    ['pointing nowhere', [0, 3, 9]],
    ['descending', [...offsets].reverse()],
    ['too short', offsets.slice(0, 2)],
    ['past the end', [0, 4_000_000_000, 4_100_000_000]],
  ])('a basic offset table that is %s', async (_, offsetTable) => {
    for (let frame = 0; frame < 3; frame++) {
      const values = await valuesOf(object({ fragments: frames, offsetTable }), frame);
      expect(values).toEqual(Array(16).fill((frame + 1) * 1000));
    }
  });

  it('names an offset table it could not use', () => {
    const description = openDicomPixels(buildObject(object({ fragments: frames, offsetTable: [0, 3, 9] })));
    expect(description.repaired).toContain('offsetTable');
    expect(openDicomPixels(buildObject(object({ fragments: frames, offsetTable: offsets }))).repaired).toEqual([]);
  });

  it('an extended offset table', async () => {
    const extra: BuiltElement[] = [
      [0x7fe00001, 'OV', offsets],
      [0x7fe00002, 'OV', frames.map((frame) => frame.length)],
    ];
    expect(await valuesOf(object({ fragments: frames }, extra), 2)).toEqual(Array(16).fill(3000));
  });

  it('frames of several fragments, with an offset table and as one frame without', async () => {
    const halves = frames.flatMap((frame) => [frame.subarray(0, 66), frame.subarray(66)]);
    const split = [0, halves[0]!.length + halves[1]!.length + 16, 2 * (halves[0]!.length + halves[1]!.length + 16)];
    expect(await valuesOf(object({ fragments: halves, offsetTable: split }), 1)).toEqual(Array(16).fill(2000));
    const single = { transferSyntaxUid: RLE, elements: imageModule(), pixelData: { fragments: halves.slice(2, 4) } };
    expect(await valuesOf(single)).toEqual(Array(16).fill(2000));
  });
});

describe('cells', () => {
  it('big-endian words, signed and not', async () => {
    const values = [0, 1, 255, 256, 4095, 32_767, -1, -32_768, 7, 8, 9, 10, 11, 12, 13, -2];
    const built = { bigEndian: true, elements: imageModule({ signed: true }), pixelData: words(values, false) };
    expect(await valuesOf(built)).toEqual(values);
  });

  it('signs come from the bits stored, wherever the high bit puts them', async () => {
    const stored = [0, 1, 0x7ff, 0x800, 0xfff];
    const cells = Array.from({ length: 16 }, (_, i) => ((stored[i % 5] ?? 0) << 4) | 0xf);
    const built = { elements: imageModule({ stored: 12, high: 15, signed: true }), pixelData: words(cells) };
    expect((await valuesOf(built)).slice(0, 5)).toEqual([0, 1, 2047, -2048, -1]);
    const unsigned = {
      elements: imageModule({ stored: 12, high: 11 }),
      pixelData: words(cells.map((cell) => (cell >> 4) | 0xf000)),
    };
    expect((await valuesOf(unsigned)).slice(0, 5)).toEqual([0, 1, 0x7ff, 0x800, 0xfff]);
  });

  it('one-bit frames that do not end on a byte', async () => {
    const bits = Array.from({ length: 18 }, (_, i) => ((i * 7) % 3 === 0 ? 1 : 0));
    const packed = new Uint8Array(4);
    bits.forEach((bit, i) => {
      packed[i >> 3] = (packed[i >> 3] ?? 0) | (bit << (i & 7));
    });
    const built = { elements: imageModule({ rows: 3, columns: 3, allocated: 1, frames: 2 }), pixelData: packed };
    expect(await valuesOf(built, 0)).toEqual(bits.slice(0, 9));
    expect(await valuesOf(built, 1)).toEqual(bits.slice(9));
  });

  it('planes are interleaved, odd sizes included', async () => {
    const planar = Uint8Array.from([1, 2, 3, 11, 12, 13, 21, 22, 23, 0]);
    const module = { rows: 1, columns: 3, samples: 3, photometric: 'RGB', allocated: 8, planar: 1 };
    expect(await valuesOf({ elements: imageModule(module), pixelData: planar })).toEqual([
      1, 11, 21, 2, 12, 22, 3, 13, 23,
    ]);
  });

  it('YBR_FULL and YBR_FULL_422 of grey stay grey, primaries come out', async () => {
    const module = { rows: 1, columns: 2, samples: 3, photometric: 'YBR_FULL', allocated: 8, planar: 0 };
    const full = { elements: imageModule(module), pixelData: Uint8Array.from([77, 128, 128, 76, 85, 255]) };
    expect(await valuesOf(full)).toEqual([77, 77, 77, 254, 0, 0]);
    const packed = {
      elements: imageModule({ ...module, photometric: 'YBR_FULL_422' }),
      pixelData: Uint8Array.from([76, 150, 85, 255]),
    };
    expect(await valuesOf(packed)).toEqual([254, 0, 0, 255, 74, 74]);
  });

  it('floats and doubles', async () => {
    const elements = imageModule({ rows: 1, columns: 2, allocated: 32 });
    const floats: BuiltElement = [0x7fe00008, 'OF', new Uint8Array(new Float32Array([1.5, -2.25]).buffer)];
    expect(await valuesOf({ elements: [...elements, floats] })).toEqual([1.5, -2.25]);
    const doubles: BuiltElement = [0x7fe00009, 'OD', new Uint8Array(new Float64Array([1e-300, -2.25]).buffer)];
    expect(await valuesOf({ elements: [...elements, doubles] })).toEqual([1e-300, -2.25]);
    expect(await frameCode(buildObject({ elements: [...elements, floats] }).slice(0, -4))).toBe(
      'imaging.truncatedPixelData',
    );
  });
});

it('a header with bytes changed anywhere opens or gives a reason, never another error', async () => {
  const fragments = [rleFrame(Array(16).fill(5)), rleFrame(Array(16).fill(6))];
  const elements: BuiltElement[] = [
    ...imageModule({ frames: 2 }),
    [0x00281050, 'DS', '40\\50'],
    [0x00281051, 'DS', '400\\350'],
    [
      0x52009229,
      'SQ',
      [
        [
          [
            0x00289145,
            'SQ',
            [
              [
                [0x00281052, 'DS', '-1024'],
                [0x00281053, 'DS', '1'],
              ],
            ],
          ],
        ],
      ],
    ],
  ];
  const files = [
    buildObject({ transferSyntaxUid: RLE, elements, pixelData: { fragments } }),
    buildObject({ elements, pixelData: words(Array(32).fill(3)) }),
    buildObject({ bigEndian: true, elements, pixelData: words(Array(32).fill(3), false) }),
  ];
  let state = 2463534242;
  const random = (below: number): number => {
    // xorshift32: the same bytes on every run
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
  const codes = new Set<string>();
  for (const file of files) {
    for (let round = 0; round < 300; round++) {
      const hurt = file.slice();
      for (let i = 0; i <= round % 6; i++) hurt[132 + random(hurt.length - 132)] = random(256);
      codes.add(await frameCode(hurt, 1));
    }
  }
  for (const code of codes) expect(code).toMatch(/^(decoded|imaging\.\w+)$/);
  expect(codes.size).toBeGreaterThan(4);
});
