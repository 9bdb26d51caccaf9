import { describe, expect, it } from 'vitest';
import { grainTile, lumpTile, seededRandom, seededUid, spaceNoise } from './seededRandom.ts';

describe('seededRandom', () => {
  it('is the same for the same seed, everywhere', () => {
    const random = seededRandom('pinned');
    const again = seededRandom('pinned');
    const values = Array.from({ length: 5 }, () => random.next());
    expect(values).toEqual(Array.from({ length: 5 }, () => again.next()));
    expect(seededRandom('other').next()).not.toBe(values[0]);
  });

  it('is uniform and Gaussian', () => {
    const random = seededRandom('statistics');
    const bins = new Array<number>(10).fill(0);
    let sum = 0;
    let squares = 0;
    for (let i = 0; i < 100_000; i++) {
      const value = random.next();
      expect(value >= 0 && value < 1).toBe(true);
      bins[Math.floor(value * 10)]! += 1;
      const gauss = random.gaussian();
      sum += gauss;
      squares += gauss * gauss;
    }
    for (const bin of bins) expect(Math.abs(bin - 10_000)).toBeLessThan(400);
    expect(Math.abs(sum / 100_000)).toBeLessThan(0.015);
    expect(Math.abs(squares / 100_000 - 1)).toBeLessThan(0.02);
  });
});

describe('seededUid', () => {
  it('makes UUID-derived UIDs, one per seed', () => {
    const uids = new Set(Array.from({ length: 2000 }, (_, i) => seededUid(`seed ${i}`)));
    expect(uids.size).toBe(2000);
    for (const uid of uids) {
      expect(uid).toMatch(/^2\.25\.[1-9]\d{0,38}$/);
      const hex = BigInt(uid.slice(5)).toString(16).padStart(32, '0');
      expect(hex).toHaveLength(32);
      expect(hex[12]).toBe('8');
      expect('89ab').toContain(hex[16]);
    }
  });
});

describe('tiles', () => {
  it.each([
    ['grain', grainTile('t', 128)],
    ['lumps', lumpTile('t', 128, 32, 0.7)],
  ])('%s has mean 0 and deviation 1 and repeats without a seam', (_, tile) => {
    const mean = tile.values.reduce((sum, value) => sum + value, 0) / tile.values.length;
    const variance = tile.values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / tile.values.length;
    expect(Math.abs(mean)).toBeLessThan(1e-3);
    expect(variance).toBeCloseTo(1, 2);
    const step = (from: number, to: number): number => {
      let sum = 0;
      for (let row = 0; row < 128; row++)
        sum += Math.abs(tile.values[row * 128 + from]! - tile.values[row * 128 + to]!);
      return sum / 128;
    };
    const within = Array.from({ length: 127 }, (_, i) => step(i, i + 1));
    expect(step(127, 0)).toBeLessThan(1.25 * Math.max(...within));
  });
});

it('spaceNoise is smooth and bounded', () => {
  let steepest = 0;
  for (let i = 0; i < 5000; i++) {
    const x = i * 0.037;
    const here = spaceNoise(x, 1.3 * x, -0.7 * x, 5);
    expect(Math.abs(here)).toBeLessThanOrEqual(1);
    steepest = Math.max(steepest, Math.abs(spaceNoise(x + 0.001, 1.3 * x, -0.7 * x, 5) - here));
  }
  expect(steepest).toBeLessThan(0.006);
});
