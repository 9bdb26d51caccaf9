import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { frameAttributesOf } from '../../app/domains/imaging/frameAttributes.ts';
import { valueScaleOf } from '../../app/domains/imaging/measurementRules.ts';
import type { LoadedFrame } from './cornerstoneFrames.ts';
import { draggedWindow, type GreyNode, greyNodes, windowOf } from './pictureWindow.ts';

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
          const nodes = greyNodes(frame(rescaled(m, b)), { centre, width, function: 'LINEAR' }, false, undefined);
          expect(greyAt(nodes, stored)).toBeCloseTo(standardGrey(stored * m + b, centre, width), 5);
        },
      ),
    );
  });
  it('turns around for MONOCHROME1, for an inversion, and twice for both', () => {
    const window = { centre: 50, width: 101, function: 'LINEAR_EXACT' } as const;
    const first = { '00280004': { vr: 'CS', Value: ['MONOCHROME1'] } };
    expect(greyAt(greyNodes(frame(), window, false, undefined), 0)).toBeLessThan(0.1);
    expect(greyAt(greyNodes(frame(first), window, false, undefined), 0)).toBeGreaterThan(0.9);
    expect(greyAt(greyNodes(frame(), window, true, undefined), 0)).toBeGreaterThan(0.9);
    expect(greyAt(greyNodes(frame(first), window, true, undefined), 0)).toBeLessThan(0.1);
  });
  it('follows a sigmoid and a table', () => {
    const sigmoid = greyNodes(frame(), { centre: 100, width: 80, function: 'SIGMOID' }, false, undefined);
    expect(greyAt(sigmoid, 100)).toBeCloseTo(0.5, 3);
    expect(greyAt(sigmoid, 120)).toBeCloseTo(1 / (1 + Math.exp(-1)), 3);
    const table = greyNodes(frame(), windowOf(frame()), false, {
      first: 10,
      bits: 8,
      values: Uint16Array.from([0, 255, 51]),
    });
    expect([10, 11, 12].map((value) => Number(greyAt(table, value).toFixed(9)))).toEqual([0, 1, 0.2]);
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
