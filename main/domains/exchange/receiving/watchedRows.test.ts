import { afterEach, beforeEach, expect, it } from 'vitest';
import { openTestStore, type TestStore } from '../../../database/testStore.ts';
import { fileKey, folderKey, type SeenFile } from './folderLook.ts';
import { openWatchedRows } from './watchedRows.ts';

const dayMs = 86_400_000;
let test: TestStore;
beforeEach(async () => {
  test = await openTestStore();
});
afterEach(() => test.close());

const aFile = (number: number): SeenFile => ({ path: `/in/${number}`, size: number + 1, mtimeMs: number });
const some = (from: number, to: number): SeenFile[] =>
  Array.from({ length: to - from }, (_, index) => aFile(from + index));
const rows = () =>
  test.store.reader.all<{ file_key: Uint8Array; seen_at: number; job_id: string | null }>(
    'SELECT file_key, seen_at, job_id FROM watched_file',
  );

it('knows files again, a few and very many, and takes those of an import that failed again', async () => {
  const watched = openWatchedRows(test.store);
  watched.begin('/in', some(0, 1_200), 'job-1');
  watched.begin('/in', some(1_200, 1_210), 'job-2');
  expect(watched.unfinished('/in').sort()).toEqual(['job-1', 'job-2']);
  expect(watched.count('job-2')).toBe(10);
  expect(watched.unfinished('/elsewhere')).toEqual([]);
  test.store.gate.append(test.author, (tx) => watched.finish(tx, 'job-1'));
  expect(await watched.unknownOf('/in', [aFile(3), aFile(5_000)])).toEqual([aFile(5_000)]);
  expect(await watched.unknownOf('/in', some(0, 1_300))).toEqual(some(1_210, 1_300));
  expect(await watched.unknownOf('/elsewhere', some(0, 200))).toHaveLength(200);
  watched.forget('job-2');
  expect(await watched.unknownOf('/in', some(0, 1_210))).toEqual(some(1_200, 1_210));
  expect(watched.unfinished('/in')).toEqual([]);
});

it('forgets what has been gone for long, also of folders that nobody watches, and nothing that is there', async () => {
  const watched = openWatchedRows(test.store);
  test.clock.set(1_000 * dayMs);
  for (const folder of ['/in', '/unwatched', '/other']) watched.begin(folder, some(0, 1_200), `job${folder}`);
  test.store.gate.append(test.author, (tx) => {
    for (const folder of ['/in', '/unwatched', '/other']) watched.finish(tx, `job${folder}`);
  });
  test.clock.advance(60 * dayMs);
  await watched.prune('/in', some(0, 600), ['/in', '/other'], new AbortController().signal);
  expect(rows()).toHaveLength(3_600);
  test.clock.advance(31 * dayMs);
  await watched.prune('/in', some(0, 600), ['/in', '/other'], new AbortController().signal);
  const left = (folder: string) =>
    test.store.reader.get<{ n: number }>(
      'SELECT count(*) AS n FROM watched_file WHERE folder_key = ?',
      folderKey(folder),
    )?.n;
  expect([left('/in'), left('/unwatched'), left('/other')]).toEqual([600, 0, 1_200]);
  const kept = new Set(rows().map(({ file_key }) => Buffer.from(file_key).toString('hex')));
  expect(some(0, 600).every((file) => kept.has(fileKey(file).toString('hex')))).toBe(true);
});
