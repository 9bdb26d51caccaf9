import { spawnSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { sampleNames } from '../../main/domains/imaging/samples/sampleCatalogue.ts';
import { have, programOf } from '../../scripts/services.ts';
import { samplesFolder } from '../e2e/harness/runningHost.ts';

/** Of a long stack of alike slices, one in so many goes through the slow validator. */
const slicesBetween = 15;

describe.skipIf(!have('dicom3tools'))('the sample objects keep to the standard (needs dicom3tools)', () => {
  it.each(sampleNames)('%s: each object by itself (dciodvfy)', (name) => {
    const files = filesOf(name);
    const chosen = files.length > 40 ? files.filter((_, index) => index % slicesBetween === 0) : files;
    expect(chosen.length).toBeGreaterThan(0);
    for (const file of chosen) {
      const { stderr, stdout, status } = spawnSync(programOf('dciodvfy'), [file], { encoding: 'latin1' });
      const said = `${stdout}\n${stderr}`;
      // It names the IOD it checked against: an object it doesn't know has not been checked.
      expect(said, file).toMatch(/^\w+(Image|Storage|MultiFrame)?$/m);
      expect(errorsIn(said), file).toEqual([]);
      expect(status, file).toBe(0);
    }
  });

  it.each(sampleNames)('%s: the objects with one another (dcentvfy)', (name) => {
    const { stderr, stdout } = spawnSync(programOf('dcentvfy'), filesOf(name), {
      encoding: 'latin1',
      maxBuffer: 1 << 26,
    });
    expect(errorsIn(`${stdout}\n${stderr}`)).toEqual([]);
  });

  it('all studies with one another (dcentvfy)', () => {
    const files = sampleNames.flatMap((name) => filesOf(name));
    const { stderr, stdout } = spawnSync(programOf('dcentvfy'), files, { encoding: 'latin1', maxBuffer: 1 << 26 });
    expect(errorsIn(`${stdout}\n${stderr}`)).toEqual([]);
  });

  it('and the validator finds a fault where there is one', () => {
    const { stderr, stdout } = spawnSync(
      programOf('dciodvfy'),
      [path.join(import.meta.dirname, 'sampleObjects.test.ts')],
      {
        encoding: 'latin1',
      },
    );
    expect(errorsIn(`${stdout}\n${stderr}`).length).toBeGreaterThan(0);
  });
});

function errorsIn(said: string): string[] {
  return said.split('\n').filter((line) => /(^|\s)Error\b/.test(line));
}

function filesOf(name: string): string[] {
  const folder = path.join(samplesFolder(), name);
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((each) => path.join(folder, each))
    .filter((file) => statSync(file).isFile())
    .sort();
}
