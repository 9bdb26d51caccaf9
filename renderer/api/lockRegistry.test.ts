import { expect, it } from 'vitest';
import { onLock, runLockCallbacks } from './lockRegistry.ts';

it('runs all lock callbacks though one throws, and says that one threw', () => {
  const ran: string[] = [];
  const stop = [
    onLock(() => ran.push('first')),
    onLock(() => {
      throw new Error('broken');
    }),
    onLock(() => ran.push('last')),
  ];
  expect(() => runLockCallbacks()).toThrow('broken');
  expect(ran).toEqual(['first', 'last']);
  for (const each of stop) each();
  ran.length = 0;
  runLockCallbacks();
  expect(ran).toEqual([]);
});
