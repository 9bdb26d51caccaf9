import type { Job } from '../../app/domains/jobs/jobContract.ts';
import type { AuditSubject, Author } from '../database/writeGate.ts';

export interface JobProgress {
  done?: number;
  total?: number;
  bytesDone?: number;
  bytesTotal?: number;
  counts?: Record<string, number>;
}

export interface JobHandle {
  readonly jobId: string;
  readonly signal: AbortSignal;
  /** What the last run of this job kept, or null on a first run. */
  readonly checkpoint: unknown;
  /** Cheap: keeps the newest state and tells the watchers at most ten times a second. */
  report(progress: JobProgress): void;
  /** Kept in the job's row, so that a resumed run starts from here. At most once a second reaches the disk. */
  saveCheckpoint(checkpoint: unknown): void;
}

export interface JobDefinition<Input> {
  readonly kind: Job['kind'];
  /** True when a run cut off by a restart starts again by itself (its steps must be idempotent). */
  readonly resumes: boolean;
  /** Checked again on resume. */
  readonly permission: string;
  run(input: Input, handle: JobHandle, author: Author): Promise<void>;
}

/** What a person asked for by starting a job, for the audit entry of the start: the operation and what it is about. */
export interface JobRequest {
  readonly action: string;
  readonly subject?: AuditSubject;
}

/** Long work that survives navigation, reload and restart. One row of table `job` each. */
export interface JobRunner {
  define<Input>(definition: JobDefinition<Input>): void;
  /** @param request where missing, the entry is `jobs.start` about the job */
  start<Input>(kind: Job['kind'], author: Author, input: Input, request?: JobRequest): string;
  cancel(jobId: string, author: Author): void;
  get(jobId: string): Job;
  list(): Job[];
  /** Newest state first, then each change, coalesced; ends when the job ends. */
  watch(jobId: string, signal: AbortSignal): AsyncIterable<Job>;
  /** Resolves when the job has ended. */
  finished(jobId: string): Promise<Job>;
  /** The permission a job's kind needs, and who started it: who may cancel it. @throws Failure('jobs.unknown') */
  ownerOf(jobId: string): { operatorId: string | null; permission: string };
  /**
   * Takes up what a restart cut off, once every kind is defined: kinds that resume run again from their checkpoint if
   * their operator may still do so; the rest are marked interrupted. Does nothing on a core without background work.
   */
  resume(): void;
}
