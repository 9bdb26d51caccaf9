import * as z from 'zod';
import { op, streamOf } from '../../shared/operation.ts';

export const jobSchema = z.object({
  jobId: z.uuid(),
  kind: z.enum(['import', 'upload', 'export', 'backup', 'rebuildIndex', 'samples', 'fetch']),
  state: z.enum(['queued', 'running', 'done', 'failed', 'cancelled', 'interrupted']),
  operatorName: z.string(),
  createdAt: z.number(),
  endedAt: z.number().nullable(),
  /** Units done and expected; total 0 while it is not known. */
  done: z.number(),
  total: z.number(),
  bytesDone: z.number(),
  bytesTotal: z.number(),
  /** Units per second over the last seconds, and what is left at that rate; null while not known. */
  ratePerSecond: z.number().nullable(),
  remainingSeconds: z.number().nullable(),
  /** Counters a person reads: imported, duplicates, conflicts, rejected … */
  counts: z.record(z.string(), z.number()),
  /** Failure code when the job failed. */
  failure: z.string().nullable(),
});
export type Job = z.infer<typeof jobSchema>;

export const jobContract = {
  list: op({ shape: 'query', permission: 'signedIn', reads: ['jobs'], audit: false }).output(z.array(jobSchema)),
  get: op({ shape: 'query', permission: 'signedIn', reads: ['jobs'], audit: false })
    .input(z.object({ jobId: z.uuid() }))
    .output(jobSchema),
  /** Yields the job's newest state, coalesced, until it ends. Attaches after a reload too. */
  watch: op({ shape: 'stream', permission: 'signedIn', audit: false })
    .input(z.object({ jobId: z.uuid() }))
    .output(streamOf(jobSchema)),
  cancel: op({ shape: 'command', permission: 'signedIn', changes: ['jobs'], audit: true })
    .input(z.object({ jobId: z.uuid() }))
    .output(z.null()),
};
