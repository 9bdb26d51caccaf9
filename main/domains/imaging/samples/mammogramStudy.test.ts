import { describe, expect, it } from 'vitest';
import { makeMammogram } from './mammogramStudy.ts';
import { readImage } from './sampleReader.ts';
import { mammogramTruth } from './samplesTruth.ts';

const files = new Map<string, Uint8Array>();
for (const file of makeMammogram()) files.set(file.relativePath, file.bytes);

describe('mammogram', () => {
  const truth = mammogramTruth();

  it.each(truth.views.map((view) => [view.view, view] as const))('%s shows the specks it should', (_, view) => {
    const image = readImage(files.get(`mammogram/0${view.seriesNumber}/0001.dcm`)!);
    const specks = findSpecks(image.pixels, image.rows, image.columns);
    const stated = view.cluster?.calcifications ?? [];
    expect(specks).toHaveLength(stated.length);
    for (const speck of stated) {
      const nearest = Math.min(...specks.map(({ row, column }) => Math.hypot(row - speck.row, column - speck.column)));
      expect(nearest).toBeLessThan(0.6);
    }
    // The chest wall is at the edge that the patient orientation says.
    const wall = view.laterality === 'R' ? image.columns - 1 : 0;
    expect(image.pixels[640 * image.columns + wall]).toBeGreaterThan(500);
    expect(image.pixels[640 * image.columns + (image.columns - 1 - wall)]).toBe(0);
    expect(image.dataset.string('x00200020')).toBe(
      { RCC: 'P\\L', LCC: 'A\\R', RMLO: 'P\\FL', LMLO: 'A\\FR' }[view.view],
    );
  });
});

/** Bright specks: pixels far above the median of their 13 × 13 surroundings, grouped; middles weighted by the excess. */
function findSpecks(pixels: ArrayLike<number>, rows: number, columns: number): { row: number; column: number }[] {
  const excess = (row: number, column: number): number => {
    const around: number[] = [];
    for (let j = -6; j <= 6; j++) for (let i = -6; i <= 6; i++) around.push(pixels[(row + j) * columns + column + i]!);
    around.sort((a, b) => a - b);
    return pixels[row * columns + column]! - around[84]!;
  };
  const seen = new Set<number>();
  const specks: { row: number; column: number }[] = [];
  for (let row = 8; row < rows - 8; row++) {
    for (let column = 8; column < columns - 8; column++) {
      const value = pixels[row * columns + column]!;
      const left = pixels[row * columns + column - 4]!;
      const right = pixels[row * columns + column + 4]!;
      if (value - Math.max(left, right) < 400 || seen.has(row * columns + column) || excess(row, column) < 700)
        continue;
      let weight = 0;
      let sumRow = 0;
      let sumColumn = 0;
      for (let j = -4; j <= 4; j++) {
        for (let i = -4; i <= 4; i++) {
          seen.add((row + j) * columns + column + i);
          const more = Math.max(0, excess(row + j, column + i) - 120);
          weight += more;
          sumRow += more * (row + j);
          sumColumn += more * (column + i);
        }
      }
      specks.push({ row: sumRow / weight, column: sumColumn / weight });
    }
  }
  return specks;
}
