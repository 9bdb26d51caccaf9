import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { readAll } from './incomingOperations.ts';

it('a data set that comes byte by byte is held as what it is, not as a list of bytes', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const heldBytes = () => {
    collect();
    return process.memoryUsage().heapUsed;
  };
  const count = 400_000;
  const shared = Buffer.alloc(1024, 7);
  const before = heldBytes();
  let grownBytes = 0;
  async function* parts() {
    for (let number = 0; number < count; number += 1) yield shared.subarray(number % 1024, (number % 1024) + 1);
    grownBytes = heldBytes() - before;
  }
  const data = Object.assign(parts(), { complete: true, bytes: count, drain: async () => undefined });
  const whole = await readAll(data);
  expect(Buffer.alloc(count, 7).equals(whole)).toBe(true);
  // A list of parts takes more than 30 MB.
  expect(grownBytes).toBeLessThan(8 * 1024 * 1024);
}, 60_000);
