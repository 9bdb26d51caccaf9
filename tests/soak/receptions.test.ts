import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { root } from '../e2e/harness/runningHost.ts';
import { receiveFromMany } from './manyReceptions.ts';

const rounds = 10;

it(`16 associations of 400 instances at once, ${rounds} times: nothing is lost, nothing is there twice`, async () => {
  const sum = { sent: 0, kept: 0, duplicates: 0 };
  for (let round = 0; round < rounds; round += 1) {
    const figures = await receiveFromMany(400, 40, `receptions-${round}`);
    for (const name of Object.keys(sum) as (keyof typeof sum)[]) sum[name] += figures[name];
    const file = process.env['SALUS_SOAK_FIGURES'] ?? path.join(root, 'dist', 'soak-receptions.json');
    // After every round: a soak that is cut short still says how far it came.
    writeFileSync(file, `${JSON.stringify(sum, null, 2)}\n`);
  }
  expect(sum.kept).toBe(rounds * (16 * 400 + 40));
});
