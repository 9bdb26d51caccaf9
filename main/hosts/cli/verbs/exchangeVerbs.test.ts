import { describe, expect, it } from 'vitest';
import type { Job } from '../../../../app/domains/jobs/jobContract.ts';
import { readCliArguments } from '../cliArguments.ts';
import { fetch } from './exchangeVerbs.ts';
import type { VerbContext } from './verb.ts';

const nodeId = '01890a5d-ac96-774b-bcce-b302099a8057';

/** What `salus fetch` prints and ends with when its job ended so: the real pauses of such a job take 40 s. */
async function fetchThatEnded(ended: Partial<Job>) {
  const job = {
    jobId: nodeId,
    kind: 'fetch',
    endedAt: 1,
    ratePerSecond: null,
    remainingSeconds: null,
    ...ended,
  } as Job;
  const printed: unknown[] = [];
  const client = {
    exchange: { listNodes: async () => [{ nodeId, name: 'pacs' }], fetch: async () => ({ jobId: nodeId }) },
    jobs: {
      get: async () => job,
      async *watch() {
        yield job;
      },
    },
  };
  const context = {
    given: readCliArguments(['fetch', 'PACS', '1.2.3']),
    terminal: {
      json: true,
      canAsk: false,
      tell: () => undefined,
      print: (document: unknown) => printed.push(document),
    },
    access: { client },
    signal: new AbortController().signal,
    password: '',
  } as unknown as VerbContext;
  const code = await fetch.run(context).catch((error: { code?: string }) => error.code);
  return { code, printed };
}

describe('salus fetch', () => {
  const progress = { done: 5, total: 6, bytesDone: 1000 };

  it('ends with 0 when all of it is here, and with 5 when the node hands over less than it lists', async () => {
    const counts = { fetched: 5, missing: 0 };
    expect(await fetchThatEnded({ ...progress, state: 'done', counts, failure: null })).toEqual({
      code: 0,
      printed: [{ studyUid: '1.2.3', nodeId, instances: 5, bytes: 1000, counts, failure: null }],
    });
    const failure = 'exchange.incomplete';
    expect(await fetchThatEnded({ ...progress, state: 'failed', counts: { missing: 1 }, failure })).toEqual({
      code: 5,
      printed: [{ studyUid: '1.2.3', nodeId, instances: 5, bytes: 1000, counts: { missing: 1 }, failure }],
    });
  });

  it('leaves any other failure to be told once', async () => {
    const failed = { ...progress, state: 'failed', counts: {}, failure: 'exchange.studyNotThere' } as const;
    expect(await fetchThatEnded(failed)).toEqual({ code: 'exchange.studyNotThere', printed: [] });
  });
});
