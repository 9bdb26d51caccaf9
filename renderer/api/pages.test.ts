import { expect, it } from 'vitest';
import { pagesFor } from './pages.ts';

it('finds the pages that hold the rows in view, both ends included', () => {
  expect(pagesFor(0, 40)).toEqual([0]);
  expect(pagesFor(99, 100)).toEqual([0, 1]);
  expect(pagesFor(99_950, 99_999)).toEqual([999]);
  expect(pagesFor(-3, 0)).toEqual([0]);
});
