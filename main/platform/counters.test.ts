import { expect, it } from 'vitest';
import { Counts } from './counters.ts';

it('never keeps more labels than it may: the rest are others', () => {
  const counts = new Counts();
  for (let at = 0; at < 1000; at += 1) counts.add(`node\treason ${at}`);
  counts.add('node\treason 1', 4);
  expect(counts.map.size).toBeLessThanOrEqual(201);
  expect(counts.map.get('node\tother')).toBe(800);
  expect(counts.map.get('node\treason 1')).toBe(5);
});
