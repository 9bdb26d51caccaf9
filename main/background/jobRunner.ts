import type { Job } from '../../app/domains/jobs/jobContract.ts';
import { isAllowed, type Permission, type Role } from '../../app/domains/security/securityRules.ts';
import { Failure } from '../../app/shared/failure.ts';
import type { StoreGate } from '../database/openWriteGate.ts';
import type { Author, Reader } from '../database/writeGate.ts';
import type { Platform } from '../platform/platform.ts';
import { type JobPace, openJobPace } from './jobPace.ts';
import { type JobRow, jobFromRow } from './jobRow.ts';
import type { JobDefinition, JobHandle, JobProgress, JobRunner } from './jobs.ts';

export interface ClosableJobRunner extends JobRunner {
  /** Cuts off what runs (it resumes at the next start) and waits for it. */
  close(): Promise<void>;
}

export interface JobRunnerParts {
  readonly gate: StoreGate;
  readonly reader: Reader;
  readonly platform: Platform;
  newId(): string;
}

interface Running {
  job: Job;
  readonly author: Author;
  readonly pace: JobPace;
  readonly abort: AbortController;
  checkpoint: unknown;
  checkpointDue: boolean;
  checkpointTimer: NodeJS.Timeout | null;
  readonly changed: Set<() => void>;
  ended: Promise<Job>;
}

const watchStepMs = 100;
const checkpointStepMs = 1000;
const maximumAttempts = 5;
const listedJobs = 200;
const endedStates: readonly Job['state'][] = ['done', 'failed', 'cancelled', 'interrupted'];

export function openJobRunner({ gate, reader, platform, newId }: JobRunnerParts): ClosableJobRunner {
  const definitions = new Map<string, JobDefinition<unknown>>();
  const running = new Map<string, Running>();
  let closing = false;

  function row(jobId: string): JobRow {
    const found = reader.get<JobRow>('SELECT * FROM job WHERE job_id = ?', jobId);
    if (!found) throw new Failure('jobs.unknown', 'no such job');
    return found;
  }

  function stateOf(active: Running): Job {
    const live =
      active.job.state === 'running'
        ? active.pace.estimate(active.job)
        : { ratePerSecond: null, remainingSeconds: null };
    return { ...active.job, ...live };
  }

  function get(jobId: string): Job {
    const active = running.get(jobId);
    return active ? stateOf(active) : jobFromRow(row(jobId));
  }

  function tell(active: Running): void {
    for (const wake of active.changed) wake();
  }

  function writeCheckpoint(active: Running): void {
    if (active.checkpointTimer !== null) clearTimeout(active.checkpointTimer);
    active.checkpointTimer = null;
    if (!active.checkpointDue) return;
    active.checkpointDue = false;
    const { job, checkpoint } = active;
    try {
      gate.note(
        (tx) => {
          tx.run(
            'UPDATE job SET checkpoint = ?, done = ?, total = ?, bytes_done = ?, bytes_total = ?, counts = ? WHERE job_id = ?',
            JSON.stringify(checkpoint ?? null),
            job.done,
            job.total,
            job.bytesDone,
            job.bytesTotal,
            JSON.stringify(job.counts),
            job.jobId,
          );
        },
        ['jobs'],
      );
    } catch (error) {
      // Steps are idempotent: without this checkpoint a resumed run does more again, nothing is lost.
      platform.log.error('a job checkpoint could not be kept', error, { jobId: job.jobId });
    }
  }

  function handleOf(active: Running): JobHandle {
    return {
      jobId: active.job.jobId,
      signal: active.abort.signal,
      checkpoint: active.checkpoint,
      report(progress: JobProgress) {
        active.job = {
          ...active.job,
          done: progress.done ?? active.job.done,
          total: progress.total ?? active.job.total,
          bytesDone: progress.bytesDone ?? active.job.bytesDone,
          bytesTotal: progress.bytesTotal ?? active.job.bytesTotal,
          counts: progress.counts ? { ...active.job.counts, ...progress.counts } : active.job.counts,
        };
        active.pace.note(performance.now(), active.job.done, active.job.bytesDone);
        tell(active);
      },
      saveCheckpoint(checkpoint) {
        active.checkpoint = checkpoint;
        active.checkpointDue = true;
        active.checkpointTimer ??= setTimeout(() => writeCheckpoint(active), checkpointStepMs);
      },
    };
  }

  /** How a run ended, as a job's state and failure code. */
  function outcomeOf(active: Running, error: unknown): Pick<Job, 'state' | 'failure'> {
    if (active.abort.signal.aborted) return { state: 'cancelled', failure: null };
    if (error === undefined) return { state: 'done', failure: null };
    if (error instanceof Failure) return { state: 'failed', failure: error.code };
    platform.log.error('a job failed', error, { jobId: active.job.jobId, kind: active.job.kind });
    return { state: 'failed', failure: 'jobs.failed' };
  }

  function finish(active: Running, error: unknown): Job {
    const { jobId } = active.job;
    if (closing) {
      // The row stays `running`: the next start resumes it or marks it interrupted.
      active.checkpointDue ||= active.checkpointTimer !== null;
      writeCheckpoint(active);
    } else {
      if (active.checkpointTimer !== null) clearTimeout(active.checkpointTimer);
      active.job = { ...active.job, ...outcomeOf(active, error), endedAt: platform.clock.nowMs() };
      const { job } = active;
      try {
        gate.write(active.author, `jobs.${job.state}`, (tx) => {
          tx.run(
            `UPDATE job SET state = ?, ended_at = ?, failure = ?, checkpoint = ?, done = ?, total = ?, bytes_done = ?, bytes_total = ?, counts = ?
             WHERE job_id = ?`,
            job.state,
            job.endedAt,
            job.failure,
            JSON.stringify(active.checkpoint ?? null),
            job.done,
            job.total,
            job.bytesDone,
            job.bytesTotal,
            JSON.stringify(job.counts),
            jobId,
          );
          tx.subject(
            { type: 'job', id: jobId },
            { kind: job.kind, ...(job.failure === null ? {} : { failure: job.failure }) },
          );
          tx.topic('jobs');
        });
      } catch (failure) {
        platform.log.error('the end of a job could not be kept', failure, { jobId });
      }
    }
    running.delete(jobId);
    tell(active);
    return active.job;
  }

  function run(jobRow: JobRow, author: Author, definition: JobDefinition<unknown>): void {
    const active: Running = {
      job: { ...jobFromRow(jobRow), state: 'running', endedAt: null, failure: null },
      author,
      pace: openJobPace(),
      abort: new AbortController(),
      checkpoint: jobRow.checkpoint === null ? null : JSON.parse(jobRow.checkpoint),
      checkpointDue: false,
      checkpointTimer: null,
      changed: new Set(),
      ended: Promise.resolve(jobFromRow(jobRow)),
    };
    running.set(jobRow.job_id, active);
    const input: unknown = JSON.parse(jobRow.input);
    active.ended = Promise.resolve()
      .then(() => {
        // Cancelled before its first step: a run that only listens for the abort would wait for ever.
        active.abort.signal.throwIfAborted();
        return definition.run(input, handleOf(active), author);
      })
      .then(
        () => finish(active, undefined),
        (error: unknown) => finish(active, error ?? new Error('a job rejected with nothing')),
      );
  }

  function mayStill(jobRow: JobRow, permission: string): boolean {
    if (jobRow.operator_id === null) return true;
    const operator = reader.get<{ roles: string; disabled: number }>(
      'SELECT roles, disabled FROM operator WHERE operator_id = ?',
      jobRow.operator_id,
    );
    return operator?.disabled === 0 && isAllowed(JSON.parse(operator.roles) as Role[], permission as Permission);
  }

  function endUnrun(jobRow: JobRow, state: Job['state'], failure: string): void {
    gate.write({ operatorId: jobRow.operator_id, operatorName: jobRow.operator_name }, `jobs.${state}`, (tx) => {
      tx.run(
        'UPDATE job SET state = ?, failure = ?, ended_at = ? WHERE job_id = ?',
        state,
        failure,
        tx.nowMs,
        jobRow.job_id,
      );
      tx.subject({ type: 'job', id: jobRow.job_id }, { kind: jobRow.kind, failure });
      tx.topic('jobs');
    });
  }

  return {
    define(definition) {
      if (definitions.has(definition.kind)) throw new Error(`job kind ${definition.kind} is defined twice`);
      definitions.set(definition.kind, definition as JobDefinition<unknown>);
    },
    start(kind, author, input, request) {
      const definition = definitions.get(kind);
      if (!definition) throw new Error(`job kind ${kind} is not defined`);
      const jobId = newId();
      gate.write(author, request?.action ?? 'jobs.start', (tx) => {
        tx.run(
          `INSERT INTO job (job_id, kind, state, operator_id, operator_name, input, attempts, created_at)
           VALUES (?, ?, 'running', ?, ?, ?, 1, ?)`,
          jobId,
          kind,
          author.operatorId,
          author.operatorName ?? '',
          JSON.stringify(input ?? null),
          tx.nowMs,
        );
        const job = { type: 'job', id: jobId } as const;
        if (request?.subject) tx.subject(request.subject, { kind, jobId });
        else tx.subject(job, { kind });
        tx.topic('jobs');
      });
      run(row(jobId), author, definition);
      return jobId;
    },
    resume() {
      if (!platform.backgroundWork) return;
      const cut = reader.all<JobRow>("SELECT * FROM job WHERE state IN ('queued', 'running') ORDER BY created_at");
      for (const jobRow of cut) {
        if (running.has(jobRow.job_id)) continue;
        const definition = definitions.get(jobRow.kind);
        if (!definition?.resumes || jobRow.attempts >= maximumAttempts)
          endUnrun(jobRow, 'interrupted', 'jobs.interrupted');
        else if (!mayStill(jobRow, definition.permission)) endUnrun(jobRow, 'failed', 'security.notAllowed');
        else {
          const author: Author = { operatorId: jobRow.operator_id, operatorName: jobRow.operator_name || null };
          gate.write(author, 'jobs.resume', (tx) => {
            tx.run("UPDATE job SET state = 'running', attempts = attempts + 1 WHERE job_id = ?", jobRow.job_id);
            tx.subject({ type: 'job', id: jobRow.job_id }, { kind: jobRow.kind, attempt: jobRow.attempts + 1 });
            tx.topic('jobs');
          });
          run(row(jobRow.job_id), author, definition);
        }
      }
    },
    ownerOf(jobId) {
      const { operator_id, kind } = row(jobId);
      return { operatorId: operator_id, permission: definitions.get(kind)?.permission ?? 'storage.manage' };
    },
    cancel(jobId, author) {
      const active = running.get(jobId);
      if (!active) {
        row(jobId);
        throw new Failure('jobs.notCancellable', 'the job has ended');
      }
      gate.record(author, 'jobs.cancel', 'success', { type: 'job', id: jobId }, { kind: active.job.kind });
      active.abort.abort(new Failure('jobs.interrupted', 'cancelled by an operator'));
    },
    get,
    list() {
      const rows = reader.all<JobRow>('SELECT * FROM job ORDER BY created_at DESC, job_id DESC LIMIT ?', listedJobs);
      return rows.map((jobRow) => get(jobRow.job_id));
    },
    async *watch(jobId, signal) {
      const active = running.get(jobId);
      if (!active) {
        yield jobFromRow(row(jobId));
        return;
      }
      let dirty = true;
      let wake: (() => void) | null = null;
      const onChange = (): void => {
        dirty = true;
        wake?.();
      };
      active.changed.add(onChange);
      signal.addEventListener('abort', onChange);
      try {
        for (;;) {
          while (!dirty && !signal.aborted) {
            await new Promise<void>((resolve) => {
              wake = resolve;
            });
          }
          if (signal.aborted) return;
          dirty = false;
          const state = stateOf(active);
          yield state;
          // A job that ended while the watcher held this item has made `dirty` true: its end is still to be told.
          if (endedStates.includes(state.state) || (!running.has(jobId) && !dirty)) return;
          // At most ten a second; a change meanwhile sets `dirty` and is yielded next, so the newest is never lost.
          await new Promise((resolve) => setTimeout(resolve, watchStepMs));
        }
      } finally {
        active.changed.delete(onChange);
        signal.removeEventListener('abort', onChange);
      }
    },
    finished(jobId) {
      const active = running.get(jobId);
      return active ? active.ended : Promise.resolve(jobFromRow(row(jobId)));
    },
    async close() {
      closing = true;
      const cut = [...running.values()];
      for (const active of cut) active.abort.abort(new Failure('jobs.interrupted', 'the core is stopping'));
      const settled = Promise.all(cut.map((active) => active.ended));
      let timer: NodeJS.Timeout | undefined;
      const patience = new Promise<void>((resolve) => {
        timer = setTimeout(() => {
          platform.log.warn('jobs did not stop in time', { jobs: running.size });
          resolve();
        }, 10_000);
      });
      await Promise.race([settled, patience]);
      clearTimeout(timer);
      for (const active of running.values()) if (active.checkpointTimer !== null) clearTimeout(active.checkpointTimer);
    },
  };
}
