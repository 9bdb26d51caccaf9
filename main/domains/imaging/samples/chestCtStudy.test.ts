import { beforeAll, describe, expect, it } from 'vitest';
import { makeChestCt } from './chestCtStudy.ts';
import { lungDepthMm } from './chestShape.ts';
import { measureBall, type ReadStack, readStack } from './sampleReader.ts';
import { type ChestCtTruth, chestCtTruth, priorChestCtTruth } from './samplesTruth.ts';
import type { PointMm } from './softShapes.ts';

describe.each([
  ['chest-ct', chestCtTruth()],
  ['chest-ct-prior', priorChestCtTruth()],
] as const)('%s', (_name, truth: ChestCtTruth) => {
  let stack: ReadStack;
  beforeAll(() => {
    stack = readStack([...makeChestCt(truth)].map((file) => file.bytes));
  });

  it('lies where the truth says, from its own attributes', () => {
    expect(stack.geometry.slices).toBe(truth.geometry.slices);
    expect(stack.geometry.sliceSpacingMm).toBeCloseTo(truth.geometry.sliceSpacingMm, 6);
    expect(stack.geometry.originMm).toEqual(truth.geometry.originMm.map((mm) => expect.closeTo(mm, 6)));
    expect(stack.geometry.sliceDirection).toEqual([0, 0, -1].map((mm) => expect.closeTo(mm, 9)));
  });

  it.each(truth.nodules.map((nodule) => [nodule.name, nodule] as const))(
    '%s has the stated place and size',
    (_, nodule) => {
      const [x, y, z] = nodule.centreMm;
      const shift = truth.shiftMm;
      expect(lungDepthMm(x - shift[0], y - shift[1], z - shift[2])).toBeGreaterThan(nodule.diameterMm / 2);
      const ball = measureBall(stack, nodule.place, nodule.hu, lungAround(stack, truth, nodule));
      // Thin against the slice, a nodule has no half-way edge to count to and no voxel wholly inside.
      const { sliceSpacingMm, rowSpacingMm } = truth.geometry;
      const thin = nodule.diameterMm < 2 * sliceSpacingMm;
      const inPlaneMm = (thin ? 0.6 : 0.25) * rowSpacingMm;
      expect(Math.abs(ball.centreMm[0] - x)).toBeLessThan(inPlaneMm);
      expect(Math.abs(ball.centreMm[1] - y)).toBeLessThan(inPlaneMm);
      expect(Math.abs(ball.centreMm[2] - z)).toBeLessThan((thin ? 0.2 : 0.12) * sliceSpacingMm);
      expect(Math.abs(ball.diameterMm - nodule.diameterMm)).toBeLessThan(0.08 * sliceSpacingMm);
      if (!thin) expect(Math.abs(ball.countedDiameterMm - nodule.diameterMm)).toBeLessThan(0.4);
      if (nodule.diameterMm > 3 * sliceSpacingMm) expect(Math.abs(ball.meanInside - nodule.hu)).toBeLessThan(8);
    },
  );

  it.each(truth.regions.map((region) => [region.name, region] as const))('%s has the stated density', (_, region) => {
    const { columnSpacingMm } = truth.geometry;
    const slice = Math.round(region.place.slice);
    const reach = Math.ceil(region.radiusMm / columnSpacingMm);
    const values: number[] = [];
    for (let row = Math.round(region.place.row) - reach; row <= region.place.row + reach; row++) {
      for (let column = Math.round(region.place.column) - reach; column <= region.place.column + reach; column++) {
        const mm = Math.hypot(row - region.place.row, column - region.place.column) * columnSpacingMm;
        if (mm <= region.radiusMm) values.push(stack.valueAt(slice, row, column));
      }
    }
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
    expect(Math.abs(mean - region.hu)).toBeLessThan(region.toleranceHu);
    expect(deviation).toBeGreaterThan(5);
    expect(deviation).toBeLessThan(20);
  });

  it('stores negative values, so that the sign matters', () => {
    expect(stack.images[0]!.pixels).toBeInstanceOf(Int16Array);
    expect(Math.min(...stack.images[0]!.pixels.subarray(0, 4000))).toBeLessThan(0);
  });
});

/** Mean of the lung in a shell around a nodule, in the slices it shows in. */
function lungAround(
  stack: ReadStack,
  truth: ChestCtTruth,
  nodule: {
    readonly centreMm: PointMm;
    readonly diameterMm: number;
    readonly place: { slice: number; row: number; column: number };
  },
): number {
  const { rowSpacingMm } = truth.geometry;
  let sum = 0;
  let count = 0;
  const slice = Math.round(nodule.place.slice);
  for (let row = Math.round(nodule.place.row) - 20; row <= nodule.place.row + 20; row++) {
    for (let column = Math.round(nodule.place.column) - 20; column <= nodule.place.column + 20; column++) {
      const mm = Math.hypot(row - nodule.place.row, column - nodule.place.column) * rowSpacingMm;
      if (mm < nodule.diameterMm / 2 + 1.2 || mm > nodule.diameterMm / 2 + 3.2) continue;
      sum += stack.valueAt(slice, row, column);
      count++;
    }
  }
  return sum / count;
}
