import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Job } from '../../../../app/domains/jobs/jobContract.ts';
import { importAssets } from '../importAssets.ts';
import { openTestImaging, type TestImaging } from '../testImaging.ts';
import { aSlice } from '../testObjects.ts';
import { makeZip } from '../testZip.ts';

let t: TestImaging;
let folder: string;
beforeEach(async () => {
  t = await openTestImaging();
  folder = mkdtempSync(join(tmpdir(), 'salus-runs-'));
});
afterEach(async () => {
  await t.close();
  rmSync(folder, { recursive: true, force: true });
});

function writeStudies(studies: number, slices: number): void {
  for (let study = 1; study <= studies; study += 1) {
    mkdirSync(join(folder, String(study)));
    for (let number = 1; number <= slices; number += 1) {
      writeFileSync(
        join(folder, String(study), `${number}.dcm`),
        aSlice({ study: `1.${study}`, sop: `1.${study}.1.${number}`, number, identifier: `P${study}` }),
      );
    }
  }
}

const counted = () => {
  const { reader } = t.test.store;
  const count = (sql: string) => reader.get<{ n: number }>(sql)?.n ?? 0;
  return {
    instances: count('SELECT count(*) AS n FROM instance'),
    inStudies: count('SELECT sum(instance_count) AS n FROM study'),
    inSeries: count('SELECT sum(instance_count) AS n FROM series'),
    inList: count('SELECT sum(instance_count) AS n FROM worklist_item'),
    identities: count('SELECT sum(instance_count) AS n FROM study_identity'),
  };
};
const arriving = () => {
  const inList =
    t.test.store.reader.get<{ n: number }>('SELECT count(*) AS n FROM worklist_item WHERE arriving = 1')?.n ?? 0;
  const inStudies = t.test.store.reader
    .all<{ study_uid: string }>('SELECT study_uid FROM study')
    .filter(({ study_uid }) => t.imaging.getStudyDetail(study_uid).study.arriving).length;
  expect(inStudies).toBe(inList);
  return inList;
};
const consistent = (n: number) => ({ instances: n, inStudies: n, inSeries: n, inList: n, identities: n });

describe('a run', () => {
  it('reports progress and ends with a summary', async () => {
    writeStudies(3, 100);
    const jobId = t.imaging.importPaths(t.test.author, [folder]);
    const seen: Job[] = [];
    for await (const job of t.test.store.jobs.watch(jobId, new AbortController().signal)) seen.push(job);
    const last = seen.at(-1) as Job;
    expect(last).toMatchObject({
      state: 'done',
      done: 300,
      total: 300,
      counts: { imported: 300, duplicates: 0, conflicts: 0, rejected: 0 },
    });
    const summary = t.imaging.getImportSummary(jobId);
    expect(summary).toMatchObject({ imported: 300, rejected: [] });
    expect(summary.seconds).toBeGreaterThan(0);
    expect(counted()).toEqual(consistent(300));
    expect(() => t.imaging.getImportSummary('nothing')).toThrowError(
      expect.objectContaining({ code: 'imaging.importUnknown' }),
    );
  });

  it('twice over the same folder at once takes each object once', async () => {
    writeStudies(2, 100);
    const jobs = await Promise.all([t.importPaths(folder), t.importPaths(folder)]);
    const totals = jobs.map(({ counts }) => counts);
    expect((totals[0]?.imported ?? 0) + (totals[1]?.imported ?? 0)).toBe(200);
    expect((totals[0]?.duplicates ?? 0) + (totals[1]?.duplicates ?? 0)).toBe(200);
    expect(totals.every((counts) => counts.conflicts === 0)).toBe(true);
    expect(counted()).toEqual(consistent(200));
  });

  it('that is cancelled stops soon, and what it took is whole', async () => {
    writeStudies(4, 120);
    const jobId = t.imaging.importPaths(t.test.author, [folder]);
    for await (const job of t.test.store.jobs.watch(jobId, new AbortController().signal)) if (job.done > 0) break;
    t.test.store.jobs.cancel(jobId, t.test.author);
    const job = await t.test.store.jobs.finished(jobId);
    expect(job.state).toBe('cancelled');
    const { instances } = counted();
    expect(counted()).toEqual(consistent(instances));
    // Nobody can take a study that lacks images for a whole one.
    expect(arriving()).toBeGreaterThan(0);
    expect(t.imaging.getImportSummary(jobId).imported).toBe(instances);
    // What is there is right, and importing again completes it.
    const again = await t.importPaths(folder);
    expect(again.counts).toMatchObject({ imported: 480 - instances, duplicates: instances });
    expect(arriving()).toBe(0);
  });

  it('cut off by a stop goes on at the next start, counting nothing twice', async () => {
    writeStudies(4, 120);
    writeFileSync(join(folder, 'note.txt'), 'not an image, but a file that counts among the rejected ones');
    const jobId = t.imaging.importPaths(t.test.author, [folder]);
    for await (const job of t.test.store.jobs.watch(jobId, new AbortController().signal)) if (job.done > 0) break;
    await t.reopen();
    expect(arriving()).toBeGreaterThan(0);
    const job = await t.test.store.jobs.finished(jobId);
    expect(job).toMatchObject({ state: 'done', counts: { imported: 480, duplicates: 0, conflicts: 0, rejected: 1 } });
    expect(t.imaging.getImportSummary(jobId)).toMatchObject({
      imported: 480,
      duplicates: 0,
      conflicts: 0,
      rejected: [{ reason: 'imaging.notDicom' }],
    });
    expect(counted()).toEqual(consistent(480));
    expect(arriving()).toBe(0);
  });

  it('cut off after its last write, before the word that it is done, counts nothing twice', async () => {
    writeStudies(2, 60);
    const first = await t.importPaths(folder);
    t.test.store.gate.write(t.test.author, 'jobs.start', (tx) =>
      tx.run("UPDATE job SET state = 'running', ended_at = NULL WHERE job_id = ?", first.jobId),
    );
    await t.reopen();
    expect(await t.test.store.jobs.finished(first.jobId)).toMatchObject({
      state: 'done',
      counts: { imported: 120, duplicates: 0 },
    });
    expect(t.imaging.getImportSummary(first.jobId)).toMatchObject({ imported: 120, duplicates: 0 });
  });

  it('forgets the list of files of the runs that ended before it', async () => {
    writeStudies(1, 3);
    await t.importPaths(folder);
    const { jobId } = await t.importPaths(join(folder, '1', '1.dcm'));
    expect(t.test.store.reader.all('SELECT DISTINCT job_id FROM import_file')).toEqual([{ job_id: jobId }]);
  });
});

describe('an upload', () => {
  const send = (jobId: string, path: string, body: Buffer, context = t.context()) =>
    importAssets(
      new Request(`http://host/imports/${jobId}/files`, {
        method: 'POST',
        body: new Uint8Array(body),
        headers: { 'x-salus-path': encodeURIComponent(path) },
      }),
      context,
    );

  it('takes files and archives from a window and ends when the window says so', async () => {
    const jobId = t.imaging.startUpload(t.test.author, { files: 4, bytes: 0 });
    const archive = makeZip([
      { name: 'x.dcm', content: aSlice() },
      { name: 'y.txt', content: Buffer.from('hello') },
    ]);
    const answers = await Promise.all([
      send(jobId, 'été/a.dcm', aSlice()),
      send(jobId, 'b.dcm', aSlice()),
      send(jobId, 'c.zip', archive),
      send(jobId, 'empty', Buffer.alloc(0)),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([204, 204, 204, 204]);
    t.imaging.finishUpload(jobId, t.test.author);
    expect((await t.test.store.jobs.finished(jobId)).state).toBe('done');
    const { imported, rejected } = t.imaging.getImportSummary(jobId);
    expect(imported).toBe(3);
    expect(rejected).toEqual(
      expect.arrayContaining([
        { path: 'c.zip/y.txt', reason: 'imaging.notDicom' },
        { path: 'empty', reason: 'imaging.emptyFile' },
      ]),
    );
  });

  it('says that it was cut off when the window stopped before it had sent all', async () => {
    const jobId = t.imaging.startUpload(t.test.author, { files: 2, bytes: 0 });
    await send(jobId, 'a.dcm', aSlice());
    t.imaging.finishUpload(jobId, t.test.author, false);
    expect(await t.test.store.jobs.finished(jobId)).toMatchObject({
      state: 'failed',
      failure: 'jobs.interrupted',
      counts: { imported: 1 },
    });
    expect(t.imaging.getImportSummary(jobId).imported).toBe(1);
  });

  it('belongs to who began it, and needs the permission', async () => {
    const jobId = t.imaging.startUpload(t.test.author, { files: 1, bytes: 0 });
    const other = t.context({ session: t.test.as(['technician']) });
    await expect(
      send(jobId, 'a.dcm', aSlice(), { ...other, author: () => t.test.as(['technician']) }),
    ).rejects.toMatchObject({ code: 'imaging.importUnknown' });
    const viewer = t.context({ session: t.test.as(['viewer']) });
    await expect(send(jobId, 'a.dcm', aSlice(), viewer)).rejects.toMatchObject({ code: 'security.notAllowed' });
    await expect(send('00000000-0000-7000-8000-000000000000', 'a.dcm', aSlice())).rejects.toMatchObject({
      code: 'imaging.importUnknown',
    });
    // Whoever it does not belong to is told before a byte of theirs is read.
    let asked = 0;
    const body = new ReadableStream(
      { pull: (controller) => (asked++ < 100 ? controller.enqueue(new Uint8Array(1024)) : controller.close()) },
      { highWaterMark: 0 },
    );
    const request = new Request(`http://host/imports/${jobId}/files`, {
      method: 'POST',
      body,
      duplex: 'half',
    } as object);
    await expect(importAssets(request, { ...other, author: () => t.test.as(['technician']) })).rejects.toMatchObject({
      code: 'imaging.importUnknown',
    });
    expect(asked).toBe(0);
    t.imaging.finishUpload(jobId, t.test.author);
    await t.test.store.jobs.finished(jobId);
    await expect(send(jobId, 'late.dcm', aSlice())).rejects.toMatchObject({ code: 'imaging.importUnknown' });
  });
});

describe('an export', () => {
  it('never overwrites, and says why it cannot go on', async () => {
    writeStudies(1, 3);
    await t.importPaths(folder);
    const run = (studyUid: string, directory: string) =>
      t.test.store.jobs.finished(t.imaging.startExport(t.test.author, { studyUid, directory }));
    expect(await run('1.1', join(folder, 'out'))).toMatchObject({ state: 'done', counts: { exported: 3 } });
    expect(await run('1.1', join(folder, 'out'))).toMatchObject({ state: 'failed', failure: 'imaging.exportFailed' });
    expect(await run('9.9', join(folder, 'other'))).toMatchObject({ state: 'failed', failure: 'imaging.studyUnknown' });
    expect(await run('1.1', '/proc/nowhere')).toMatchObject({ state: 'failed', failure: 'imaging.exportFailed' });
  });
});
