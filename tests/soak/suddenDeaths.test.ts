import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { root } from '../e2e/harness/runningHost.ts';
import {
  killDuringAnnotation,
  killDuringImport,
  killDuringSigning,
  makeVictim,
  type RoundFigures,
  type Victim,
} from './killRounds.ts';

const rounds = 200;
const perStore = 20;

describe('a host killed 600 times loses nothing it has acknowledged', () => {
  const recorded: Record<string, RoundFigures> = {};
  /** After every store: a soak that is cut short still says how far it came. */
  const record = (name: string, figures: RoundFigures) => {
    recorded[name] = { ...figures };
    const file = process.env['SALUS_SOAK_FIGURES'] ?? path.join(root, 'dist', 'soak-sudden-deaths.json');
    writeFileSync(file, `${JSON.stringify(recorded, null, 2)}\n`);
  };

  describe.each([
    ['imports', killDuringImport],
    ['saved annotations', killDuringAnnotation],
    ['signatures', killDuringSigning],
  ] as const)('during %s', (name, kill) => {
    let victim: Victim;
    let part = 0;
    beforeAll(async () => {
      victim = await makeVictim(`soak-${name}`);
    });
    afterAll(() => victim?.remove());

    it(`${rounds} times`, async () => {
      const sum: RoundFigures = { rounds, acknowledged: 0, interrupted: 0 };
      for (let done = 0; done < rounds; done += perStore) {
        if (done > 0) {
          await victim.remove();
          part += 1;
          victim = await makeVictim(`soak-${name}-${part}`);
        }
        const figures = await kill(victim, perStore);
        sum.acknowledged += figures.acknowledged;
        sum.interrupted += figures.interrupted;
        record(name, { ...sum, rounds: done + perStore });
      }
      expect(sum.interrupted).toBeGreaterThan(rounds / 10);
    });
  });
});
