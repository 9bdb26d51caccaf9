import { Failure } from '../../../../app/shared/failure.ts';
import type { JobHandle } from '../../../background/jobs.ts';
import type { OpenStore } from '../../../core.ts';
import type { Services } from '../../../domainServices.ts';
import type { KnownNode, NodeRegistry, Receiver } from '../exchangeParts.ts';
import { readReceiver } from '../receiving/receiverSettings.ts';
import { askedPeerOf } from './askedPeer.ts';
import type { FetcherThread } from './fetcherThread.ts';
import type { FetchPart, FetchWay } from './fetchMessages.ts';
import type { Learned, ListedInstance, PeerTrouble } from './finderMessages.ts';
import type { FinderThread } from './finderThread.ts';

export interface FetchInput {
  readonly nodeId: string;
  readonly studyUid: string;
  /** Empty: the whole study. */
  readonly seriesUids: readonly string[];
}

interface RunParts {
  readonly store: OpenStore;
  services(): Services;
  readonly nodes: NodeRegistry;
  readonly receiver: Receiver;
  readonly thread: FinderThread;
  readonly fetcher: FetcherThread;
}

/** One study on its way from one node. */
export interface FetchRun {
  /** Asks the node what it has and gives what of it is not here. @throws Failure of the node; 'exchange.studyNotThere' */
  findMissing(): Promise<ListedInstance[]>;
  /** How many of these are still not here. */
  countMissing(listed: readonly ListedInstance[]): number;
  /** Brings what is missing, in each way that the node may know until one brings something. Gives what went wrong. */
  bring(missing: readonly ListedInstance[]): Promise<Failure | null>;
  /** Counts what was committed. */
  note(change: { readonly imported: number; readonly conflicts: number }): void;
  broughtNothing(): boolean;
  incomplete(): Failure;
  counts(): Record<string, number>;
}

/** Most instances named in one request: the identifier stays below 64 KiB. */
const uidsPerRequest = 500;
const lookMs = 1000;

export function openFetchRun(parts: RunParts, input: FetchInput, job: JobHandle, known: KnownNode): FetchRun {
  const { store, services, nodes, receiver, thread, fetcher } = parts;
  const { nodeId, studyUid, seriesUids } = input;
  const peer = askedPeerOf(known, store.reader);
  let listed: readonly ListedInstance[] = [];
  let missingNow = 0;
  /** Of the first list; null before it. */
  let alreadyHere: number | null = null;
  let fetched = 0;
  let conflicts = 0;
  let rejected = 0;
  let bytes = 0;

  const learn = (learned: Learned) => {
    for (const [name, state] of Object.entries(learned)) nodes.learn(nodeId, name, state);
  };
  const counts = () => ({ fetched, alreadyHere: alreadyHere ?? 0, conflicts, rejected, missing: missingNow });

  function report(): void {
    job.report({ done: listed.length - missingNow, total: listed.length, bytesDone: bytes, counts: counts() });
  }

  function missingOf(some: readonly ListedInstance[]): ListedInstance[] {
    const here = new Set(services().imaging.listHeldSopUids(studyUid));
    return some.filter(({ sopUid }) => !here.has(sopUid));
  }

  function markArriving(): void {
    if (missingNow > 0) services().imaging.arrivals.begin(studyUid, job.jobId);
  }

  /** What it was seen to refuse comes last: it may have learned since. */
  function waysOf(): FetchWay[] {
    if (peer.kind === 'web') return ['wado'];
    if (peer.kind === 'xnat') return ['files'];
    const ways: FetchWay[] = ['get'];
    // Only where it could send to us at all.
    if (receiver.state().state === 'listening') ways.push('move');
    const rank = (way: FetchWay) => (nodes.knows(nodeId, way) === 'no' ? 1 : 0);
    return ways.sort((left, right) => rank(left) - rank(right));
  }

  /** By C-MOVE the receiver takes what comes: how far it is shows in the index alone. */
  function watchIndex(): () => void {
    const sizeOf = () =>
      store.reader.get<{ n: number; bytes: number }>(
        'SELECT instance_count AS n, bytes FROM study WHERE study_uid = ?',
        studyUid,
      ) ?? { n: 0, bytes: 0 };
    const start = sizeOf();
    const [missingAtStart, bytesAtStart, fetchedAtStart] = [missingNow, bytes, fetched];
    let isMarked = false;
    const look = () => {
      const size = sizeOf();
      const came = Math.max(0, size.n - start.n);
      missingNow = Math.max(0, missingAtStart - came);
      fetched = fetchedAtStart + missingAtStart - missingNow;
      bytes = bytesAtStart + size.bytes - start.bytes;
      report();
      // The receiver's own mark ends with its association: this study is not whole before its list is.
      if (came > 0 && !isMarked) markArriving();
      isMarked ||= came > 0;
    };
    let hasFailed = false;
    /** A full disk ends no core: the next look tries again. */
    const lookSafely = () => {
      try {
        look();
        hasFailed = false;
      } catch (error) {
        if (!hasFailed) store.platform.log.error('what came of a fetch could not be noted', error);
        hasFailed = true;
      }
    };
    const timer = setInterval(lookSafely, lookMs);
    return () => {
      clearInterval(timer);
      lookSafely();
    };
  }

  async function bringBy(way: FetchWay, missing: readonly ListedInstance[]): Promise<PeerTrouble | null> {
    const { settings } = readReceiver(store.reader);
    const [rejectedBefore, bytesBefore] = [rejected, bytes];
    const stopWatching = way === 'move' ? watchIndex() : null;
    try {
      const end = await fetcher.fetch(
        {
          receptionId: job.jobId,
          peer,
          way,
          studyUid,
          parts: partsOf(missing, listed, seriesUids.length === 0),
          sopClassUids: [...new Set(missing.map(({ sopClassUid }) => sopClassUid))],
          sopUids: missing.map(({ sopUid }) => sopUid),
          files: missing.flatMap(({ file }) => file ?? []),
          leastFreeBytes: settings.leastFreeMib * 1024 ** 2,
          destinationAe: settings.aeTitle,
        },
        (progress) => {
          if (stopWatching) return;
          rejected = rejectedBefore + progress.refused;
          bytes = bytesBefore + progress.bytes;
          report();
        },
        job.signal,
      );
      learn(end.learned);
      return end.failure;
    } finally {
      stopWatching?.();
    }
  }

  return {
    async findMissing() {
      const end = await thread.list({ peer, studyUid, seriesUids }, job.signal);
      learn(end.learned);
      if (end.failure !== null) throw failureOf(end.failure);
      if (end.instances.length === 0)
        throw new Failure('exchange.studyNotThere', 'the node lists nothing of this study');
      listed = end.instances;
      const missing = missingOf(listed);
      missingNow = missing.length;
      alreadyHere ??= listed.length - missing.length;
      report();
      markArriving();
      return missing;
    },
    countMissing(some) {
      missingNow = missingOf(some).length;
      report();
      markArriving();
      return missingNow;
    },
    async bring(missing) {
      const failures: Failure[] = [];
      let isHeardOut = false;
      for (const way of waysOf()) {
        const failure = await bringBy(way, missing);
        if (job.signal.aborted) throw interrupted();
        if (missingOf(missing).length < missing.length) return failure && failureOf(failure);
        if (failure === null) isHeardOut = true;
        else failures.push(failureOf(failure));
      }
      // Where one way was heard out and handed nothing over, what the other lacks is not the reason; that one is not
      // offered says less than what went wrong with the other.
      if (isHeardOut) return null;
      return failures.find(({ code }) => code !== 'exchange.noContext') ?? failures[0] ?? null;
    },
    note(change) {
      fetched += change.imported;
      conflicts += change.conflicts;
      missingNow = Math.max(0, missingNow - change.imported);
      report();
    },
    broughtNothing: () => fetched === 0,
    incomplete: () =>
      new Failure('exchange.incomplete', 'the node lists more than it hands over', { missing: missingNow, rejected }),
    counts,
  };
}

/**
 * What is asked for: the whole study where nothing of it is here, whole series where nothing of them is, else the
 * instances by name.
 */
function partsOf(missing: readonly ListedInstance[], listed: readonly ListedInstance[], isWhole: boolean): FetchPart[] {
  if (isWhole && missing.length === listed.length) return [{}];
  const listedIn = new Map<string, number>();
  for (const { seriesUid } of listed) listedIn.set(seriesUid, (listedIn.get(seriesUid) ?? 0) + 1);
  const inSeries = new Map<string, string[]>();
  for (const { seriesUid, sopUid } of missing) {
    const sopUids = inSeries.get(seriesUid);
    if (sopUids) sopUids.push(sopUid);
    else inSeries.set(seriesUid, [sopUid]);
  }
  return [...inSeries].flatMap(([seriesUid, sopUids]): FetchPart[] => {
    if (listedIn.get(seriesUid) === sopUids.length) return [{ seriesUid }];
    const parts: FetchPart[] = [];
    for (let at = 0; at < sopUids.length; at += uidsPerRequest) {
      parts.push({ seriesUid, sopUids: sopUids.slice(at, at + uidsPerRequest) });
    }
    return parts;
  });
}

export function interrupted(): Failure {
  return new Failure('jobs.interrupted', 'the fetch was cut off');
}

function failureOf({ code, details }: PeerTrouble): Failure {
  return new Failure(code, 'the node did not do what it was asked', details);
}
