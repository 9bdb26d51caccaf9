import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { frameAttributesOf } from '../../app/domains/imaging/frameAttributes.ts';
import { valueScaleOf } from '../../app/domains/imaging/measurementRules.ts';
import type { LoadedFrame } from './cornerstoneFrames.ts';
import {
  draggedWindow,
  type GreyNode,
  greyNodes,
  readTexels,
  tableCurve,
  wantsVoiTable,
  windowOf,
} from './pictureWindow.ts';

function frame(
  more: object = {},
  values: { minimum: number; maximum: number } = { minimum: 0, maximum: 4095 },
): LoadedFrame {
  const attributes = frameAttributesOf(
    {
      '00280010': { vr: 'US', Value: [2] },
      '00280011': { vr: 'US', Value: [2] },
      '00280002': { vr: 'US', Value: [1] },
      '00280004': { vr: 'CS', Value: ['MONOCHROME2'] },
      '00280100': { vr: 'US', Value: [16] },
      '00280101': { vr: 'US', Value: [12] },
      '00280103': { vr: 'US', Value: [0] },
      ...more,
    },
    1,
  );
  return {
    attributes,
    stored: new Uint16Array(4),
    scale: valueScaleOf(attributes),
    ...values,
    syntaxUid: '',
    repaired: [],
    voiTable: undefined,
  };
}
const rescaled = (slope: number, intercept: number) => ({
  '00281053': { vr: 'DS', Value: [slope] },
  '00281052': { vr: 'DS', Value: [intercept] },
});

/** What the graphics card does with the nodes: straight lines between them, flat outside. */
function greyAt(nodes: readonly GreyNode[], value: number): number {
  const after = nodes.findIndex((node) => node.value >= value);
  if (after === 0) return nodes[0]!.grey;
  if (after < 0) return nodes.at(-1)!.grey;
  const [a, b] = [nodes[after - 1]!, nodes[after]!];
  return a.grey + ((value - a.value) / (b.value - a.value)) * (b.grey - a.grey);
}

/** PS3.3 C.11.2.1.2.1, written down as the standard has it, on modality values. */
function standardGrey(x: number, c: number, w: number): number {
  if (x <= c - 0.5 - (w - 1) / 2) return 0;
  if (x > c - 0.5 + (w - 1) / 2) return 1;
  return (x - (c - 0.5)) / (w - 1) + 0.5;
}

describe('the grey of a value', () => {
  it('is the standard’s for any linear window and rescale, negative slopes included', () => {
    const slope = fc.oneof(
      fc.double({ min: 0.1, max: 10, noNaN: true }),
      fc.double({ min: -10, max: -0.1, noNaN: true }),
    );
    fc.assert(
      fc.property(
        slope,
        fc.integer({ min: -2000, max: 2000 }),
        fc.integer({ min: -500, max: 500 }),
        fc.integer({ min: 2, max: 3000 }),
        fc.nat(4095),
        (m, b, centre, width, stored) => {
          const nodes = greyNodes(frame(rescaled(m, b)), { centre, width, function: 'LINEAR' }, false);
          expect(greyAt(nodes, stored)).toBeCloseTo(standardGrey(stored * m + b, centre, width), 5);
        },
      ),
    );
  });
  it('turns around for MONOCHROME1, for an inversion, and twice for both', () => {
    const window = { centre: 50, width: 101, function: 'LINEAR_EXACT' } as const;
    const first = { '00280004': { vr: 'CS', Value: ['MONOCHROME1'] } };
    expect(greyAt(greyNodes(frame(), window, false), 0)).toBeLessThan(0.1);
    expect(greyAt(greyNodes(frame(first), window, false), 0)).toBeGreaterThan(0.9);
    expect(greyAt(greyNodes(frame(), window, true), 0)).toBeGreaterThan(0.9);
    expect(greyAt(greyNodes(frame(first), window, true), 0)).toBeLessThan(0.1);
  });
  it('follows a sigmoid', () => {
    const sigmoid = greyNodes(frame(), { centre: 100, width: 80, function: 'SIGMOID' }, false);
    expect(greyAt(sigmoid, 100)).toBeCloseTo(0.5, 3);
    expect(greyAt(sigmoid, 120)).toBeCloseTo(1 / (1 + Math.exp(-1)), 3);
  });
});

describe('a VOI table', () => {
  /** What vtk.js and the card make of a curve: texels sampled at even distances of the range, read between their middles. */
  function card(nodes: readonly GreyNode[], texels: number): (value: number) => number {
    const [lower, upper] = [nodes[0]!.value, nodes.at(-1)!.value];
    const sampled = Array.from({ length: texels }, (_, texel) => {
      const at = lower + (texel * (upper - lower)) / (texels - 1);
      return { value: at, grey: Math.floor(255 * greyAt(nodes, at) + 1e-6) / 255 };
    });
    return (value) => readTexels(sampled, (value - lower) / (upper - lower));
  }
  /** The host's own reading of a table (PS3.3 C.11.2.1.1), from the modality value. */
  function hosted(
    { first, bits, values }: { first: number; bits: number; values: Uint16Array },
    value: number,
  ): number {
    const index = Math.min(values.length - 1, Math.max(0, Math.round(value) - first));
    return values[index]! / (2 ** bits - 1);
  }

  it('of any values is drawn within 1 of 255 of what the host draws', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -3000, max: 3000 }),
        fc.array(fc.nat(4095), { minLength: 2, maxLength: 1500 }),
        fc.integer({ min: 1, max: 700 }),
        fc.constantFrom([1, 0], [2, -1000], [-1, 500]),
        (first, entries, span, [slope, intercept]) => {
          const table = { first, bits: 12, values: Uint16Array.from(entries) };
          const extremes = { minimum: 10, maximum: 10 + span };
          const image = frame(rescaled(slope as number, intercept as number), extremes);
          const { nodes, texels, deviation } = tableCurve(image, false, table, 8192);
          expect(deviation).toBe(0);
          const drawn = card(nodes, texels);
          for (let stored = 10; stored <= 10 + span; stored += 1 + Math.floor(span / 100)) {
            const said = hosted(table, stored * (slope as number) + (intercept as number));
            expect(Math.abs(drawn(stored) - said) * 255).toBeLessThanOrEqual(1.01);
          }
        },
      ),
      { numRuns: 30 },
    );
  });
  it('turns around with the picture', () => {
    const table = { first: 10, bits: 8, values: Uint16Array.from([0, 255, 51]) };
    const { nodes } = tableCurve(frame({}, { minimum: 10, maximum: 12 }), true, table, 8192);
    expect(nodes.map(({ grey }) => grey)).toEqual([1, 0, 0.8]);
  });
  it('finer than the card tells how far the picture is from it', () => {
    const values = Uint16Array.from({ length: 4096 }, (_, index) => (index % 2) * 255);
    const image = frame({}, { minimum: 0, maximum: 4095 });
    expect(tableCurve(image, false, { first: 0, bits: 8, values }, 1024).deviation).toBeGreaterThan(0.4);
    const smooth = Uint16Array.from({ length: 4096 }, (_, index) => index);
    expect(tableCurve(image, false, { first: 0, bits: 12, values: smooth }, 1024).deviation).toBeLessThan(1 / 255);
  });
  it('over more values than can be compared one by one tells the same', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -3000, max: 300_000 }),
        fc.array(fc.nat(255), { minLength: 2, maxLength: 2000 }),
        fc.constantFrom([1, 0], [0.01, -100], [-3, 500]),
        (tableFirst, entries, [slope, intercept]) => {
          const table = { first: tableFirst, bits: 8, values: Uint16Array.from(entries) };
          const image = frame(rescaled(slope as number, intercept as number), { minimum: -10, maximum: 300_000 });
          const { nodes, deviation } = tableCurve(image, false, table, 1024);
          let most = 0;
          const values = 300_011;
          for (let value = 0; value < values; value += 1) {
            const grey = hosted(table, (value - 10) * (slope as number) + (intercept as number));
            most = Math.max(most, Math.abs(readTexels(nodes, (value + 0.5) / values) - grey));
          }
          expect(deviation).toBeCloseTo(most, 9);
        },
      ),
      { numRuns: 20 },
    );
  });
  it('over the values of 32 bits is there at once, and over values without an end is not used', () => {
    const table = { first: 0, bits: 8, values: Uint16Array.of(0, 255) };
    const began = performance.now();
    const image = frame({}, { minimum: -(2 ** 31), maximum: 2 ** 31 - 1 });
    expect(tableCurve(image, false, table, 16_384).deviation).toBeGreaterThan(0.4);
    expect(performance.now() - began).toBeLessThan(1000);
    const loaded = { ...image, voiTable: table };
    expect(wantsVoiTable(loaded)).toBe(true);
    expect(wantsVoiTable({ ...loaded, maximum: Number.POSITIVE_INFINITY })).toBe(false);
  });
});

describe('the first window', () => {
  it('is the image’s own', () => {
    const own = { '00281050': { vr: 'DS', Value: [40, 300] }, '00281051': { vr: 'DS', Value: [400, 1500] } };
    expect(windowOf(frame(own))).toMatchObject({ centre: 40, width: 400, function: 'LINEAR' });
  });
  it('covers all values where the image has none, in modality values', () => {
    expect(windowOf(frame(rescaled(-2, 10), { minimum: 0, maximum: 100 }))).toMatchObject({ centre: -90, width: 200 });
  });
  it('leaves padding out, and what is no number', () => {
    const padded = (stored: Int16Array<ArrayBuffer> | Float32Array<ArrayBuffer>, more: object = {}) => ({
      ...frame(
        { '00280103': { vr: 'US', Value: [1] }, '00280101': { vr: 'US', Value: [16] }, ...more },
        { minimum: Math.min(...stored), maximum: Math.max(...stored) },
      ),
      stored,
    });
    const air = { '00280120': { vr: 'SS', Value: [-32_768] } };
    expect(windowOf(padded(Int16Array.of(-32_768, 10, 110, 60), air))).toMatchObject({ centre: 60, width: 100 });
    const range = { ...air, '00280121': { vr: 'SS', Value: [20] } };
    expect(windowOf(padded(Int16Array.of(-32_768, 10, 110, 60), range))).toMatchObject({ centre: 85, width: 50 });
    const map = Float32Array.of(Number.NEGATIVE_INFINITY, 1, 3, Number.NaN);
    expect(windowOf(padded(map))).toMatchObject({ centre: 2, width: 2 });
    // All padding: black, as the host has it.
    const empty = padded(Int16Array.of(-32_768, -32_768), air);
    expect(greyAt(greyNodes(empty, windowOf(empty), false), -32_768)).toBe(0);
  });
  it('of signed bytes covers the negative ones', () => {
    const signed = { '00280103': { vr: 'US', Value: [1] }, '00280101': { vr: 'US', Value: [8] } };
    expect(windowOf(frame(signed, { minimum: -100, maximum: 20 }))).toMatchObject({ centre: -40, width: 120 });
  });
  it('is soft tissue where the values are Hounsfield units and the image has none', () => {
    const ct = { ...rescaled(1, -1024), '00080060': { vr: 'CS', Value: ['CT'] } };
    expect(windowOf(frame(ct, { minimum: 0, maximum: 4095 }))).toMatchObject({ centre: 50, width: 400 });
    // A localizer's values are no Hounsfield units.
    const localizer = { ...ct, '00080008': { vr: 'CS', Value: ['ORIGINAL', 'PRIMARY', 'LOCALIZER'] } };
    expect(windowOf(frame(localizer, { minimum: 0, maximum: 4095 }))).toMatchObject({ width: 4095 });
  });
  it('shows eight bits as they are, and one bit as black and white', () => {
    const bits = (stored: number) => ({ '00280101': { vr: 'US', Value: [stored] } });
    expect(windowOf(frame(bits(8)))).toMatchObject({ centre: 128, width: 256 });
    expect(windowOf(frame(bits(1)))).toMatchObject({ centre: 1, width: 2 });
  });
});

describe('a window moved by hand', () => {
  it('stays itself where nothing moved, and moves in proportion on a map of small values', () => {
    const map = { centre: 0.001, width: 0.002, function: 'LINEAR_EXACT' as const };
    expect(draggedWindow(map, 0, 0)).toEqual(map);
    expect(draggedWindow(map, 30, 0).width).toBeCloseTo(0.0022, 6);
    expect(draggedWindow({ centre: 40, width: 400, function: 'LINEAR' }, -10_000, 0).width).toBe(1);
  });
});
