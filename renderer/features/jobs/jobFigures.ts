import type { Job } from '../../../app/domains/jobs/jobContract.ts';

/** How far a job is, 0 … 1: by bytes where bytes are counted, else by units; null while the total is unknown. */
export function jobFraction(job: Pick<Job, 'done' | 'total' | 'bytesDone' | 'bytesTotal'>): number | null {
  if (job.bytesTotal > 0) return Math.min(1, job.bytesDone / job.bytesTotal);
  if (job.total > 0) return Math.min(1, job.done / job.total);
  return null;
}
