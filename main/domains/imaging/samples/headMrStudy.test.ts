import { describe, expect, it } from 'vitest';
import { makeHeadMr } from './headMrStudy.ts';
import { measureBall, readStack } from './sampleReader.ts';
import { headMrTruth } from './samplesTruth.ts';

const files = [...makeHeadMr()];

describe('head-mr', () => {
  const truth = headMrTruth();

  it.each(truth.series.map((series) => [series.contrast, series] as const))(
    '%s shows the lesion where it is',
    (contrast, series) => {
      const folder = `head-mr/${String(series.number).padStart(2, '0')}/`;
      const stack = readStack(files.filter((file) => file.relativePath.startsWith(folder)).map((file) => file.bytes));
      expect(stack.geometry.sliceSpacingMm).toBeCloseTo(4, 5);
      expect(stack.geometry.sliceDirection).toEqual(truth.geometry.sliceDirection.map((c) => expect.closeTo(c, 6)));
      const stored = truth.lesion.stored[contrast];
      const ball = measureBall(stack, truth.lesion.place, stored.lesion, stored.whiteMatter);
      for (const axis of [0, 1, 2] as const)
        expect(Math.abs(ball.centreMm[axis] - truth.lesion.centreMm[axis])).toBeLessThan(0.35);
      expect(Math.abs(ball.diameterMm - truth.lesion.diameterMm)).toBeLessThan(0.4);
      expect(Math.abs(ball.meanInside / stored.lesion - 1)).toBeLessThan(0.05);
    },
  );

  it('is oblique by ten degrees', () => {
    const cosine = truth.geometry.sliceDirection[2];
    expect((Math.acos(cosine) * 180) / Math.PI).toBeCloseTo(10, 6);
  });
});
