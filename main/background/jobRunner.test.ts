import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Job } from '../../app/domains/jobs/jobContract.ts';
import { Failure } from '../../app/shared/failure.ts';
import { openTestStore, type TestStore } from '../database/testStore.ts';
import { jobHandlers } from '../domains/jobs/jobHandlers.ts';
import type { JobDefinition, JobHandle } from './jobs.ts';

describe('background jobs', () => {
  let t: TestStore;
  beforeEach(async () => {
    t = await openTestStore();
  });
  afterEach(() => t.close());

  const define = (run: JobDefinition<unknown>['run'], more: Partial<JobDefinition<unknown>> = {}) =>
    t.store.jobs.define({ kind: 'import', resumes: true, permission: 'studies.import', run, ...more });
  const actions = () =>
    t.store.reader
      .all<{ action: string }>("SELECT action FROM audit_entry WHERE action LIKE 'jobs.%' ORDER BY sequence")
      .map(({ action }) => action);
  /** Works until it is told to stop. */
  const endless = (handle: JobHandle) =>
    new Promise<void>((_resolve, reject) =>
      handle.signal.addEventListener('abort', () => reject(handle.signal.reason)),
    );

  it('runs, reports and ends, with its state kept', async () => {
    define(async (input, handle) => {
      handle.report({ total: 3, bytesTotal: 30 });
      handle.report({ done: 3, bytesDone: 30, counts: { imported: (input as { n: number }).n } });
    });
    const jobId = t.store.jobs.start('import', t.author, { n: 3 });
    expect(t.store.jobs.get(jobId)).toMatchObject({ state: 'running', operatorName: 'tester' });
    expect(await t.store.jobs.finished(jobId)).toMatchObject({ state: 'done', done: 3, counts: { imported: 3 } });
    await t.reopen();
    expect(t.store.jobs.get(jobId)).toMatchObject({
      state: 'done',
      done: 3,
      total: 3,
      bytesDone: 30,
      counts: { imported: 3 },
    });
    expect(actions()).toEqual(['jobs.start', 'jobs.done']);
  });

  it('tells a failure’s code, and nothing of any other error', async () => {
    define(async (input) => {
      if (input === 'failure') throw new Failure('storage.diskFull', 'full');
      throw new Error('secret');
    });
    expect(await t.store.jobs.finished(t.store.jobs.start('import', t.author, 'failure'))).toMatchObject({
      state: 'failed',
      failure: 'storage.diskFull',
    });
    expect(await t.store.jobs.finished(t.store.jobs.start('import', t.author, 'x'))).toMatchObject({
      state: 'failed',
      failure: 'jobs.failed',
    });
  });

  it('cancels what runs, refuses what has ended or is not there', async () => {
    define((_input, handle) => endless(handle));
    const jobId = t.store.jobs.start('import', t.author, null);
    t.store.jobs.cancel(jobId, t.author);
    expect(await t.store.jobs.finished(jobId)).toMatchObject({ state: 'cancelled', failure: null });
    expect(() => t.store.jobs.cancel(jobId, t.author)).toThrow(
      expect.objectContaining({ code: 'jobs.notCancellable' }),
    );
    expect(() => t.store.jobs.get(t.store.newId())).toThrow(expect.objectContaining({ code: 'jobs.unknown' }));
  });

  it('lets another operator cancel only with the permission to start such a job', async () => {
    define((_input, handle) => endless(handle));
    const jobId = t.store.jobs.start('import', t.author, null);
    const cancelAs = (roles: Parameters<TestStore['as']>[0]) =>
      jobHandlers.cancel({ jobId }, t.context({ session: t.as(roles) }));
    expect(() => cancelAs(['viewer'])).toThrow(expect.objectContaining({ code: 'security.notAllowed' }));
    expect(cancelAs(['technician'])).toBeNull();
  });

  it('resumes after a restart from its checkpoint, with its permission checked again', async () => {
    const seen: unknown[] = [];
    const run: JobDefinition<unknown>['run'] = async (input, handle) => {
      seen.push([input, handle.checkpoint]);
      if (handle.checkpoint !== null) return;
      handle.report({ done: 5, total: 9 });
      handle.saveCheckpoint({ next: 5 });
      await endless(handle);
    };
    define(run);
    const jobId = t.store.jobs.start('import', t.author, { path: 'p' });
    await new Promise((resolve) => setTimeout(resolve, 10));
    await t.reopen();
    expect(t.store.jobs.get(jobId)).toMatchObject({ state: 'running', done: 5 });
    define(run);
    t.store.jobs.resume();
    expect(await t.store.jobs.finished(jobId)).toMatchObject({ state: 'done', done: 5, total: 9 });
    expect(seen).toEqual([
      [{ path: 'p' }, null],
      [{ path: 'p' }, { next: 5 }],
    ]);
    expect(actions()).toEqual(['jobs.start', 'jobs.resume', 'jobs.done']);
  });

  it('does not resume for an operator who may no longer, nor a kind that does not resume', async () => {
    const run: JobDefinition<unknown>['run'] = (_input, handle) => endless(handle);
    define(run);
    define(run, { kind: 'export', resumes: false, permission: 'studies.export' });
    const importing = t.store.jobs.start('import', t.author, null);
    const exporting = t.store.jobs.start('export', t.author, null);
    t.store.gate.write(t.author, 'x.y', (tx) => tx.run(`UPDATE operator SET roles = '["viewer"]'`));
    await t.reopen();
    define(run);
    define(run, { kind: 'export', resumes: false, permission: 'studies.export' });
    t.store.jobs.resume();
    expect(t.store.jobs.get(importing)).toMatchObject({ state: 'failed', failure: 'security.notAllowed' });
    expect(t.store.jobs.get(exporting)).toMatchObject({ state: 'interrupted', failure: 'jobs.interrupted' });
  });

  it('coalesces what it tells: the newest state, never a queue', async () => {
    const { promise: seenAll, resolve: finish } = Promise.withResolvers<void>();
    define(async (_input, handle) => {
      handle.report({ total: 100_000 });
      for (let done = 1; done <= 100_000; done += 1) {
        handle.report({ done });
        if (done % 10_000 === 0) await new Promise((resolve) => setTimeout(resolve, 20));
      }
      await seenAll;
    });
    const jobId = t.store.jobs.start('import', t.author, null);
    const states: Job[] = [];
    for await (const state of t.store.jobs.watch(jobId, new AbortController().signal)) {
      states.push(state);
      if (state.done === 100_000) finish();
    }
    expect(states.length).toBeLessThan(20);
    expect(states.at(-1)).toMatchObject({ state: 'done', done: 100_000 });
    // A watcher that comes late gets the end state at once.
    const late: Job[] = [];
    for await (const state of t.store.jobs.watch(jobId, new AbortController().signal)) late.push(state);
    expect(late).toMatchObject([{ state: 'done' }]);
  });

  it('tells the end to a watcher that was busy with the item before', async () => {
    let finish: () => void = () => undefined;
    define(() => new Promise<void>((resolve) => (finish = resolve)));
    const jobId = t.store.jobs.start('import', t.author, null);
    const states: Job['state'][] = [];
    for await (const { state } of t.store.jobs.watch(jobId, new AbortController().signal)) {
      states.push(state);
      if (states.length > 1) continue;
      finish();
      await t.store.jobs.finished(jobId);
    }
    expect(states).toEqual(['running', 'done']);
  });

  it('lets a watcher go without touching the job', async () => {
    define((_input, handle) => endless(handle));
    const jobId = t.store.jobs.start('import', t.author, null);
    const abort = new AbortController();
    const states: Job[] = [];
    setTimeout(() => abort.abort(), 20);
    for await (const state of t.store.jobs.watch(jobId, abort.signal)) states.push(state);
    expect(states).toHaveLength(1);
    expect(t.store.jobs.get(jobId).state).toBe('running');
    expect(t.store.jobs.list().map((job) => job.jobId)).toEqual([jobId]);
  });

  it('tells rate and remaining time', async () => {
    define(async (_input, handle) => {
      handle.report({ total: 100, done: 0 });
      for (let done = 10; done <= 50; done += 10) {
        await new Promise((resolve) => setTimeout(resolve, 300));
        handle.report({ done });
      }
      await endless(handle);
    });
    const jobId = t.store.jobs.start('import', t.author, null);
    await new Promise((resolve) => setTimeout(resolve, 1700));
    const job = t.store.jobs.get(jobId);
    expect(job.ratePerSecond).toBeGreaterThan(5);
    expect(job.ratePerSecond).toBeLessThan(40);
    expect(job.remainingSeconds).toBeGreaterThan(1);
  });
});
