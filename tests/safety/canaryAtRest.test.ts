import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDatabase } from '../../main/database/openDatabase.ts';
import { openTestStore, type TestStore } from '../../main/database/testStore.ts';
import { databaseKeyOf } from '../../main/keyring/deriveKeys.ts';

const canary = 'Zebrafinch^Quixotica';
const rows = 60_000;

/** Files under a folder whose bytes hold the canary. */
function filesWithCanary(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile() === true)
    .filter((path) => readFileSync(path).includes(canary));
}

/** Open files of this process that hold the canary, deleted ones too: where SQLite's temporary files live. */
function openFilesWithCanary(): string[] {
  return readdirSync('/proc/self/fd').filter((descriptor) => {
    const path = `/proc/self/fd/${descriptor}`;
    try {
      if (!readlinkSync(path).startsWith('/') || readlinkSync(path).startsWith('/dev') || !statSync(path).isFile())
        return false;
      return readFileSync(path).includes(canary);
    } catch (error) {
      // The descriptor of this very listing is closed by now.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
      throw error;
    }
  });
}

describe.skipIf(process.platform !== 'linux')('a patient’s name at rest (needs /proc)', () => {
  let t: TestStore;
  let temporary: string;
  const before = process.env['SQLITE_TMPDIR'];
  const sort = 'SELECT body FROM annotation_version ORDER BY substr(body, 1, 8) DESC, annotation_id';

  beforeAll(async () => {
    temporary = mkdtempSync(join(tmpdir(), 'salus-canary-'));
    process.env['SQLITE_TMPDIR'] = temporary;
    t = await openTestStore();
    for (let start = 0; start < rows; start += 10_000) {
      t.store.gate.write(t.author, 'test.fill', (tx) => {
        for (let number = start; number < start + 10_000; number += 1) {
          tx.run(
            "INSERT INTO annotation_version (annotation_id, version, study_uid, sop_uid, body, at, hlc, author, site_id) VALUES (?, 1, '1.2', '1.2.3', ?, ?, ?, 'x', ?)",
            `row-${number}`,
            `${number % 977} ${canary} ${'x'.repeat(200)}`,
            tx.nowMs,
            tx.hlc,
            tx.siteId,
          );
        }
        tx.statement({ type: 'test', id: String(start), version: 1, payload: { name: canary } });
      });
    }
    await t.store.archive.put('dicom', Buffer.from(`DICM ${canary}`));
  });
  afterAll(async () => {
    await t.close();
    if (before === undefined) delete process.env['SQLITE_TMPDIR'];
    else process.env['SQLITE_TMPDIR'] = before;
    rmSync(temporary, { recursive: true, force: true });
  });

  it('is in no file of the store, nor of the temporary folder, while and after large sorts run', async () => {
    expect(t.store.reader.all(sort)).toHaveLength(rows);
    expect(await t.store.readLater(sort)).toHaveLength(rows);
    const handle = openDatabase(t.store.paths.database, databaseKeyOf(t.holder.keys().dataKey), 'read');
    const cursor = handle.prepare(sort).iterate();
    cursor.next();
    expect(openFilesWithCanary()).toEqual([]);
    expect(filesWithCanary(temporary)).toEqual([]);
    cursor.return?.();
    handle.close();
    await t.store.copyDatabase(join(t.home, 'copy.db'));
    expect(filesWithCanary(t.home)).toEqual([]);
    expect(filesWithCanary(temporary)).toEqual([]);
    expect(t.logged.join('\n')).not.toContain(canary);
  });

  it('would be found: without temp_store=MEMORY the same sort spills it', () => {
    const handle = openDatabase(t.store.paths.database, databaseKeyOf(t.holder.keys().dataKey), 'read');
    handle.pragma('temp_store=FILE');
    handle.pragma('cache_size=50');
    const cursor = handle.prepare(sort).iterate();
    cursor.next();
    expect([...openFilesWithCanary(), ...filesWithCanary(temporary)].length).toBeGreaterThan(0);
    cursor.return?.();
    handle.close();
  });
});
