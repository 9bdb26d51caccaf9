import type { Job } from '../../app/domains/jobs/jobContract.ts';

/** A row of table `job`. */
export interface JobRow {
  readonly job_id: string;
  readonly kind: Job['kind'];
  readonly state: Job['state'];
  readonly operator_id: string | null;
  readonly operator_name: string;
  readonly input: string;
  readonly checkpoint: string | null;
  readonly attempts: number;
  readonly created_at: number;
  readonly ended_at: number | null;
  readonly done: number;
  readonly total: number;
  readonly bytes_done: number;
  readonly bytes_total: number;
  readonly counts: string;
  readonly failure: string | null;
}

export function jobFromRow(row: JobRow): Job {
  return {
    jobId: row.job_id,
    kind: row.kind,
    state: row.state,
    operatorName: row.operator_name,
    createdAt: row.created_at,
    endedAt: row.ended_at,
    done: row.done,
    total: row.total,
    bytesDone: row.bytes_done,
    bytesTotal: row.bytes_total,
    ratePerSecond: null,
    remainingSeconds: null,
    counts: JSON.parse(row.counts) as Record<string, number>,
    failure: row.failure,
  };
}
