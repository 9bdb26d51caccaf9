import { describe, expect, it } from 'vitest';
import { fittingCount } from './fittingCount.ts';

describe('chips on one line', () => {
  const widths = [100, 50, 50, 50, 50];
  it('are all shown when all fit, to the last pixel', () => {
    expect(fittingCount(widths, 1, 324, 6, 40)).toBe(4);
  });
  it('leave room for the chip behind which the rest waits', () => {
    expect(fittingCount(widths, 1, 323, 6, 40)).toBe(3);
    expect(fittingCount(widths, 1, 258, 6, 40)).toBe(2);
  });
  it('all wait when not one fits beside those that stay', () => {
    expect(fittingCount(widths, 1, 120, 6, 40)).toBe(0);
    expect(fittingCount([], 0, 500, 6, 40)).toBe(0);
  });
});
