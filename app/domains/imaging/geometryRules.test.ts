import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type FrameAttributes, frameAttributesOf, type Vector3 } from './frameAttributes.ts';
import {
  cross,
  patientToPixel,
  pixelToPatient,
  positionAlongNormal,
  proveVolume,
  sortFrames,
} from './geometryRules.ts';
import { axisLettersOf, edgeLetters, lettersOf, oppositeLetters } from './orientationRules.ts';
import { presetsFor, windowRange } from './windowPresets.ts';

const us = (...values: number[]) => ({ vr: 'US', Value: values });
const ds = (...values: number[]) => ({ vr: 'DS', Value: values });
const cs = (...values: string[]) => ({ vr: 'CS', Value: values });

function slice(position: Vector3, more: object = {}, orientation = [1, 0, 0, 0, 1, 0]): FrameAttributes {
  return frameAttributesOf(
    {
      '00080060': cs('CT'),
      '00080018': { vr: 'UI', Value: [`1.${position.map((each) => Math.round(Math.abs(each) * 1000)).join('.')}`] },
      '00200052': { vr: 'UI', Value: ['1.2.3'] },
      '00280002': us(1),
      '00280004': cs('MONOCHROME2'),
      '00280010': us(8),
      '00280011': us(8),
      '00280030': ds(1, 1),
      '00200037': ds(...orientation),
      '00200032': ds(...position),
      '00281052': ds(0),
      '00281053': ds(1),
      ...more,
    },
    1,
  );
}
const stack = (count: number, step: Vector3 = [0, 0, 3]) =>
  Array.from({ length: count }, (_, index) => slice([step[0] * index, step[1] * index, step[2] * index]));

const angle = fc.double({ min: -3.1, max: 3.1, noNaN: true });
/** Any rotation, from three turns: rows and columns stay perpendicular unit vectors. */
const plane = fc
  .tuple(angle, angle, angle, fc.array(fc.double({ min: -300, max: 300, noNaN: true }), { minLength: 3, maxLength: 3 }))
  .map(([a, b, c, origin]) => {
    const turn = ([x, y, z]: Vector3): Vector3 => {
      const x1 = x * Math.cos(a) - y * Math.sin(a);
      const y1 = x * Math.sin(a) + y * Math.cos(a);
      const x2 = x1 * Math.cos(b) + z * Math.sin(b);
      const z2 = -x1 * Math.sin(b) + z * Math.cos(b);
      return [x2, y1 * Math.cos(c) - z2 * Math.sin(c), y1 * Math.sin(c) + z2 * Math.cos(c)];
    };
    return { originMm: origin as unknown as Vector3, rowDirection: turn([1, 0, 0]), columnDirection: turn([0, 1, 0]) };
  });

describe('pixels and the patient', () => {
  it('go there and back in any plane', () => {
    fc.assert(
      fc.property(
        plane,
        fc.double({ min: -100, max: 600, noNaN: true }),
        fc.double({ min: -100, max: 600, noNaN: true }),
        (at, column, row) => {
          const mm = { rowMm: 0.7, columnMm: 1.3 };
          const back = patientToPixel(at, mm, pixelToPatient(at, mm, [column, row]));
          expect(back.point[0]).toBeCloseTo(column, 6);
          expect(back.point[1]).toBeCloseTo(row, 6);
          expect(back.offPlaneMm).toBeCloseTo(0, 6);
        },
      ),
    );
  });
  it('keep distances: pixels apart are as far apart in the patient', () => {
    fc.assert(
      fc.property(plane, (at) => {
        const mm = { rowMm: 2, columnMm: 0.5 };
        const a = pixelToPatient(at, mm, [0, 0]);
        const b = pixelToPatient(at, mm, [6, 2]);
        expect(Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2])).toBeCloseTo(5, 6);
      }),
    );
  });
});

describe('a volume', () => {
  it('is proven from regular slices in any order', () => {
    const shuffled = [...stack(12)].reverse();
    shuffled.push(shuffled.shift()!);
    const proof = proveVolume(shuffled);
    expect(proof).toMatchObject({ volume: { dimensions: [8, 8, 12], originMm: [0, 0, 0] } });
    expect('volume' in proof && proof.volume.spacingMm[2]).toBeCloseTo(3, 9);
  });
  it.each([
    ['tooFewSlices', stack(3)],
    ['missingSlices', stack(12).filter((_, index) => index !== 5)],
    ['irregularSpacing', [...stack(12).slice(0, 11), slice([0, 0, 34.3])]],
    ['tilted', stack(12, [0, 0.4, 3])],
    // A gantry tilted by 4.5° and slices of 0.6 mm: 0.049 mm from slice to slice, 2 mm over these forty.
    ['tilted', stack(40, [0, 0.049, 0.623])],
    // Each step is within 2 % of the others; the middle lies a quarter of a slice off a regular grid.
    [
      'irregularSpacing',
      Array.from({ length: 60 }, (_, index) =>
        slice([0, 0, index < 30 ? index * 0.991 : 29.73 + (index - 30) * 1.009]),
      ),
    ],
    // Half a degree from first to last: four pixels at the far corner of a matrix of 512.
    [
      'orientationDiffers',
      Array.from({ length: 12 }, (_, index) => {
        const turn = ((index / 11) * 0.5 * Math.PI) / 180;
        const [c, s] = [Math.cos(turn), Math.sin(turn)];
        return slice([0, 0, index], { '00280010': us(512), '00280011': us(512) }, [c, s, 0, -s, c, 0]);
      }),
    ],
    ['samePosition', [...stack(12), slice([0, 0, 33])]],
    ['orientationDiffers', [...stack(12), slice([0, 0, 36], {}, [1, 0, 0, 0, 0.999, 0.0447])]],
    ['frameOfReferenceDiffers', [...stack(12), slice([0, 0, 36], { '00200052': { vr: 'UI', Value: ['1.9'] } })]],
    ['spacingDiffers', [...stack(12), slice([0, 0, 36], { '00280030': ds(1, 1.1) })]],
    ['sizeDiffers', [...stack(12), slice([0, 0, 36], { '00280010': us(9) })]],
    ['valuesDiffer', [...stack(12), slice([0, 0, 36], { '00281053': ds(2) })]],
    ['noPosition', [...stack(12), slice([0, 0, 36], { '00200032': undefined })]],
    ['colour', [...stack(12), slice([0, 0, 36], { '00280002': us(3) })]],
  ])('is refused as %s', (refusal, frames) => {
    expect(proveVolume(frames)).toEqual({ refusal });
  });
  it('is proven from positions rounded to a hundredth of a millimetre', () => {
    const round = (value: number) => Math.round(value * 100) / 100;
    const rounded = Array.from({ length: 300 }, (_, index) =>
      slice([round(index * 0.001), -150.37, round(index * 0.625)]),
    );
    expect(proveVolume(rounded)).toHaveProperty('volume');
  });
  it('is sorted along its normal, the end numbered first in front, or by number where positions say nothing', () => {
    const numbered = (numbers: readonly number[]) =>
      numbers.map((number, index) => slice([0, 0, 3 * index], { '00200013': { vr: 'IS', Value: [number] } }));
    const places = (frames: FrameAttributes[]) => sortFrames(frames).map((frame) => frame.plane?.originMm[2]);
    expect(places(numbered([1, 2, 3, 4]))).toEqual([0, 3, 6, 9]);
    expect(places(numbered([9, 2, 3, 4]).reverse())).toEqual([9, 6, 3, 0]);
    const unplaced = [3, 1, 2].map((number) =>
      slice([0, 0, 0], { '00200013': { vr: 'IS', Value: [number] }, '00200032': undefined }),
    );
    expect(sortFrames(unplaced).map((frame) => frame.instanceNumber)).toEqual([1, 2, 3]);
  });
  it('has its multi-frame frames sorted by place too', () => {
    const groups = [6, 0, 3].map((z) => ({ '00209113': { vr: 'SQ', Value: [{ '00200032': ds(0, 0, z) }] } }));
    const dataset = {
      '00280008': { vr: 'IS', Value: [3] },
      '00200037': ds(1, 0, 0, 0, 1, 0),
      '52009230': { vr: 'SQ', Value: groups },
    };
    const frames = [1, 2, 3].map((frame) => frameAttributesOf(dataset, frame));
    expect(sortFrames(frames).map((frame) => frame.frame)).toEqual([1, 3, 2]);
  });
});

describe('orientation letters', () => {
  it('name each end of a plain axial slice', () => {
    const axes = axisLettersOf(slice([0, 0, 0]));
    expect(edgeLetters(axes, [1, 0], [0, 1])).toEqual({ top: ['A'], right: ['L'], bottom: ['P'], left: ['R'] });
  });
  it('follow a flip and a quarter turn', () => {
    const axes = axisLettersOf(slice([0, 0, 0]));
    expect(edgeLetters(axes, [-1, 0], [0, 1])).toEqual({ top: ['A'], right: ['R'], bottom: ['P'], left: ['L'] });
    expect(edgeLetters(axes, [0, 1], [-1, 0])).toEqual({ top: ['R'], right: ['A'], bottom: ['L'], left: ['P'] });
  });
  it('are absent when unknown, and read from a projection that says them', () => {
    const unknown = axisLettersOf(slice([0, 0, 0], { '00200037': undefined }));
    expect(edgeLetters(unknown, [1, 0], [0, 1])).toEqual({ top: [], right: [], bottom: [], left: [] });
    const projection = axisLettersOf(slice([0, 0, 0], { '00200037': undefined, '00200020': cs('L', 'F') }));
    expect(edgeLetters(projection, [1, 0], [0, 1])).toEqual({ top: ['H'], right: ['L'], bottom: ['F'], left: ['R'] });
    expect(axisLettersOf(slice([0, 0, 0], { '00200037': undefined, '00200020': cs('LE', 'D') }))).toEqual({
      row: [],
      column: [],
    });
  });
  it('of a direction and its reverse are opposite', () => {
    fc.assert(
      fc.property(plane, ({ rowDirection: [x, y, z] }) => {
        expect(lettersOf([-x, -y, -z])).toEqual(oppositeLetters(lettersOf([x, y, z])));
        expect(lettersOf([x, y, z]).length).toBeGreaterThan(0);
      }),
    );
  });
  it('never put the same letters on two edges', () => {
    fc.assert(
      fc.property(plane, angle, ({ rowDirection, columnDirection }, turn) => {
        const axes = { row: lettersOf(rowDirection), column: lettersOf(columnDirection) };
        const edges = edgeLetters(axes, [Math.cos(turn), Math.sin(turn)], [-Math.sin(turn), Math.cos(turn)]);
        if (edges.left.length > 0) expect(edges.right).toEqual(oppositeLetters(edges.left));
        expect(cross(rowDirection, columnDirection).every(Number.isFinite)).toBe(true);
      }),
    );
  });
});

describe('the position of a slice', () => {
  const positionOf = (frame: FrameAttributes) => positionAlongNormal(frame.plane!);
  it('is the coordinate of its axis where it lies straight, whichever way its normal points', () => {
    expect(positionOf(slice([-100, -90, 40]))).toBe(40);
    expect(positionOf(slice([-100, -90, -40], {}, [-1, 0, 0, 0, 1, 0]))).toBe(-40);
    expect(positionOf(slice([-100, 25, 40], {}, [1, 0, 0, 0, 0, -1]))).toBe(25);
    expect(positionOf(slice([7, 25, 40], {}, [0, 1, 0, 0, 0, -1]))).toBe(7);
  });
  it('of a tilted stack does not depend on the corner, and grows by the distance of the slices', () => {
    const tilt = (20 * Math.PI) / 180;
    const orientation = [1, 0, 0, 0, Math.cos(tilt), Math.sin(tilt)];
    const near = slice([-100, -90, 40], {}, orientation);
    // The same plane cut to another part of it: 60 mm down its columns.
    const cropped = slice([-100, -90 + 60 * Math.cos(tilt), 40 + 60 * Math.sin(tilt)], {}, orientation);
    expect(positionOf(cropped)).toBeCloseTo(positionOf(near), 9);
    const next = slice([-100, -90 - 3 * Math.sin(tilt), 40 + 3 * Math.cos(tilt)], {}, orientation);
    expect(positionOf(next) - positionOf(near)).toBeCloseTo(3, 9);
  });
});

describe('windows', () => {
  it('have the ends of PS3.3 C.11.2.1.2', () => {
    expect(windowRange({ centre: 2048, width: 4096, function: 'LINEAR' })).toEqual({ lower: 0, upper: 4095 });
    expect(windowRange({ centre: 2048, width: 4096, function: 'LINEAR_EXACT' })).toEqual({ lower: 0, upper: 4096 });
  });
  it('put the image’s own first and offer Hounsfield windows to CT alone', () => {
    const frame = slice([0, 0, 0], { '00180015': cs('CHEST'), '00281050': ds(40), '00281051': ds(350) });
    const presets = presetsFor(frame, true);
    expect(presets[0]).toMatchObject({ key: 1, name: 'image', centre: 40, width: 350 });
    expect(presets[1]).toMatchObject({ key: 2, name: 'lung', centre: -600, width: 1500 });
    expect(presetsFor(frame, false)).toHaveLength(1);
  });
  it('keep the curve that each stands for', () => {
    const curved = { '00281050': ds(40, 50), '00281051': ds(350, 80), '00281056': cs('SIGMOID') };
    expect(presetsFor(slice([0, 0, 0], curved), false).map((preset) => preset.function)).toEqual([
      'SIGMOID',
      'SIGMOID',
    ]);
    expect(
      presetsFor(slice([0, 0, 0], curved), true)
        .map((preset) => preset.function)
        .slice(0, 2),
    ).toEqual(['SIGMOID', 'LINEAR']);
  });
});
