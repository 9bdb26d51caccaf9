import { expect, it } from 'vitest';
import { jobFraction } from './jobFigures.ts';

it('measures a job by bytes, else by units, and admits what it does not know', () => {
  expect(jobFraction({ done: 1, total: 4, bytesDone: 50, bytesTotal: 100 })).toBe(0.5);
  expect(jobFraction({ done: 1, total: 4, bytesDone: 0, bytesTotal: 0 })).toBe(0.25);
  expect(jobFraction({ done: 7, total: 0, bytesDone: 0, bytesTotal: 0 })).toBeNull();
  expect(jobFraction({ done: 0, total: 0, bytesDone: 150, bytesTotal: 100 })).toBe(1);
});
