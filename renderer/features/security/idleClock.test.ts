import { describe, expect, it } from 'vitest';
import { idleStateAt } from './idleClock.ts';

const minute = 60_000;

describe('idle lock', () => {
  it('warns in the last minute and expires at the limit, not before', () => {
    expect(idleStateAt(0, 9 * minute - 1, 10)).toMatchObject({ warn: false, expired: false });
    expect(idleStateAt(0, 9 * minute, 10)).toEqual({ remainingMs: minute, warn: true, expired: false });
    expect(idleStateAt(0, 10 * minute - 1, 10)).toMatchObject({ warn: true, expired: false });
    expect(idleStateAt(0, 10 * minute, 10)).toMatchObject({ warn: false, expired: true });
  });

  it('has expired after a sleep longer than the limit', () => {
    expect(idleStateAt(0, 8 * 60 * minute, 10).expired).toBe(true);
  });

  it('neither expires nor adds time when the clock is set back', () => {
    expect(idleStateAt(10 * minute, 0, 10)).toMatchObject({ remainingMs: 10 * minute, expired: false });
  });

  it('leaves half of a one-minute limit without a warning', () => {
    expect(idleStateAt(0, 29_999, 1).warn).toBe(false);
    expect(idleStateAt(0, 30_000, 1).warn).toBe(true);
  });
});
