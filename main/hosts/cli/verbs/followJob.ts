import type { Job } from '../../../../app/domains/jobs/jobContract.ts';
import { Failure } from '../../../../app/shared/failure.ts';
import type { CoreAccess } from '../coreAccess.ts';
import type { VerbContext } from './verb.ts';

const quietMs = 5000;
const reopeningMs = 60_000;

/**
 * Shows a job's progress on stderr until it ends. A signal cancels the job and waits for its end, so that what it had
 * done is counted.
 *
 * @throws Failure with the job's own code when it failed; an AbortError when it was cancelled
 */
export async function followJob(jobId: string, context: VerbContext): Promise<Job> {
  const { access, terminal, signal } = context;
  const cancel = () => {
    terminal.tell('Cancelling…');
    access.client.jobs.cancel({ jobId }).catch((error: unknown) => {
      terminal.tell(
        error instanceof Failure ? `The job could not be cancelled: ${error.code}` : 'The connection was lost.',
      );
    });
  };
  if (signal.aborted) cancel();
  else signal.addEventListener('abort', cancel, { once: true });
  let job: Job | undefined;
  let toldAt = 0;
  try {
    for await (const state of await access.client.jobs.watch({ jobId })) {
      job = state;
      // Where nobody watches, a line now and then is enough.
      if (!process.stderr.isTTY && Date.now() - toldAt < quietMs && state.endedAt === null) continue;
      toldAt = Date.now();
      terminal.tell(describeJob(state), true);
    }
  } finally {
    signal.removeEventListener('abort', cancel);
  }
  if (!job || job.endedAt === null) job = await getEndedJob(jobId, access);
  if (job.state === 'done') return job;
  if (job.state === 'cancelled') {
    const abort = new Error('The job was cancelled.');
    abort.name = 'AbortError';
    throw abort;
  }
  throw new Failure(job.failure ?? 'jobs.failed', 'The job did not end well.');
}

/** The end of a job whose last act is to close the store and open it again: for a moment there is none to ask. */
async function getEndedJob(jobId: string, access: CoreAccess): Promise<Job> {
  const until = Date.now() + reopeningMs;
  for (;;) {
    try {
      const job = await access.client.jobs.get({ jobId });
      if (job.endedAt !== null || Date.now() > until) return job;
    } catch (error) {
      if (!(error instanceof Failure) || error.code !== 'security.sealed' || Date.now() > until) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function describeJob(job: Job): string {
  const parts = [`${job.kind}: ${job.done}${job.total > 0 ? ` of ${job.total}` : ''}`];
  if (job.bytesDone > 0) parts.push(`${(job.bytesDone / 1e6).toFixed(1)} MB`);
  if (job.ratePerSecond !== null) parts.push(`${job.ratePerSecond.toFixed(0)}/s`);
  if (job.remainingSeconds !== null) parts.push(`${Math.ceil(job.remainingSeconds)} s left`);
  for (const [name, count] of Object.entries(job.counts)) if (count > 0) parts.push(`${name} ${count}`);
  return parts.join(' · ');
}
