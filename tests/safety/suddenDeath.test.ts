import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  killDuringAnnotation,
  killDuringImport,
  killDuringSigning,
  makeVictim,
  type Victim,
} from '../soak/killRounds.ts';

/** The full count is in tests/soak; here is a sample with a fixed seed. */
const rounds = 10;

describe('a host killed at random points loses nothing it has acknowledged', () => {
  let victim: Victim;
  beforeAll(async () => {
    victim = await makeVictim('sudden-death-sample');
  });
  afterAll(() => victim?.remove());

  it('while it imports', async () => {
    const figures = await killDuringImport(victim, rounds);
    expect(figures.interrupted, 'no kill fell into an import').toBeGreaterThan(0);
  });

  it('while annotations are saved', async () => {
    const figures = await killDuringAnnotation(victim, rounds);
    expect(figures.acknowledged).toBeGreaterThan(0);
    expect(figures.interrupted, 'no kill fell into a save').toBeGreaterThan(0);
  });

  it('while reports are written and signed', async () => {
    const figures = await killDuringSigning(victim, rounds);
    expect(figures.acknowledged).toBeGreaterThan(0);
    expect(figures.interrupted, 'no kill fell into a signature').toBeGreaterThan(0);
  });
});
