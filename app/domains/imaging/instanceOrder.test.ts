import { describe, expect, it } from 'vitest';
import { displayOrder, type PlacedInstance } from './instanceOrder.ts';

const axial = [1, 0, 0, 0, 1, 0];
const slice = (instanceNumber: number | null, z: number, orientation = axial): PlacedInstance => ({
  instanceNumber,
  positionMm: [0, 0, z],
  orientation,
  frames: 1,
});

describe('the order of a series', () => {
  it('is by place along the normal, from the end with the lower number', () => {
    expect(displayOrder([slice(3, 10), slice(1, 30), slice(2, 20)])).toEqual([1, 2, 0]);
    expect(displayOrder([slice(1, 10), slice(3, 30), slice(2, 20)])).toEqual([0, 2, 1]);
  });

  it('goes by place even where the numbers are shuffled or missing', () => {
    expect(displayOrder([slice(5, 10), slice(1, 30), slice(9, 20)])).toEqual([1, 2, 0]);
    expect(displayOrder([slice(null, 30), slice(null, 10), slice(null, 20)])).toEqual([1, 2, 0]);
  });

  it('is by number when the geometry proves nothing', () => {
    const repeated = [slice(2, 10), slice(1, 10), slice(3, 20)];
    expect(displayOrder(repeated)).toEqual([1, 0, 2]);
    const turned = [slice(2, 30), slice(1, 10), slice(3, 20, [1, 0, 0, 0, 0, -1])];
    expect(displayOrder(turned)).toEqual([1, 0, 2]);
    const skewed = [slice(2, 30, [1, 0, 0, 1, 0, 0]), slice(1, 10, [1, 0, 0, 1, 0, 0])];
    expect(displayOrder(skewed)).toEqual([1, 0]);
    const without = [{ ...slice(2, 0), positionMm: [] }, slice(1, 5)];
    expect(displayOrder(without)).toEqual([1, 0]);
  });

  it('puts instances without a number last', () => {
    const unplaced = (instanceNumber: number | null): PlacedInstance => ({
      instanceNumber,
      positionMm: [],
      orientation: [],
      frames: 1,
    });
    expect(displayOrder([unplaced(null), unplaced(2), unplaced(1)])).toEqual([2, 1, 0]);
  });
});
