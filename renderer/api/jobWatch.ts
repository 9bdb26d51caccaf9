import { useEffect, useState } from 'react';
import type { Job } from '../../app/domains/jobs/jobContract.ts';
import { useApi } from './ApiProvider.tsx';
import { useQueryOf } from './queries.ts';

export function isActive(job: Pick<Job, 'state'>): boolean {
  return job.state === 'running' || job.state === 'queued';
}

/** A job's newest state: what the list said, then what its stream says until it ends. */
export function useJobProgress(job: Job): Job {
  const { client } = useApi();
  const [newest, setNewest] = useState<Job | null>(null);
  const active = isActive(job);
  const { jobId } = job;
  useEffect(() => {
    if (!active) return;
    const abort = new AbortController();
    const follow = async (): Promise<void> => {
      try {
        for await (const state of await client.jobs.watch({ jobId }, { signal: abort.signal })) setNewest(state);
      } catch (error) {
        // The list is refetched on every change of state: without the stream only the figures between are missing.
        if (!abort.signal.aborted) console.warn('job stream ended', error instanceof Error ? error.name : '');
      }
    };
    void follow();
    return () => abort.abort();
  }, [client, jobId, active]);
  return active && newest?.jobId === jobId ? newest : job;
}

/** The store's jobs, newest first. */
export function useJobs(): readonly Job[] {
  const jobs = useQueryOf('jobs.list', undefined);
  return jobs.data ?? [];
}
