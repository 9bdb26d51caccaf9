import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { verifyBackup } from '../../database/restoreBackup.ts';
import { openTestStore, type TestStore } from '../../database/testStore.ts';
import { defineStorageJobs } from './storageJobs.ts';

describe('a backup of an archive with a rotten object', () => {
  let test: TestStore;
  let directory: string;
  const content = randomBytes(4000);
  let name: string;

  /** The same length, other bytes: what a medium that forgets leaves. */
  function rot(path: string): void {
    const bytes = readFileSync(path);
    bytes[bytes.length - 50]! ^= 1;
    writeFileSync(path, bytes);
  }
  const inStore = () => join(test.home, 'archive', name.slice(0, 2), name);
  const inBackup = () => join(directory, 'archive', name.slice(0, 2), name);
  const backUp = () => test.store.jobs.finished(test.store.jobs.start('backup', test.author, { directory }));
  const audited = () =>
    test.store.reader
      .all<{ outcome: string; detail: string }>(
        "SELECT outcome, detail FROM audit_entry WHERE action = 'storage.backup' ORDER BY sequence",
      )
      .map(({ outcome, detail }) => ({ outcome, ...JSON.parse(detail) }));

  beforeEach(async () => {
    test = await openTestStore();
    defineStorageJobs({ holder: test.holder, replayers: () => [] }, test.store);
    directory = join(mkdtempSync(join(tmpdir(), 'salus-rot-')), 'backup');
    ({ name } = await test.store.archive.put('dicom', content));
    await test.store.archive.put('dicom', randomBytes(4000));
  });
  afterEach(async () => {
    await test.close();
    rmSync(join(directory, '..'), { recursive: true });
  });

  it('is not called whole, names the object, and is whole again once its file was imported again', async () => {
    rot(inStore());
    expect(await backUp()).toMatchObject({
      state: 'failed',
      failure: 'storage.backupIncomplete',
      counts: { objects: 1, damaged: 1 },
    });
    expect(audited().at(-1)).toMatchObject({ outcome: 'failed', lostNames: name });
    // All the rest is kept, and can be restored.
    expect((await verifyBackup(directory)).objects.map(({ path }) => path)).not.toContain(
      `archive/${name.slice(0, 2)}/${name}`,
    );
    await test.store.archive.put('dicom', content);
    expect(await backUp()).toMatchObject({ state: 'done', counts: { objects: 2, damaged: 0 } });
    expect((await verifyBackup(directory)).objects).toHaveLength(2);
  });

  it('keeps the sound copy of an earlier one', async () => {
    expect(await backUp()).toMatchObject({ state: 'done' });
    const sound = readFileSync(inBackup());
    rot(inStore());
    // Without the list of the earlier run nothing says that the copy is good, but its bytes.
    rmSync(join(directory, 'manifest.json'));
    expect(await backUp()).toMatchObject({ state: 'done', counts: { objects: 2, damaged: 1 } });
    expect(Buffer.compare(readFileSync(inBackup()), sound)).toBe(0);
    expect((await verifyBackup(directory)).objects).toHaveLength(2);
    expect(audited().at(-1)).toMatchObject({ outcome: 'success', damagedNames: name });
  });

  it('does not take a rotten copy of an earlier one for a sound one', async () => {
    expect(await backUp()).toMatchObject({ state: 'done' });
    rot(inStore());
    rot(inBackup());
    rmSync(join(directory, 'manifest.json'));
    expect(await backUp()).toMatchObject({ state: 'failed', failure: 'storage.backupIncomplete' });
  });
});
