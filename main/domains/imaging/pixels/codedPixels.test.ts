import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Failure } from '../../../../app/shared/failure.ts';
import { buildObject, type ImageModule, imageModule } from '../../../../tests/integration/reference/builtObjects.ts';
import { dcmtkFrames, hasCommand } from '../../../../tests/integration/reference/referencePixels.ts';
import { decodeFrame } from './decodeFrame.ts';
import { frameForWeb } from './frameForWeb.ts';
import { openDicomPixels } from './openDicomPixels.ts';
import type { DecodedArray } from './pixelDescription.ts';

/** Objects compressed by DCMTK and GDCM from pictures made here, so that the right answer is known. */

const ROWS = 61;
const COLUMNS = 47;

/** A 32-bit linear congruential generator: the same noise on every run. */
function noise(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** A ramp with discs and a little noise: smooth and sharp parts, all values of the depth touched. */
function picture(bits: number, samples: number, signed: boolean): Float64Array {
  const random = noise(bits * 100 + samples);
  const top = 2 ** bits - 1;
  const out = new Float64Array(ROWS * COLUMNS * samples);
  for (let y = 0; y < ROWS; y++) {
    for (let x = 0; x < COLUMNS; x++) {
      for (let sample = 0; sample < samples; sample++) {
        const disc = Math.hypot(x - 14 - 6 * sample, y - 20) < 11 ? 0.5 : 0;
        const value = ((x + y * (sample + 1)) / (ROWS * 3 + COLUMNS) + disc + random() * 0.04) % 1;
        out[(y * COLUMNS + x) * samples + sample] = Math.round(value * top) - (signed ? 2 ** (bits - 1) : 0);
      }
    }
  }
  out[0] = signed ? -(2 ** (bits - 1)) : 0;
  out[1] = signed ? 2 ** (bits - 1) - 1 : top;
  return out;
}

interface Source {
  readonly name: string;
  readonly bits: number;
  readonly allocated: number;
  readonly samples: number;
  readonly signed: boolean;
}

const grey8: Source = { name: 'grey8', bits: 8, allocated: 8, samples: 1, signed: false };
const grey12: Source = { name: 'grey12', bits: 12, allocated: 16, samples: 1, signed: false };
const signed12: Source = { name: 'signed12', bits: 12, allocated: 16, samples: 1, signed: true };
const grey16: Source = { name: 'grey16', bits: 16, allocated: 16, samples: 1, signed: false };
const signed16: Source = { name: 'signed16', bits: 16, allocated: 16, samples: 1, signed: true };
const rgb8: Source = { name: 'rgb8', bits: 8, allocated: 8, samples: 3, signed: false };
const sources = [grey8, grey12, signed12, grey16, signed16, rgb8];

let folder = '';
const path = (name: string): string => join(folder, name);

function writeSource(source: Source): void {
  const values = picture(source.bits, source.samples, source.signed);
  const mask = 2 ** source.bits - 1;
  const cells = Array.from(values, (value) => value & mask);
  const bytes =
    source.allocated === 8 ? Uint8Array.from([...cells, 0].slice(0, cells.length + (cells.length % 2))) : undefined;
  const module: ImageModule = {
    rows: ROWS,
    columns: COLUMNS,
    samples: source.samples,
    photometric: source.samples === 3 ? 'RGB' : 'MONOCHROME2',
    allocated: source.allocated,
    stored: source.bits,
    signed: source.signed,
    ...(source.samples === 3 && { planar: 0 }),
  };
  const pixelData = bytes ?? new Uint8Array(Uint16Array.from(cells).buffer);
  writeFileSync(path(`${source.name}.dcm`), buildObject({ elements: imageModule(module), pixelData }));
}

/** Compresses a source and gives the path of the result. */
function compress(source: Source, command: string, ...options: string[]): string {
  const target = path(`${source.name}${command}${options.join('')}.dcm`);
  execFileSync(command, [...options, path(`${source.name}.dcm`), target], { stdio: 'ignore' });
  return target;
}

async function decodeFile(file: string) {
  return decodeFrame(openDicomPixels(readFileSync(file)), 0);
}

function expectSame(data: DecodedArray, expected: ArrayLike<number>): void {
  expect(data.length).toBe(expected.length);
  const different = Array.from(expected).findIndex((value, i) => value !== data[i]);
  expect(different === -1 ? 'same' : `${data[different]} instead of ${expected[different]} at ${different}`).toBe(
    'same',
  );
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'salus-pixels-'));
  for (const source of sources) writeSource(source);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('the sources themselves', async () => {
  for (const source of sources) {
    const decoded = await decodeFile(path(`${source.name}.dcm`));
    expectSame(decoded.data, picture(source.bits, source.samples, source.signed));
    expect(decoded.signed).toBe(source.signed);
  }
});

describe.skipIf(!hasCommand('dcmcjpeg'))('JPEG (needs DCMTK)', () => {
  for (const source of [grey8, grey12, grey16, signed16, rgb8]) {
    for (const predictor of [1, 2, 3, 4, 5, 6, 7]) {
      it(`lossless, ${source.name}, predictor ${predictor}`, async () => {
        const file = compress(source, 'dcmcjpeg', '+el', '+sv', String(predictor));
        const decoded = await decodeFile(file);
        expectSame(decoded.data, picture(source.bits, source.samples, source.signed));
        expect(decoded.lossy).toBe(false);
      });
    }
  }

  it('lossless, first order (.70)', async () => {
    for (const source of [grey8, grey12, grey16, signed16, rgb8]) {
      const decoded = await decodeFile(compress(source, 'dcmcjpeg', '+e1'));
      expectSame(decoded.data, picture(source.bits, source.samples, source.signed));
    }
  });

  it('lossless with a point transform loses the low bits and nothing else', async () => {
    const file = compress(grey12, 'dcmcjpeg', '+el', '+sv', '4', '+pt', '2');
    const expected = Array.from(picture(12, 1, false), (value) => value & ~3);
    expectSame((await decodeFile(file)).data, expected);
  });

  for (const quality of ['40', '90', '100']) {
    it(`extended, 12 bits, quality ${quality}, equals DCMTK bit for bit`, async () => {
      const file = compress(grey12, 'dcmcjpeg', '+ee', '+q', quality);
      const description = openDicomPixels(readFileSync(file));
      expect(description.transferSyntaxUid).toBe('1.2.840.10008.1.2.4.51');
      const decoded = await decodeFrame(description, 0);
      expectSame(decoded.data, dcmtkFrames(file, description.transferSyntaxUid, [0])[0]?.values ?? []);
      expect(decoded.lossy).toBe(true);
    });
  }

  for (const [name, source, ...options] of [
    ['grey', grey8],
    ['RGB as RGB', rgb8, '+cr'],
    ['RGB as YBR_FULL', rgb8, '+cy', '+s4'],
    ['RGB as YBR_FULL_422', rgb8, '+cy', '+s2'],
  ] as const) {
    it(`baseline, ${name}, equals DCMTK bit for bit`, async () => {
      const file = compress(source, 'dcmcjpeg', '+eb', '+q', '85', ...options);
      const reference = dcmtkFrames(file, '1.2.840.10008.1.2.4.50', [0])[0];
      const decoded = await decodeFile(file);
      expectSame(decoded.data, reference?.values ?? []);
      expect(decoded.photometricInterpretation).toBe(source.samples === 3 ? 'RGB' : 'MONOCHROME2');
    });
  }
});

describe.skipIf(!hasCommand('dcmcjpls'))('JPEG-LS (needs DCMTK)', () => {
  for (const source of [grey8, grey12, signed12, grey16, signed16, rgb8]) {
    it(`lossless, ${source.name}`, async () => {
      const decoded = await decodeFile(compress(source, 'dcmcjpls', '+el'));
      expectSame(decoded.data, picture(source.bits, source.samples, source.signed));
      expect(decoded.lossy).toBe(false);
    });
  }
  it('near-lossless stays within its bound and says it is lossy', async () => {
    const decoded = await decodeFile(compress(grey12, 'dcmcjpls', '+en', '+md', '3'));
    const original = picture(12, 1, false);
    for (let i = 0; i < original.length; i++) {
      expect(Math.abs((decoded.data[i] ?? 0) - (original[i] ?? 0))).toBeLessThanOrEqual(3);
    }
    expect(decoded.lossy).toBe(true);
  });
});

describe.skipIf(!hasCommand('dcmcrle'))('RLE (needs DCMTK)', () => {
  for (const source of sources) {
    it(source.name, async () => {
      const decoded = await decodeFile(compress(source, 'dcmcrle'));
      expectSame(decoded.data, picture(source.bits, source.samples, source.signed));
    });
  }
});

describe.skipIf(!hasCommand('gdcmconv'))('JPEG 2000 (needs GDCM)', () => {
  for (const source of sources) {
    it(`lossless, ${source.name}`, async () => {
      const decoded = await decodeFile(compress(source, 'gdcmconv', '--j2k'));
      expectSame(decoded.data, picture(source.bits, source.samples, source.signed));
      expect(decoded.lossy).toBe(false);
    });
  }
});

describe.skipIf(!hasCommand('dcmcjpeg') || !hasCommand('gdcmconv'))(
  'cut and damaged streams (needs DCMTK, GDCM)',
  () => {
    const made: readonly (readonly [string, () => string])[] = [
      ['JPEG baseline grey', () => compress(grey8, 'dcmcjpeg', '+eb')],
      ['JPEG baseline colour', () => compress(rgb8, 'dcmcjpeg', '+eb', '+cy', '+s2')],
      ['JPEG extended', () => compress(grey12, 'dcmcjpeg', '+ee')],
      ['JPEG lossless', () => compress(grey16, 'dcmcjpeg', '+e1')],
      ['JPEG-LS', () => compress(grey12, 'dcmcjpls', '+el')],
      ['JPEG 2000', () => compress(signed16, 'gdcmconv', '--j2k')],
      ['RLE', () => compress(grey16, 'dcmcrle')],
    ];

    /** The file with its only frame replaced by other bytes, of whatever length. */
    function withFrame(file: string, change: (frame: Uint8Array) => Uint8Array): Uint8Array {
      const bytes = new Uint8Array(readFileSync(file));
      const description = openDicomPixels(bytes);
      const { pixels } = description.source;
      const fragment = pixels.kind === 'encapsulated' ? pixels.frames[0]?.[0] : undefined;
      if (!fragment) throw new Error('the object has no fragment');
      const frame = change(bytes.slice(fragment.start, fragment.start + fragment.length));
      const length = new Uint8Array(4);
      new DataView(length.buffer).setUint32(0, frame.length, true);
      const end = Uint8Array.of(0xfe, 0xff, 0xdd, 0xe0, 0, 0, 0, 0);
      return new Uint8Array(Buffer.concat([bytes.subarray(0, fragment.start - 4), length, frame, end]));
    }

    async function outcome(bytes: Uint8Array): Promise<string> {
      try {
        const description = openDicomPixels(bytes);
        await decodeFrame(description, 0);
        await frameForWeb(description, 0);
        return 'decoded';
      } catch (thrown) {
        return (thrown as Failure).code ?? String(thrown);
      }
    }

    for (const [name, make] of made) {
      it(`${name}, cut at any length, is never shown as if whole`, async () => {
        const file = make();
        for (const part of [0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.97]) {
          const cut = withFrame(file, (frame) => frame.subarray(0, Math.floor((frame.length * part) / 2) * 2));
          expect(await outcome(cut), `${part} of the stream`).toMatch(/^imaging\.(truncated|damaged)PixelData$/);
        }
        // and the decoder still works after all that
        expect(await outcome(new Uint8Array(readFileSync(file)))).toBe('decoded');
      });

      it(`${name} with bytes changed decodes or says why, soon`, async () => {
        const file = make();
        const random = noise(name.length);
        for (let round = 0; round < 60; round++) {
          const hurt = withFrame(file, (frame) => {
            for (let i = 0; i < 1 + round / 10; i++)
              frame[Math.floor(random() * frame.length)] = Math.floor(random() * 256);
            return frame;
          });
          const started = performance.now();
          expect(await outcome(hurt)).toMatch(/^(decoded|imaging\.\w+)$/);
          expect(performance.now() - started).toBeLessThan(5000);
        }
        expect(await outcome(new Uint8Array(readFileSync(file)))).toBe('decoded');
      });
    }
  },
);
