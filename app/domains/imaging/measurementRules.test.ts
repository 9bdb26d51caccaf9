import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { calibrationOf, type ImagePoint } from './calibrationRules.ts';
import type { DicomDataset } from './dicomElements.ts';
import { frameAttributesOf } from './frameAttributes.ts';
import {
  angleDegrees,
  distance,
  formatMeasurement,
  isHounsfield,
  measure,
  polygonArea,
  type RegionShape,
  statisticsOf,
  valueScaleOf,
} from './measurementRules.ts';
import { failedGoldens } from './measurementSelfTest.ts';

const us = (...values: number[]) => ({ vr: 'US', Value: values });
const ds = (...values: number[]) => ({ vr: 'DS', Value: values });
const cs = (...values: string[]) => ({ vr: 'CS', Value: values });
const ct = (more: DicomDataset = {}) =>
  frameAttributesOf(
    {
      '00080060': cs('CT'),
      '00280010': us(32),
      '00280011': us(32),
      '00280002': us(1),
      '00280004': cs('MONOCHROME2'),
      '00280030': ds(1, 1),
      '00200037': ds(1, 0, 0, 0, 1, 0),
      '00200032': ds(0, 0, 0),
      '00281052': ds(-1024),
      '00281053': ds(1),
      ...more,
    },
    1,
  );
const point = fc.tuple(
  fc.double({ min: -500, max: 500, noNaN: true }),
  fc.double({ min: -500, max: 500, noNaN: true }),
);
const spacing = fc.record({
  rowMm: fc.double({ min: 0.05, max: 5, noNaN: true }),
  columnMm: fc.double({ min: 0.05, max: 5, noNaN: true }),
});

describe('the self-test of the measurements', () => {
  it('passes on this build', () => expect(failedGoldens()).toEqual([]));
  it('finds a length that forgets the rows, a swapped spacing and a lost intercept', () => {
    const transposed: typeof measure = (tool, points, image) =>
      measure(
        tool,
        points.map(([x, y]): ImagePoint => [y, x]),
        image,
      );
    const offByOne: typeof measure = (tool, points, image) =>
      measure(tool, points, image).map((each) => ({
        ...each,
        value: each.value + (each.unit === "[hnsf'U]" ? 1024 : 0),
      }));
    const wrongUnit: typeof measure = (tool, points, image) =>
      measure(tool, points, image).map((each) => ({ ...each, unit: each.unit === '{px}' ? 'mm' : each.unit }));
    expect(failedGoldens(transposed).length).toBeGreaterThan(2);
    expect(failedGoldens(offByOne).length).toBeGreaterThan(1);
    expect(failedGoldens(wrongUnit).length).toBeGreaterThan(1);
  });
});

describe('distances, angles, areas', () => {
  it('a distance is symmetric, never negative and obeys the triangle', () => {
    fc.assert(
      fc.property(spacing, point, point, point, (mm, a, b, c) => {
        expect(distance(mm, a, b)).toBeCloseTo(distance(mm, b, a), 9);
        expect(distance(mm, a, c)).toBeLessThanOrEqual(distance(mm, a, b) + distance(mm, b, c) + 1e-9);
      }),
    );
  });
  it('an angle stays the same when its arms are swapped or made longer', () => {
    fc.assert(
      fc.property(
        spacing,
        point,
        point,
        point,
        fc.double({ min: 0.5, max: 10, noNaN: true }),
        (mm, a, vertex, b, factor) => {
          fc.pre(distance(mm, a, vertex) > 1 && distance(mm, b, vertex) > 1);
          const angle = angleDegrees(mm, a, vertex, b)!;
          const longer: ImagePoint = [vertex[0] + (a[0] - vertex[0]) * factor, vertex[1] + (a[1] - vertex[1]) * factor];
          expect(angle).toBeGreaterThanOrEqual(0);
          expect(angle).toBeLessThanOrEqual(180);
          expect(angleDegrees(mm, b, vertex, a)).toBeCloseTo(angle, 6);
          expect(angleDegrees(mm, longer, vertex, b)).toBeCloseTo(angle, 6);
        },
      ),
    );
  });
  it('the angles of a triangle make 180 degrees', () => {
    fc.assert(
      fc.property(spacing, point, point, point, (mm, a, b, c) => {
        fc.pre(polygonArea(mm, [a, b, c]) > 1);
        expect(angleDegrees(mm, b, a, c)! + angleDegrees(mm, a, b, c)! + angleDegrees(mm, a, c, b)!).toBeCloseTo(
          180,
          6,
        );
      }),
    );
  });
  it('has no angle where an arm has no length', () => {
    expect(angleDegrees({ rowMm: 1, columnMm: 1 }, [1, 1], [1, 1], [2, 2])).toBeUndefined();
  });
});

describe('statistics of a region', () => {
  const stored = Int16Array.from({ length: 32 * 32 }, (_, index) => (index * 37) % 1000);
  it('agree with a plain two-pass computation over the same pixels', () => {
    const frame = ct();
    fc.assert(
      fc.property(fc.nat(31), fc.nat(31), fc.nat(31), fc.nat(31), (x0, y0, x1, y1) => {
        const statistics = statisticsOf(frame, stored, valueScaleOf(frame), {
          kind: 'rectangle',
          corners: [
            [x0, y0],
            [x1, y1],
          ],
        })!;
        const values: number[] = [];
        for (let row = Math.min(y0, y1); row <= Math.max(y0, y1); row += 1) {
          for (let column = Math.min(x0, x1); column <= Math.max(x0, x1); column += 1)
            values.push(stored[row * 32 + column]! - 1024);
        }
        const mean = values.reduce((sum, each) => sum + each, 0) / values.length;
        const variance = values.reduce((sum, each) => sum + (each - mean) ** 2, 0) / values.length;
        expect(statistics.count).toBe(values.length);
        expect(statistics.mean).toBeCloseTo(mean, 8);
        expect(statistics.standardDeviation).toBeCloseTo(Math.sqrt(variance), 8);
        expect(statistics.minimum).toBe(Math.min(...values));
        expect(statistics.maximum).toBe(Math.max(...values));
      }),
    );
  });
  it('of an ellipse are those of the pixels its equation holds', () => {
    const frame = ct();
    const statistics = statisticsOf(frame, stored, valueScaleOf(frame), {
      kind: 'ellipse',
      corners: [
        [4, 6],
        [20, 16],
      ],
    })!;
    let count = 0;
    for (let row = 0; row < 32; row += 1)
      for (let column = 0; column < 32; column += 1)
        if (((column - 12) / 8) ** 2 + ((row - 11) / 5) ** 2 <= 1) count += 1;
    expect(statistics.count).toBe(count);
  });
  it('leave out padding whatever sign its element has, and values that are no numbers', () => {
    const stored = [100, -2000, 100, 102];
    const two = { '00280010': us(2), '00280011': us(2), '00280100': us(16) };
    const region: RegionShape = {
      kind: 'rectangle',
      corners: [
        [0, 0],
        [1, 1],
      ],
    };
    const signed = ct({ ...two, '00280103': us(1), '00280120': us(63_536) });
    expect(statisticsOf(signed, stored, valueScaleOf(signed), region)).toMatchObject({ count: 3, minimum: -924 });
    const unsigned = ct({ ...two, '00280103': us(0), '00280120': { vr: 'SS', Value: [-2000] } });
    const words = stored.map((value) => (value < 0 ? value + 65_536 : value));
    expect(statisticsOf(unsigned, words, valueScaleOf(unsigned), region)).toMatchObject({ count: 3, maximum: -922 });
    const floats = ct({ ...two, '00280100': us(32), '00280122': { vr: 'FL', Value: [-1] } });
    const map = [Number.NaN, -1, 2, 4];
    expect(statisticsOf(floats, map, { unit: '1', toModality: (value) => value }, region)).toMatchObject({
      count: 2,
      mean: 3,
    });
    const image = { frame: floats, stored: map, scale: valueScaleOf(floats), isTrusted: true };
    expect(measure('probe', [[0, 0]], image)).toEqual([]);
  });
  it('are absent outside the image, never NaN or infinite', () => {
    const frame = ct();
    expect(
      statisticsOf(frame, stored, valueScaleOf(frame), {
        kind: 'ellipse',
        corners: [
          [40, 40],
          [60, 60],
        ],
      }),
    ).toBeUndefined();
    expect(measure('probe', [[-3, 4]], { frame, stored, scale: valueScaleOf(frame), isTrusted: true })).toEqual([]);
  });
});

describe('units', () => {
  const image = (frame: ReturnType<typeof ct>, isTrusted = true) => ({
    frame,
    stored: new Int16Array(32 * 32),
    scale: valueScaleOf(frame),
    isTrusted,
  });
  it('are Hounsfield for a rescaled CT alone', () => {
    const capture = { '00080016': cs('1.2.840.10008.5.1.4.1.1.7') };
    expect(isHounsfield(ct(capture))).toBe(false);
    expect(isHounsfield(ct({ ...capture, '00281054': cs('HU') }))).toBe(true);
    expect(isHounsfield(ct())).toBe(true);
    expect(isHounsfield(ct({ '00281054': cs('HU') }))).toBe(true);
    expect(isHounsfield(ct({ '00281054': cs('US') }))).toBe(false);
    expect(isHounsfield(ct({ '00080060': cs('MR') }))).toBe(false);
    expect(isHounsfield(ct({ '00281052': undefined, '00281053': undefined }))).toBe(false);
    expect(isHounsfield(ct({ '00080008': cs('ORIGINAL', 'PRIMARY', 'LOCALIZER') }))).toBe(false);
  });
  it('fall back to pixels and bare values when the self-test failed', () => {
    const points: ImagePoint[] = [
      [0, 0],
      [3, 4],
    ];
    expect(measure('length', points, image(ct(), false))[0]).toMatchObject({ unit: '{px}', calibration: 'none' });
    expect(
      measure('ellipse', points, image(ct(), false)).some((each) => each.unit === 'mm2' || each.unit === "[hnsf'U]"),
    ).toBe(false);
  });
  it('are millimetres only where the geometry is proven', () => {
    const two: ImagePoint[] = [
      [0, 0],
      [3, 4],
    ];
    expect(calibrationOf(ct(), two).kind).toBe('patient');
    expect(calibrationOf(ct({ '00200037': undefined }), two)).toMatchObject({ kind: 'none', reason: 'noOrientation' });
    expect(calibrationOf(ct({ '00280030': ds(0, 0) }), two).kind).toBe('none');
    expect(calibrationOf(ct({ '00080016': cs('1.2.840.10008.5.1.4.1.1.7') }), two)).toMatchObject({
      kind: 'none',
      reason: 'secondaryCapture',
    });
    expect(calibrationOf(ct({ '00080060': cs('CR') }), two).kind).toBe('detector');
    expect(calibrationOf(ct({ '00080060': cs('XA'), '00280A02': cs('FIDUCIAL') }), two).kind).toBe('patient');
    expect(calibrationOf(ct({ '00080060': cs('XA'), '00181164': ds(0.3, 0.3) }), two)).toMatchObject({
      kind: 'detector',
      spacing: { rowMm: 0.3 },
    });
    expect(
      calibrationOf(ct({ '00080060': cs('OT'), '00280030': undefined, '00280034': { vr: 'IS', Value: [4, 3] } }), two),
    ).toMatchObject({
      kind: 'none',
      spacing: { rowMm: 4 / 3, columnMm: 1 },
    });
    expect(calibrationOf(ct({ '00080008': cs('ORIGINAL', 'PRIMARY', 'LOCALIZER') }), two).reason).toBe('localizer');
    const tomosynthesis = { '00080060': cs('MG'), '00080016': cs('1.2.840.10008.5.1.4.1.1.13.1.3') };
    expect(calibrationOf(ct(tomosynthesis), two).kind).toBe('patient');
  });
  it('says that a picture has lost something by its syntax too', () => {
    const ui = (uid: string) => ({ '00083002': { vr: 'UI', Value: [uid] } });
    expect(ct(ui('1.2.840.10008.1.2.4.50'))).toMatchObject({ lossy: true, lossyDetail: 'JPEG' });
    expect(ct(ui('1.2.840.10008.1.2.4.70')).lossy).toBe(false);
  });
  it('have an angle without millimetres as it is drawn', () => {
    // An OCT section: pixels three times as wide as high, no orientation. Drawn, the diagonal rises by 18.7°.
    const frame = ct({ '00080060': cs('OPT'), '00200037': undefined, '00280030': ds(0.0039, 0.0115) });
    const image = { frame, stored: undefined, scale: valueScaleOf(frame) };
    const points: ImagePoint[] = [
      [9, 0],
      [0, 0],
      [9, 9],
    ];
    for (const isTrusted of [true, false])
      expect(measure('angle', points, { ...image, isTrusted })[0]?.value).toBeCloseTo(18.733, 3);
  });
});

describe('a formatted measurement', () => {
  const text = (value: number, unit: string, language: 'fr' | 'en', more: object = {}) =>
    formatMeasurement({ kind: 'length', value, unit, calibration: 'patient', ...more }, language);
  it('speaks the language and keeps number and unit on one line', () => {
    expect(text(12.44, 'mm', 'fr')).toBe('12,4\u00a0mm');
    expect(text(12.44, 'mm', 'en')).toBe('12.4\u00a0mm');
    expect(text(90, 'deg', 'fr')).toBe('90,0°');
    expect(text(-600.4, "[hnsf'U]", 'fr', { kind: 'value' })).toBe('\u2212600\u00a0UH');
    expect(text(-0.2, "[hnsf'U]", 'en', { kind: 'value' })).toBe('0\u00a0HU');
    expect(text(3.2, 'mm', 'en', { calibration: 'detector' })).toBe('3.2\u00a0mm†');
    expect(text(312, '{px}', 'en', { kind: 'count', calibration: 'none' })).toBe('312\u00a0px');
    expect(text(0.00083, '1', 'en', { kind: 'value', calibration: 'none' })).toBe('0.000830');
    expect(text(0.42, '1', 'fr', { kind: 'mean', calibration: 'none' })).toBe('0,420');
  });
});
