import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Conflict, ConflictLine } from '../../../../app/domains/imaging/conflictSchema.ts';
import { aSlice } from '../../../domains/imaging/testObjects.ts';
import { UsageProblem } from '../../usageProblem.ts';
import { readCliArguments } from '../cliArguments.ts';
import { conflicts } from './conflictVerbs.ts';

const entry = path.join(import.meta.dirname, '..', 'cli.ts');
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'salus-conflict-verbs-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function salus(given: readonly string[], input = ''): { code: number | null; output: unknown } {
  const { status, stdout } = spawnSync(
    process.execPath,
    [entry, ...given, '--home', path.join(folder, 'home'), '--json'],
    {
      encoding: 'utf8',
      input,
      cwd: folder,
      env: { ...process.env, INIT_CWD: undefined, SALUS_PASSWORD: 'correct horse 1' },
    },
  );
  return { code: status, output: JSON.parse(stdout) };
}

describe('salus conflicts', { timeout: 120_000 }, () => {
  it('lists, shows and settles what arrived in two versions', () => {
    expect(salus(['init', '--operator', 'judge', '--full-name', 'Judge'])).toMatchObject({ code: 0 });
    for (const value of [100, 140])
      writeFileSync(
        path.join(folder, `${value}.dcm`),
        aSlice({ study: '1.1', series: '1.1.1', sop: '1.1.1.1', number: 1, value }),
      );
    const imported = salus(['import', path.join(folder, '100.dcm'), path.join(folder, '140.dcm')]);
    expect(imported).toMatchObject({ code: 0, output: { imported: 1, conflicts: 1 } });
    const listed = salus(['conflicts', 'list']).output as { conflicts: ConflictLine[] };
    expect(listed.conflicts).toMatchObject([{ conflictId: 'instance:1.1.1.1', kind: 'instance', sides: 2 }]);
    const shown = salus(['conflicts', 'show', 'instance:1.1.1.1']).output as Conflict;
    expect(shown).toMatchObject({
      decisions: { keep: null, take: null },
      comparisons: [{ total: 0, pixels: { state: 'different', differing: 64 } }],
    });
    // About something else than was seen nothing is decided.
    const settle = ['conflicts', 'settle', 'instance:1.1.1.1'];
    expect(salus([...settle, 'a0b1c2d3e4f5', 'keep', 'compared'])).toMatchObject({
      code: 1,
      output: { failure: 'imaging.conflictChanged' },
    });
    const stand = shown.stand.slice(0, 12);
    const taken = salus([...settle, stand, 'take', '-', shown.versions[1]?.objectName ?? ''], 'compared\n');
    expect(taken).toMatchObject({
      code: 0,
      output: { state: 'settled', settlements: [{ decision: 'take', reason: 'compared', author: 'judge' }] },
    });
    expect(salus(['conflicts', 'list'])).toMatchObject({ output: { total: 0 } });
  });

  it('refuses what it does not understand', () => {
    for (const given of [
      ['conflicts'],
      ['conflicts', 'list', 'all'],
      ['conflicts', 'show'],
      ['conflicts', 'settle', 'instance:1.1.1.1', 'a0b1c2d3', 'guess', 'because'],
      ['conflicts', 'settle', 'instance:1.1.1.1', 'a0', 'keep', 'because'],
    ])
      expect(() => conflicts.check(readCliArguments(given)), given.join(' ')).toThrow(UsageProblem);
    conflicts.check(readCliArguments(['conflicts', 'settle', 'study:1.1', 'a0b1c2d3', 'keepApart', 'because']));
  });
});
