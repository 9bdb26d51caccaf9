import { describe, expect, it } from 'vitest';
import { numbersOf, readImage } from './sampleReader.ts';
import { ultrasoundTruth } from './samplesTruth.ts';
import { makeUltrasound } from './ultrasoundStudy.ts';

const image = readImage([...makeUltrasound()][0]!.bytes);

describe('ultrasound', () => {
  const truth = ultrasoundTruth();

  it('has one calibrated region around the whole fan', () => {
    const { dataset, pixels } = image;
    const region = dataset.elements['x00186011']!.items![0]!.dataSet!;
    expect(dataset.elements['x00186011']!.items).toHaveLength(1);
    expect([region.uint16('x00186024'), region.uint16('x00186026')]).toEqual([3, 3]);
    expect([region.double('x0018602c'), region.double('x0018602e')]).toEqual([0.05, 0.05]);
    expect(numbersOf(dataset, 'x00181063')).toEqual([40]);
    expect(pixels).toHaveLength(24 * 480 * 360 * 3);
  });

  it('shows a ball of the stated diameter at the stated places', () => {
    const { pixels, rows, columns } = image;
    // Grey level by distance from the stated middle, over all frames: half-way between ball and liver is the edge.
    const level = new Float64Array(40);
    const count = new Float64Array(40);
    for (const [frame, place] of truth.blob.places.entries()) {
      let sum = 0;
      let sumRow = 0;
      let sumColumn = 0;
      for (let row = 120; row < 240; row++) {
        for (let column = 220; column < 330; column++) {
          const grey = pixels[((frame * rows + row) * columns + column) * 3]!;
          const distance = Math.hypot(row - place.row, column - place.column);
          const bin = Math.floor(distance * 1);
          if (bin < level.length) {
            level[bin]! += grey;
            count[bin]! += 1;
          }
          if (grey < 172 || distance > 26) continue;
          sum++;
          sumRow += row;
          sumColumn += column;
        }
      }
      expect(Math.abs(sumRow / sum - place.row), `frame ${frame}`).toBeLessThan(0.5);
      expect(Math.abs(sumColumn / sum - place.column), `frame ${frame}`).toBeLessThan(0.5);
    }
    const mean = [...level].map((sum, bin) => sum / count[bin]!);
    const inside = mean.slice(2, 14).reduce((a, b) => a + b, 0) / 12;
    const outside = mean.slice(22, 30).reduce((a, b) => a + b, 0) / 8;
    const half = (inside + outside) / 2;
    const edge = mean.findIndex((value) => value < half);
    const before = mean[edge - 1]!;
    const radius = edge - 0.5 + (before - half) / (before - mean[edge]!);
    expect(Math.abs(2 * radius * truth.pixelCm - truth.blob.diameterCm)).toBeLessThan(0.03);
  });

  it('is in colour', () => {
    const { pixels } = image;
    let red = 0;
    let blue = 0;
    for (let i = 0; i < pixels.length; i += 3) {
      if (pixels[i]! > pixels[i + 2]! + 60) red++;
      if (pixels[i + 2]! > pixels[i]! + 60) blue++;
    }
    expect(red).toBeGreaterThan(10_000);
    expect(blue).toBeGreaterThan(10_000);
  });
});
