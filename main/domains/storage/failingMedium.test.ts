import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { Failure } from '../../../app/shared/failure.ts';
import { manifestName } from '../../database/backupManifest.ts';
import { openTestStore } from '../../database/testStore.ts';
import { defineStorageJobs } from './storageJobs.ts';

/** A disk that gives back other bytes than it was given: nothing a test can have for real. */
vi.mock('../../archive/verifyObject.ts', async (original) => {
  const real = await original<typeof import('../../archive/verifyObject.ts')>();
  return {
    ...real,
    verifyFile: (...given: Parameters<typeof real.verifyFile>) =>
      given[2].endsWith('.new')
        ? Promise.reject(new Failure('storage.objectDamaged', 'read back otherwise'))
        : real.verifyFile(...given),
  };
});

it('a backup to a medium that fails says so, and calls no sound object damaged', async () => {
  const test = await openTestStore();
  const folder = mkdtempSync(join(tmpdir(), 'salus-medium-'));
  const directory = join(folder, 'backup');
  try {
    defineStorageJobs({ holder: test.holder, replayers: () => [] }, test.store);
    const { name } = await test.store.archive.put('dicom', randomBytes(4000));
    const job = await test.store.jobs.finished(test.store.jobs.start('backup', test.author, { directory }));
    expect(job).toMatchObject({ state: 'failed', failure: 'storage.backupMediumFailing' });
    const details = test.store.reader
      .all<{ detail: string }>('SELECT detail FROM audit_entry')
      .map(({ detail }) => detail);
    expect(details.filter((detail) => detail.includes(name))).toEqual([]);
    expect(existsSync(join(directory, manifestName))).toBe(false);
    expect(readdirSync(join(directory, 'archive', name.slice(0, 2)))).toEqual([]);
  } finally {
    await test.close();
    rmSync(folder, { recursive: true });
  }
});
