import type { Sought } from '../../../../app/domains/exchange/prefetchRules.ts';
import type { Job } from '../../../../app/domains/jobs/jobContract.ts';
import { Failure } from '../../../../app/shared/failure.ts';
import type { OpenStore } from '../../../core.ts';
import { systemAuthor } from '../../../database/openWriteGate.ts';
import type { Services } from '../../../domainServices.ts';
import { isHereAsAnother } from './prefetchLook.ts';
import type { ChosenPrior, Trouble } from './prefetchRows.ts';
import type { PrefetchParts } from './prefetchRun.ts';

interface Brought {
  readonly state: ChosenPrior['state'];
  readonly trouble: Trouble | null;
}

/**
 * Brings one study by the same job that a person starts, as the system. A job that brings it already, a person's or one
 * that a restart left, is waited for. What came counts only when its objects name the person who was sought.
 *
 * @returns null when the signal came first
 */
export async function bringPrior(
  parts: PrefetchParts,
  prefetchId: string,
  prior: ChosenPrior,
  sought: Sought,
  signal: AbortSignal,
): Promise<Brought | null> {
  const { store, services, finding } = parts;
  const { studyUid, nodeId } = prior;
  const wrong = (code: string, details: Trouble['details'] = {}): Trouble => ({
    code,
    details: { ...details, nodeId },
  });
  let job: Job;
  try {
    let jobId = findFetch(store, prior);
    if (jobId === null) {
      markPrior(store, services(), studyUid, true);
      jobId = finding.startFetch(systemAuthor, { nodeId, studyUid, seriesUids: [] });
    }
    const started = jobId;
    store.gate.append(systemAuthor, (tx) => {
      tx.run(
        'UPDATE prefetch_prior SET job_id = ? WHERE prefetch_id = ? AND study_uid = ?',
        started,
        prefetchId,
        studyUid,
      );
      tx.topic('rules');
    });
    const ended = await unlessStopped(store.jobs.finished(started), signal);
    // A store that closes leaves the job for the next start.
    if (ended === null || signal.aborted || ended.endedAt === null) return null;
    job = ended;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    withdraw(store, services(), studyUid);
    return { state: 'failed', trouble: wrong(error.code, error.details) };
  }
  if (isHereAsAnother(store, sought, studyUid)) {
    // Whoever's it is, it is not put aside as this one's prior.
    markPrior(store, services(), studyUid, false);
    return { state: 'otherPerson', trouble: wrong('exchange.otherPerson') };
  }
  if (job.state === 'done') return { state: 'here', trouble: null };
  withdraw(store, services(), studyUid);
  if (job.state === 'cancelled') return { state: 'cancelled', trouble: wrong('exchange.prefetchCancelled') };
  return { state: 'failed', trouble: wrong(job.failure ?? 'jobs.interrupted') };
}

/** The job of before a restart, or one that somebody else started and that brings the whole study. */
function findFetch({ jobs, reader }: OpenStore, { jobId, studyUid }: ChosenPrior): string | null {
  if (jobId !== null) {
    try {
      jobs.get(jobId);
      return jobId;
    } catch (error) {
      // A rebuilt index may know nothing of it.
      if (!(error instanceof Failure) || error.code !== 'jobs.unknown') throw error;
    }
  }
  const running = reader.get<{ job_id: string }>(
    `SELECT job_id FROM job WHERE kind = 'fetch' AND state IN ('queued', 'running')
       AND json_extract(input, '$.studyUid') = ? AND json_array_length(input, '$.seriesUids') = 0 LIMIT 1`,
    studyUid,
  );
  return running?.job_id ?? null;
}

/**
 * Says, or takes back, that a study is here to compare with and not to be read. Of one that was here before nobody
 * says it: it came for some other reason.
 */
function markPrior({ gate }: OpenStore, { worklist }: Services, studyUid: string, prior: boolean): void {
  gate.append(systemAuthor, (tx) => {
    if (prior && tx.get('SELECT 1 FROM study WHERE study_uid = ?', studyUid)) return;
    worklist.markPrior(tx, studyUid, prior);
  });
}

/** Where nothing of it came, whatever comes under this UID later comes for its own sake. */
function withdraw(store: OpenStore, services: Services, studyUid: string): void {
  if (store.reader.get('SELECT 1 FROM study WHERE study_uid = ?', studyUid)) return;
  markPrior(store, services, studyUid, false);
}

/** Null when the signal comes first. Leaves nothing behind on the signal, which lives as long as the core. */
async function unlessStopped<Value>(work: Promise<Value>, signal: AbortSignal): Promise<Value | null> {
  if (signal.aborted) return null;
  let stop: () => void = () => undefined;
  const stopped = new Promise<null>((resolve) => {
    stop = () => resolve(null);
  });
  signal.addEventListener('abort', stop);
  try {
    return await Promise.race([work, stopped]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
