import { Failure } from '../../../../app/shared/failure.ts';
import type { JobHandle } from '../../../background/jobs.ts';
import type { OpenStore } from '../../../core.ts';
import type { Author } from '../../../database/writeGate.ts';
import type { Services } from '../../../domainServices.ts';
import type { KnownNode, NodeRegistry, Receiver } from '../exchangeParts.ts';
import { type FetcherThread, openFetcherThread } from './fetcherThread.ts';
import { type FetchInput, type FetchRun, interrupted, openFetchRun } from './fetchRun.ts';
import { openFetchTurns } from './fetchTurns.ts';
import type { FinderThread } from './finderThread.ts';

export interface FetchParts {
  readonly store: OpenStore;
  services(): Services;
  readonly nodes: NodeRegistry;
  readonly receiver: Receiver;
  readonly thread: FinderThread;
  /** Pauses before the first, second and third time that a fetch which brings nothing more is tried again, ms. */
  readonly retryMs?: readonly number[];
}

const usualRetryMs = [2000, 8000, 30_000];
/** However much a peer brings each time: it may not go on for ever. */
const mostRounds = 100;

/** What may be otherwise a little later; anything else ends the fetch at once. */
const passingCodes: readonly string[] = [
  'exchange.unreachable',
  'exchange.rejected',
  'exchange.aborted',
  'exchange.closed',
  'exchange.timeout',
  'exchange.protocol',
  'exchange.busy',
  'exchange.serverError',
  'exchange.searchRefused',
  'exchange.retrieveRefused',
  // An address that is right for a list may know nothing of one object for a while.
  'exchange.notFound',
  // A thread that died over something else.
  'internal',
];

/**
 * Defines the job kind `fetch`: brings a study, or some series of it, until every instance that the node lists is here.
 * Nothing the node says counts but that list; what is here is what the index says. Meanwhile, and after a failure, the
 * study is marked as still arriving. A run cut off by a restart begins with the list again, and asks for what is missing.
 */
export function defineFetchJob(parts: FetchParts): { close(): Promise<void> } {
  const { store, services } = parts;
  const fetcher = openFetcherThread(
    store.archive.access,
    (port) => services().imaging.receptions.serve(port),
    store.platform.log,
  );
  const turns = openFetchTurns();

  store.jobs.define<FetchInput>({
    kind: 'fetch',
    resumes: true,
    permission: 'exchange.search',
    async run(input, job, author) {
      const leave = await turns.enter(input.nodeId, job.signal, author.operatorId === null);
      try {
        await runFetch(parts, fetcher, input, job, author);
      } finally {
        leave();
      }
    },
  });
  return { close: () => fetcher.close() };
}

async function runFetch(
  parts: FetchParts,
  fetcher: FetcherThread,
  input: FetchInput,
  job: JobHandle,
  author: Author,
): Promise<void> {
  const { store, services, nodes } = parts;
  const { nodeId, studyUid, seriesUids } = input;
  const known = nodes.get(nodeId);
  const { imaging } = services();
  const run = openFetchRun({ ...parts, fetcher }, input, job, known);
  imaging.receptions.open({
    receptionId: job.jobId,
    source: known.node.name,
    origin: { channel: 'fetch', callingAe: titleOf(known), nodeId },
    author,
    note: (_tx, change) => run.note(change),
  });
  let failure: string | null = 'jobs.interrupted';
  try {
    await bringAll(parts, run, job);
    await imaging.receptions.settle();
    imaging.arrivals.end(studyUid, job.jobId, seriesUids.length === 0);
    failure = null;
  } catch (error) {
    failure = error instanceof Failure ? error.code : 'jobs.failed';
    // The threads end before the jobs do when a store closes: the run waits to be cut off, so that it goes on next time.
    if (failure === 'jobs.interrupted' && !job.signal.aborted) {
      await new Promise((resolve) => job.signal.addEventListener('abort', resolve, { once: true }));
    }
    throw error;
  } finally {
    imaging.receptions.end(job.jobId, false);
    // Also of a run that is cancelled or cut off: what came of it is here.
    const detail = { nodeId, ...run.counts(), ...(failure === null ? {} : { failure }) };
    const outcome = failure === null ? 'success' : 'failed';
    store.gate.record(author, 'exchange.endFetch', outcome, { type: 'study', id: studyUid }, detail);
  }
}

/** What the node calls itself; '' of one that is reached over HTTP. */
function titleOf({ node: { settings } }: KnownNode): string {
  return settings.kind === 'dimse' ? settings.aeTitle : '';
}

/** Lists, brings what is missing, and lists again, until nothing is missing or nothing more comes. */
async function bringAll({ retryMs = usualRetryMs }: FetchParts, run: FetchRun, job: JobHandle): Promise<void> {
  let retries = 0;
  for (let round = 0; round < mostRounds; round += 1) {
    let trouble: Failure | null;
    try {
      const missing = await run.findMissing();
      if (missing.length === 0) return;
      trouble = await run.bring(missing);
      // What came is here whatever the conversation ended with; the node is asked again what there is.
      const left = run.countMissing(missing);
      if (left < missing.length) {
        // Some archives say that they have sent before they have.
        if (left > 0) await pause(retryMs[0] ?? 0, job.signal);
        continue;
      }
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      trouble = error;
    }
    if (job.signal.aborted || trouble?.code === 'jobs.interrupted') throw interrupted();
    if (trouble !== null && !passingCodes.includes(trouble.code)) throw trouble;
    const pauseMs = retryMs[retries];
    if (pauseMs === undefined) throw trouble !== null && run.broughtNothing() ? trouble : run.incomplete();
    retries += 1;
    await pause(pauseMs, job.signal);
  }
  throw run.incomplete();
}

/** Resolves early when the signal comes: whoever waits looks at it. */
function pause(forMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, forMs);
    signal.addEventListener('abort', end, { once: true });
  });
}
