import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import jpeg from 'jpeg-js';
import { PNG } from 'pngjs';
import { describe, expect, it } from 'vitest';
import {
  type BuiltElement,
  buildObject,
  type ImageModule,
  imageModule,
  words,
} from '../../../../tests/integration/reference/builtObjects.ts';
import { hasCommand, pydicomFrame, referencePython } from '../../../../tests/integration/reference/referencePixels.ts';
import { decodeEmbeddedOverlay, decodeFrame } from './decodeFrame.ts';
import { encodeJpeg, encodePng } from './encodePicture.ts';
import { frameForWeb, webPixelAttributes } from './frameForWeb.ts';
import { transformsOfFrame } from './frameTransforms.ts';
import { openDicomPixels } from './openDicomPixels.ts';
import { overlayBitsOfFrame } from './overlayPlanes.ts';
import { type RenderOptions, renderFrame } from './renderFrame.ts';
import { type Picture, resample } from './resample.ts';
import { windowFunction } from './windowing.ts';

function openRow(values: readonly number[], extra: readonly BuiltElement[] = [], module: ImageModule = {}) {
  const elements = [...imageModule({ rows: 1, columns: values.length, ...module }), ...extra];
  const bytes =
    module.allocated === 8
      ? Uint8Array.from([...values, 0].slice(0, values.length + (values.length % 2)))
      : words(values);
  return openDicomPixels(buildObject({ elements, pixelData: bytes }));
}

async function shown(...given: Parameters<typeof openRow>): Promise<number[]> {
  return Array.from((await renderFrame(openRow(...given), 0)).data);
}

const window = (centre: string, width: string, kind?: string): BuiltElement[] => [
  [0x00281050, 'DS', centre],
  [0x00281051, 'DS', width],
  ...(kind ? [[0x00281056, 'CS', kind] as const] : []),
];

describe('windows (PS3.3 C.11.2.1.2)', () => {
  it('LINEAR: the standard example, centre 2048 and width 4096 over 12 bits', () => {
    const f = windowFunction(2048, 4096, 'LINEAR');
    expect([f(0), f(4095)]).toEqual([0, 255]);
    expect(f(2047.5)).toBeCloseTo(127.5, 10);
  });
  it('LINEAR of width 1 is a threshold at centre - 0.5', () => {
    const f = windowFunction(100, 1, 'LINEAR');
    expect([f(99), f(99.5), f(99.6), f(100)]).toEqual([0, 0, 255, 255]);
  });
  it('LINEAR keeps the half-pixel offset that LINEAR_EXACT does not have', () => {
    expect(windowFunction(40, 400, 'LINEAR')(-160)).toBe(0);
    expect(windowFunction(40, 400, 'LINEAR')(-159)).toBeCloseTo(255 / 399, 10);
    expect(windowFunction(40, 400, 'LINEAR')(239)).toBe(255);
    expect(windowFunction(40, 400, 'LINEAR_EXACT')(-159)).toBeCloseTo(255 / 400, 10);
    expect(windowFunction(40, 400, 'LINEAR_EXACT')(240)).toBe(255);
  });
  it('SIGMOID is half at its centre and symmetrical about it', () => {
    const f = windowFunction(50, 100, 'SIGMOID');
    expect(f(50)).toBeCloseTo(127.5, 10);
    expect(f(20) + f(80)).toBeCloseTo(255, 10);
    expect(f(100)).toBeCloseTo(255 / (1 + Math.exp(-2)), 10);
  });
});

describe('the pipeline', () => {
  const ramp = [0, 1000, 2000, 3000, 4000];

  it('without a window the values of the frame fill the display, padding left out', async () => {
    expect(await shown(ramp)).toEqual([0, 64, 128, 191, 255]);
    expect(await shown([...ramp, 60_000], [[0x00280120, 'US', [60_000]]])).toEqual([0, 64, 128, 191, 255, 255]);
    expect(await shown([7, 7, 7])).toEqual([128, 128, 128]);
  });

  it('the first window of the object is the default, and holds after rescale', async () => {
    const rescale: BuiltElement[] = [
      ...window('0\\500', '2001\\10'),
      [0x00281052, 'DS', '-2000'],
      [0x00281053, 'DS', '1'],
    ];
    expect(await shown(ramp, rescale)).toEqual([0, 0, 128, 255, 255]);
  });

  it('a slope below zero and MONOCHROME1 turn the picture over, together not at all', async () => {
    const negative: BuiltElement[] = [
      [0x00281052, 'DS', '0'],
      [0x00281053, 'DS', '-1'],
    ];
    const mono1 = { photometric: 'MONOCHROME1' };
    expect(await shown(ramp, negative)).toEqual([255, 191, 128, 64, 0]);
    expect(await shown(ramp, [], mono1)).toEqual([255, 191, 127, 64, 0]);
    expect(await shown(ramp, negative, mono1)).toEqual([0, 64, 127, 191, 255]);
    const description = openRow(ramp, [], mono1);
    expect(Array.from((await renderFrame(description, 0, { invert: true })).data)).toEqual([0, 64, 128, 191, 255]);
  });

  it('a window asked for wins over all others', async () => {
    const description = openRow(ramp, window('5', '10'));
    const options: RenderOptions = { window: { centre: 2000.5, width: 2001 } };
    expect(Array.from((await renderFrame(description, 0, options)).data)).toEqual([0, 0, 128, 255, 255]);
  });

  it('a window asked for with a function obeys it, else the function of the image', async () => {
    const grey = async (own: string, asked: RenderOptions['window']) => {
      const picture = await renderFrame(openRow([0, 1, 2, 3, 4], window('5', '10', own)), 0, { window: asked });
      return [...picture.data].slice(0, 5);
    };
    const asked = { centre: 2, width: 4 };
    // PS3.3 C.11.2.1.2 and C.11.2.1.3, worked out by hand.
    expect(await grey('SIGMOID', { ...asked, function: 'LINEAR' })).toEqual([0, 85, 170, 255, 255]);
    expect(await grey('LINEAR', { ...asked, function: 'LINEAR_EXACT' })).toEqual([0, 64, 128, 191, 255]);
    expect(await grey('SIGMOID', asked)).toEqual([30, 69, 128, 186, 225]);
  });
  it('windows that mean nothing are not used', async () => {
    expect(await shown(ramp, window('2000', '0'))).toEqual([0, 64, 128, 191, 255]);
    expect(await shown(ramp, window('2000', 'abc'))).toEqual([0, 64, 128, 191, 255]);
  });

  it('a Modality LUT, then a VOI LUT with the first window absent', async () => {
    const modality: BuiltElement = [
      0x00283000,
      'SQ',
      [
        [
          [0x00283002, 'US', [3, 10, 16]],
          [0x00283004, 'LO', 'US'],
          [0x00283006, 'US', [100, 200, 400]],
        ],
      ],
    ];
    const voi: BuiltElement = [
      0x00283010,
      'SQ',
      [
        [
          [0x00283002, 'US', [4, 100, 8]],
          [0x00283006, 'US', [0, 51, 102, 255]],
        ],
      ],
    ];
    // below the first mapped value the first entry holds, above the last the last
    expect(await shown([0, 10, 11, 12, 500], [modality])).toEqual([0, 0, 85, 255, 255]);
    expect(await shown([9, 10, 11], [modality, voi])).toEqual([0, 0, 255]);
    const description = openRow([9, 10, 11], [modality]);
    expect(webPixelAttributes(description)).toMatchObject({
      bitsStored: 16,
      pixelRepresentation: 0,
      removed: ['00283000'],
    });
    expect(Array.from(new Uint16Array((await frameForWeb(description, 0)).bytes.slice().buffer))).toEqual([
      100, 100, 200,
    ]);
  });

  it('functional groups: a frame has its own rescale and window, else the shared ones', async () => {
    const group = (slope: string, centre: string): BuiltElement[] => [
      [0x00289132, 'SQ', [window(centre, '101')]],
      [
        0x00289145,
        'SQ',
        [
          [
            [0x00281052, 'DS', '0'],
            [0x00281053, 'DS', slope],
          ],
        ],
      ],
    ];
    const elements: BuiltElement[] = [
      ...imageModule({ rows: 1, columns: 2, frames: 3 }),
      [0x52009229, 'SQ', [group('1', '50')]],
      [0x52009230, 'SQ', [[], group('10', '500'), []]],
    ];
    const description = openDicomPixels(buildObject({ elements, pixelData: words([25, 75, 25, 75, 0, 100]) }));
    expect(transformsOfFrame(description, 0).modality).toMatchObject({ kind: 'linear', slope: 1 });
    expect(transformsOfFrame(description, 1)).toMatchObject({
      modality: { slope: 10 },
      voi: { windows: [{ centre: 500, width: 101, function: 'LINEAR' }] },
    });
    expect(Array.from((await renderFrame(description, 0)).data)).toEqual([65, 193]);
    expect(Array.from((await renderFrame(description, 1)).data)).toEqual([0, 255]);
    expect(Array.from((await renderFrame(description, 2)).data)).toEqual([1, 255]);
  });

  it('palettes of 8 and 16 bits, with a first mapped value and clamping, and segmented', async () => {
    const palette = (bits: number, ...tables: number[][]): BuiltElement[] => [
      ...[0, 1, 2].map((c): BuiltElement => [0x00281101 + c, 'US', [tables[c]?.length ?? 0, 2, bits]]),
      ...[0, 1, 2].map((c): BuiltElement => [0x00281201 + c, 'OW', words(tables[c] ?? [])]),
    ];
    const module = { photometric: 'PALETTE COLOR', allocated: 8 };
    const deep = palette(16, [0, 0x8000, 0xffff], [0xff00, 0, 0x1234], [1, 2, 3]);
    expect(await shown([0, 2, 3, 4, 9], deep, module)).toEqual(
      [
        [0, 255, 0],
        [0, 255, 0],
        [128, 0, 0],
        [255, 18, 0],
        [255, 18, 0],
      ].flatMap((rgb) => [...rgb, 255]),
    );
    const segmented: BuiltElement[] = [
      ...[1, 2, 3].map((c): BuiltElement => [0x00281100 + c, 'US', [5, 0, 16]]),
      // one value, then a ramp of four more
      ...[1, 2, 3].map((c): BuiltElement => [0x00281220 + c, 'OW', words([0, 1, 0, 1, 4, 0xff00])]),
    ];
    const greys = (await shown([0, 1, 2, 3, 4], segmented, module)).filter((_, i) => i % 4 === 0);
    expect(greys).toEqual([0, 63, 127, 191, 255]);
  });

  it('overlays in their own element and in the unused bits', async () => {
    const bits = [1, 0, 0, 1, 1, 0, 1, 0, 1];
    const packed = new Uint8Array(2);
    bits.forEach((bit, i) => {
      packed[i >> 3] = (packed[i >> 3] ?? 0) | (bit << (i & 7));
    });
    const plane = (group: number, ...more: BuiltElement[]): BuiltElement[] => [
      [group * 65_536 + 0x0010, 'US', [3]],
      [group * 65_536 + 0x0011, 'US', [3]],
      [group * 65_536 + 0x0040, 'CS', 'G'],
      [group * 65_536 + 0x0050, 'SS', [1, 1]],
      ...more,
    ];
    const elements = [
      ...imageModule({ rows: 3, columns: 3, stored: 12 }),
      ...plane(0x6000, [0x60000100, 'US', [1]], [0x60000102, 'US', [0]], [0x60003000, 'OW', packed]),
      ...plane(0x6002, [0x60020100, 'US', [16]], [0x60020102, 'US', [15]]),
    ];
    const cells = bits.map((bit, i) => (bit << 15) | (i * 400));
    const description = openDicomPixels(buildObject({ elements, pixelData: words(cells) }));
    const [own, embedded] = description.overlays;
    expect(own && Array.from(overlayBitsOfFrame(own, 0) ?? [])).toEqual(bits);
    expect(embedded && Array.from(await decodeEmbeddedOverlay(description, embedded, 0))).toEqual(bits);
    expect(Array.from((await decodeFrame(description, 0)).data)).toEqual(bits.map((_, i) => i * 400));
    // and the viewer is not sent the overlay as brightness
    expect(Array.from(new Uint16Array((await frameForWeb(description, 0)).bytes.slice().buffer))[0]).toBe(0);
  });
});

describe('what the frames route sends', () => {
  it('stored little-endian cells are a view of the file, not a copy', async () => {
    const file = buildObject({ elements: imageModule({ frames: 2 }), pixelData: words(Array(32).fill(9)) });
    const web = await frameForWeb(openDicomPixels(file), 1);
    expect(web.bytes.buffer).toBe(file.buffer);
    expect(web.bytes.length).toBe(32);
  });
  it('signed 8-bit, 1-bit, deep colour and double floats change their attributes', async () => {
    const signed = openRow([200, 100], [], { allocated: 8, signed: true });
    expect(webPixelAttributes(signed)).toMatchObject({ bitsAllocated: 16, bitsStored: 16, pixelRepresentation: 1 });
    expect(Array.from(new Int16Array((await frameForWeb(signed, 0)).bytes.slice().buffer))).toEqual([-56, 100]);
    const bit = openRow([1, 0], [], { allocated: 1, columns: 8 });
    expect(webPixelAttributes(bit)).toMatchObject({ bitsAllocated: 8, bitsStored: 1, highBit: 0 });
    expect(Array.from((await frameForWeb(bit, 0)).bytes)).toEqual([1, 0, 0, 0, 0, 0, 0, 0]);
    const deep = openRow([0x1234, 0xff00, 0x00ff], [], { samples: 3, photometric: 'RGB', planar: 0, columns: 1 });
    expect(webPixelAttributes(deep)).toMatchObject({ bitsAllocated: 8, samplesPerPixel: 3, planarConfiguration: 0 });
    expect(Array.from((await frameForWeb(deep, 0)).bytes)).toEqual([0x12, 0xff, 0]);
    const elements: BuiltElement[] = [
      ...imageModule({ rows: 1, columns: 1 }),
      [0x7fe00009, 'OD', new Uint8Array(new Float64Array([2.5]).buffer)],
    ];
    const double = openDicomPixels(buildObject({ elements }));
    expect(webPixelAttributes(double)).toMatchObject({ bitsAllocated: 32, removed: ['00280103'] });
    expect(webPixelAttributes(double).pixelRepresentation).toBeUndefined();
    expect(Array.from(new Float32Array((await frameForWeb(double, 0)).bytes.slice().buffer))).toEqual([2.5]);
  });
});

describe('scaling and coding', () => {
  const checker: Picture = {
    width: 4,
    height: 4,
    channels: 1,
    data: Uint8Array.from({ length: 16 }, (_, i) => ((i + (i >> 2)) % 2) * 255),
  };
  it('shrinking averages areas and keeps the mean', () => {
    expect(Array.from(resample(checker, 2, 2).data)).toEqual([128, 128, 128, 128]);
    const thirds = resample({ width: 3, height: 1, channels: 1, data: Uint8Array.of(0, 90, 240) }, 2, 1);
    expect(Array.from(thirds.data)).toEqual([30, 190]);
  });
  it('growing interpolates and keeps the ends', () => {
    const grown = resample({ width: 2, height: 1, channels: 1, data: Uint8Array.of(0, 100) }, 4, 1);
    expect(Array.from(grown.data)).toEqual([0, 25, 75, 100]);
    expect(Array.from(resample({ width: 1, height: 1, channels: 1, data: Uint8Array.of(9) }, 3, 2).data)).toEqual(
      Array(6).fill(9),
    );
  });
  it('a thumbnail keeps the true proportions of pixels that are not square', async () => {
    const elements: BuiltElement[] = [...imageModule({ rows: 4, columns: 8 }), [0x00280030, 'DS', '2\\0.5']];
    const description = openDicomPixels(buildObject({ elements, pixelData: words(Array(32).fill(1)) }));
    expect(await renderFrame(description, 0, { width: 100, height: 100 })).toMatchObject({ width: 50, height: 100 });
    expect(await renderFrame(description, 0)).toMatchObject({ width: 8, height: 4 });
  });
  it('PNG brings every value back, grey and colour; JPEG nearly', () => {
    const png = PNG.sync.read(Buffer.from(encodePng(checker)));
    expect(Array.from(png.data).filter((_, i) => i % 4 === 0)).toEqual(Array.from(checker.data));
    const colour: Picture = { width: 2, height: 1, channels: 4, data: Uint8Array.of(1, 2, 3, 255, 250, 128, 7, 255) };
    expect(Array.from(PNG.sync.read(Buffer.from(encodePng(colour))).data)).toEqual(Array.from(colour.data));
    const flat: Picture = { width: 16, height: 8, channels: 1, data: new Uint8Array(128).fill(90) };
    const decoded = jpeg.decode(encodeJpeg(flat, 90), { useTArray: true });
    expect(decoded).toMatchObject({ width: 16, height: 8 });
    for (const value of decoded.data.filter((_, i) => i % 4 === 0)) expect(Math.abs(value - 90)).toBeLessThanOrEqual(2);
  });
});

const samples = join(import.meta.dirname, '../../../../../shared/dicom-samples');

describe.skipIf(!existsSync(samples) || !hasCommand('dcmj2pnm'))(
  'rendered frames equal DCMTK within one grey level (needs DCMTK, ../shared/dicom-samples)',
  () => {
    /** Grey or RGB bytes of a binary PGM or PPM that dcmj2pnm wrote. */
    function dcmtkPicture(file: string, options: readonly string[]): Uint8Array {
      const folder = mkdtempSync(join(tmpdir(), 'salus-pnm-'));
      try {
        const target = join(folder, 'out.pnm');
        execFileSync('dcmj2pnm', ['-O', '+op', ...options, file, target], { stdio: 'ignore' });
        const bytes = readFileSync(target);
        let at = 0;
        for (let fields = 0; fields < 4; at++) {
          if (bytes[at] === 0x23) while (bytes[at] !== 0x0a) at++;
          if ((bytes[at] ?? 0) <= 0x20 && (bytes[at - 1] ?? 0) > 0x20) fields++;
        }
        return new Uint8Array(bytes.subarray(at));
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    }
    const cases: readonly (readonly [file: string, options: string[], RenderOptions])[] = [
      ['single-frame/dicompyler-ct.0.dcm', ['+Ww', '40', '400'], { window: { centre: 40, width: 400 } }],
      ['single-frame/dicompyler-ct.0.dcm', ['+Ww', '-600', '1500'], { window: { centre: -600, width: 1500 } }],
      ['single-frame/dicompyler-ct.0.dcm', ['+Wi', '1'], {}],
      ['single-frame/gdcm-CR-MONO1-10-chest.dcm', ['+Wi', '1'], {}],
      ['single-frame/nema-mr1_jply.dcm', ['+Wi', '1'], {}],
      ['single-frame/dwv-test-simple.dcm', ['+Wm'], { window: { centre: 0, width: 0 } }],
      ['pydicom/JPEG-LL.dcm', ['+Ww', '100', '200'], { window: { centre: 100, width: 200 } }],
      ['pydicom/emri_small.dcm', ['+Ww', '100', '150'], { window: { centre: 100, width: 150 } }],
      ['seg/ct-3slice/01.dcm', ['+Ww', '50', '350'], { window: { centre: 50, width: 350 } }],
      ['pydicom/OBXXXX1A.dcm', [], {}],
      ['single-frame/gdcm-US-RGB-8-epicard.dcm', [], {}],
    ];
    for (const [file, options, render] of cases) {
      it(`${file} ${options.join(' ')}`, async () => {
        const path = join(samples, file);
        const description = openDicomPixels(readFileSync(path));
        const picture = await renderFrame(description, 0, render);
        const expected = dcmtkPicture(path, options);
        const ours = picture.channels === 1 ? picture.data : picture.data.filter((_, i) => i % 4 !== 3);
        expect(ours.length).toBe(expected.length);
        let largest = 0;
        for (let i = 0; i < ours.length; i++)
          largest = Math.max(largest, Math.abs((ours[i] ?? 0) - (expected[i] ?? 0)));
        // DCMTK truncates where this renderer rounds
        expect(largest).toBeLessThanOrEqual(1);
      });
    }
  },
);

describe.skipIf(!existsSync(samples) || !referencePython())(
  'palettes equal pydicom (needs pydicom with numpy, ../shared/dicom-samples)',
  () => {
    // the second has segmented tables, which DCMTK does not read
    for (const file of ['pydicom/OBXXXX1A.dcm', 'pydicom/gdcm-US-ALOKA-16.dcm']) {
      it(file, async () => {
        const path = join(samples, file);
        const { data } = await renderFrame(openDicomPixels(readFileSync(path)), 0);
        const expected = pydicomFrame(path, 0, true)?.values ?? [];
        expect(data.length).toBe((expected.length / 3) * 4);
        let different = 0;
        for (let i = 0; i < expected.length; i++) {
          if (data[Math.floor(i / 3) * 4 + (i % 3)] !== expected[i]) different++;
        }
        expect(different).toBe(0);
      });
    }
  },
);
