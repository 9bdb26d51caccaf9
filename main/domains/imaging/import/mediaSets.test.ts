import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openTestImaging, type TestImaging } from '../testImaging.ts';
import { readDicomdir } from './dicomdir.ts';

const media = '/usr/lib/python3/dist-packages/pydicom/data/test_files/dicomdirtests';

describe.skipIf(!existsSync(join(media, 'DICOMDIR')))('media of other makers (needs python3-pydicom)', () => {
  let t: TestImaging;
  beforeEach(async () => {
    t = await openTestImaging();
  });
  afterEach(() => t.close());

  it('is imported by its directory: every file it names, nothing else', async () => {
    const named = readDicomdir(join(media, 'DICOMDIR'));
    const found = named.filter(({ kind }) => kind === 'file').length;
    expect(found).toBeGreaterThan(0);
    const job = await t.importPaths(join(media, 'DICOMDIR'));
    expect(job.state).toBe('done');
    const { imported, duplicates, conflicts, rejected } = t.imaging.getImportSummary(job.jobId);
    expect(imported + duplicates + conflicts).toBe(found);
    expect(rejected.length).toBe(named.length - found);
    for (const { reason } of rejected) expect(reason).toBe('imaging.dicomdirMissingFile');
  });

  it('is the same set in big endian and in implicit little endian', () => {
    const files = (name: string) =>
      readDicomdir(join(media, name))
        .map(({ path }) => path)
        .sort();
    const set = files('DICOMDIR');
    for (const name of readdirSync(media).filter((entry) => /^DICOMDIR-(bigEnd|implicit|reordered)$/.test(entry))) {
      expect(files(name)).toEqual(set);
    }
  });
});
