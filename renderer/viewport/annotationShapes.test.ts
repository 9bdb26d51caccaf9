import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ImagePoint } from '../../app/domains/imaging/calibrationRules.ts';
import { distanceToSegment, handlesOf, moved, outlinesOf, shortAxis, withHandleAt } from './annotationShapes.ts';
import { isUsable, toImage, toScreen } from './pictureTransform.ts';

const coordinate = fc.double({ min: -400, max: 400, noNaN: true });
const point = fc.tuple(coordinate, coordinate);

describe('handles', () => {
  it('of a box follow the pointer and leave the opposite corner where it is', () => {
    fc.assert(
      fc.property(point, point, point, fc.integer({ min: 0, max: 3 }), (a, b, to, handle) => {
        const next = withHandleAt('ellipse', [a, b], handle, to);
        const corners = handlesOf('ellipse', next);
        expect(corners[handle]).toEqual(to);
        expect(corners[(handle + 2) % 4]).toEqual(handlesOf('ellipse', [a, b])[(handle + 2) % 4]);
      }),
    );
  });
  it('of a length move alone; the whole shape moves as one', () => {
    const points: ImagePoint[] = [
      [1, 2],
      [3, 4],
    ];
    expect(withHandleAt('length', points, 1, [9, 9])).toEqual([
      [1, 2],
      [9, 9],
    ]);
    expect(moved(points, 10, -1)).toEqual([
      [11, 1],
      [13, 3],
    ]);
  });
  it('of a new short axis stand across the middle of the long one in true proportions', () => {
    fc.assert(
      fc.property(point, point, fc.double({ min: 0.3, max: 3, noNaN: true }), (a, b, aspect) => {
        const [c, d] = shortAxis([a, b], aspect);
        const long = [b[0] - a[0], (b[1] - a[1]) * aspect] as const;
        const short = [d[0] - c[0], (d[1] - c[1]) * aspect] as const;
        expect(long[0] * short[0] + long[1] * short[1]).toBeCloseTo(0, 5);
        expect(Math.hypot(...short)).toBeCloseTo(Math.hypot(...long) / 2, 6);
      }),
    );
  });
});

describe('outlines', () => {
  it('of an ellipse touch the middle of each side of its box', () => {
    const [outline] = outlinesOf('ellipse', [
      [0, 0],
      [10, 4],
    ]);
    for (const [x, y] of [
      [10, 2],
      [5, 4],
      [0, 2],
      [5, 0],
    ] as const) {
      const nearest = Math.min(...outline!.map((each) => Math.hypot(each[0] - x, each[1] - y)));
      expect(nearest).toBeLessThan(1e-9);
    }
  });
  it('of a freehand shape close', () => {
    const [outline] = outlinesOf('freehand', [
      [0, 0],
      [1, 0],
      [1, 1],
    ]);
    expect(outline?.at(-1)).toEqual([0, 0]);
  });
});

describe('places', () => {
  it('on the screen lead back to the same pixel for any picture that can be drawn', () => {
    fc.assert(
      fc.property(point, point, point, point, (origin, perColumn, perRow, pixel) => {
        const transform = { origin, perColumn, perRow };
        fc.pre(isUsable(transform) && Math.abs(perColumn[0] * perRow[1] - perColumn[1] * perRow[0]) > 1);
        const [column, row] = toImage(transform, toScreen(transform, pixel));
        expect(column).toBeCloseTo(pixel[0], 4);
        expect(row).toBeCloseTo(pixel[1], 4);
      }),
    );
  });
  it('beside a line are as far as its nearest point', () => {
    expect(distanceToSegment([5, 3], [0, 0], [10, 0])).toBe(3);
    expect(distanceToSegment([-3, 4], [0, 0], [10, 0])).toBe(5);
    expect(distanceToSegment([3, 4], [0, 0], [0, 0])).toBe(5);
  });
});
