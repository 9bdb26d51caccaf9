import { Failure } from '../../../../app/shared/failure.ts';
import type { DimseStatus, IncomingObject, RequestedAssociation } from '../../../dicom/dimse/dimse.ts';
import { openAssociation } from '../../../dicom/dimse/openAssociation.ts';
import { openDicomwebClient } from '../../../dicom/web/dicomwebClient.ts';
import { openXnatClient } from '../../../dicom/web/xnatClient.ts';
import { encodeDataset } from '../../../dicom/writeDataset.ts';
import type { Intake, Taken } from '../../imaging/receptionService.ts';
import type { FetchEnd, FetchPart, FetchWish } from './fetchMessages.ts';
import type { AskedPeer, DimsePeer } from './finderMessages.ts';
import { makeRetrieveKeys } from './findKeys.ts';
import { getContexts, retrieveModels } from './getContexts.ts';
import { type Learn, plainSyntaxes } from './peerAnswers.ts';
import { refusalOf, troubleOf } from './peerRefusal.ts';

/** What came so far; counted by whoever fetches. */
export interface FetchCounts {
  refused: number;
  bytes: number;
}

interface Taking {
  readonly wish: FetchWish;
  readonly wanted: ReadonlySet<string>;
  readonly intake: Intake;
  readonly counts: FetchCounts;
  readonly signal: AbortSignal;
  readonly learn: Learn;
  /** Why nothing more can be kept: a full disk, or rows that could not be written. */
  stopped: Failure | null;
}

/** Objects over HTTP that are archived while the next one comes. */
const objectsUnderWay = 4;
/** A C-MOVE has a connection of its own for the objects: its answers may be far apart. */
const moveAnswerMs = 10 * 60_000;

/**
 * Brings what is asked for in one conversation with a peer; never throws. What came lies in the archive and in the
 * index, whatever the conversation ended with: whoever asked looks there, not at what the peer says.
 */
export async function fetchFromPeer(
  wish: FetchWish,
  intake: Intake,
  counts: FetchCounts,
  signal: AbortSignal,
): Promise<FetchEnd> {
  const learned: Record<string, 'yes' | 'no'> = {};
  const learn: Learn = (name, state) => {
    learned[name] = state;
  };
  const taking: Taking = { wish, wanted: new Set(wish.sopUids), intake, counts, signal, learn, stopped: null };
  try {
    const { peer, way } = wish;
    if (peer.kind === 'web') await fetchOverWeb(taking, peer);
    else if (peer.kind === 'xnat') await fetchFiles(taking, peer);
    else if (way === 'move') await fetchByMove(taking, peer.dimse);
    else await fetchByGet(taking, peer.dimse);
    return { failure: null, learned };
  } catch (error) {
    return { failure: troubleOf(taking.stopped ?? error), learned };
  }
}

/** C-GET: the peer sends on our own association, in which we play the role of a store (PS3.4 C.4.3). */
async function fetchByGet(taking: Taking, peer: DimsePeer): Promise<void> {
  const { wish, signal, learn } = taking;
  for (const contexts of getContexts(wish.sopClassUids)) {
    const association = await openAssociation({ ...peer, contexts, signal });
    try {
      if (!association.contexts.some(({ abstractSyntax }) => abstractSyntax === retrieveModels.get)) {
        learn('get', 'no');
        throw new Failure('exchange.noContext', 'the peer does not do C-GET');
      }
      for (const part of wish.parts) {
        requireGoingOn(taking);
        const status = await association.get(
          retrieveModels.get,
          (syntax) => encodeDataset(makeRetrieveKeys({ studyUid: wish.studyUid, ...part }), syntax),
          (object) => takeFromGet(taking, object),
        );
        requireGoingOn(taking);
        requireTried(status, 'get', learn);
      }
    } finally {
      await association.release();
    }
  }
}

async function takeFromGet(taking: Taking, object: IncomingObject): Promise<{ status: number }> {
  const { wish, intake, counts } = taking;
  if (taking.stopped) return { status: 0xa700 };
  if (!taking.wanted.has(object.sopInstanceUid)) {
    counts.refused += 1;
    return { status: statusOfRefusal.mismatch };
  }
  const { sopClassUid, sopInstanceUid, transferSyntaxUid, dataset } = object;
  const facts = { sopClassUid, sopInstanceUid, transferSyntaxUid };
  const taken = await intake.takeDataset(wish.receptionId, facts, dataset, wish.studyUid);
  return { status: note(taking, taken) };
}

/** C-STORE statuses of PS3.4 table B.2-1. */
const statusOfRefusal: Readonly<Record<Extract<Taken, { outcome: 'refused' }>['reason'], number>> = {
  space: 0xa700,
  tooLarge: 0xa700,
  mismatch: 0xa900,
  unreadable: 0xc000,
  fault: 0x0110,
};

/** Counts an object and gives the status that it is answered with. */
function note(taking: Taking, taken: Taken): number {
  taking.counts.bytes += taken.bytes;
  if (taken.outcome !== 'refused') return 0;
  taking.counts.refused += 1;
  if (taken.reason === 'space' || taken.reason === 'fault') {
    taking.stopped ??= new Failure(taken.code, 'what comes can not be kept');
  }
  return statusOfRefusal[taken.reason];
}

function requireGoingOn({ stopped, signal }: Taking): void {
  if (stopped) throw stopped;
  if (signal.aborted) throw new Failure('jobs.interrupted', 'the fetch was cancelled');
}

/**
 * Sub-operations that failed are no failure of the conversation: what is missing is asked for again. Anything else that
 * is no success is.
 */
function requireTried(status: DimseStatus, service: 'get' | 'move', learn: Learn): void {
  const refusal = refusalOf(status.status, service);
  if (refusal === null || refusal.code === 'exchange.incomplete') {
    learn(service, 'yes');
    return;
  }
  if (refusal.code === 'exchange.noContext') learn(service, 'no');
  // A702: the sub-operations could not be done, such as those that nobody negotiated a context for.
  throw refusal;
}

/** C-MOVE to our own receiver, which takes what comes as it takes anything else (PS3.4 C.4.2). */
async function fetchByMove(taking: Taking, peer: DimsePeer): Promise<void> {
  const { wish, signal, learn } = taking;
  const model = retrieveModels.move;
  const association: RequestedAssociation = await openAssociation({
    ...peer,
    contexts: [{ abstractSyntax: model, transferSyntaxes: plainSyntaxes }],
    times: { answerMs: moveAnswerMs },
    signal,
  });
  try {
    if (association.contexts.length === 0) {
      learn('move', 'no');
      throw new Failure('exchange.noContext', 'the peer does not do C-MOVE');
    }
    for (const part of wish.parts) {
      requireGoingOn(taking);
      const status = await association.move(
        model,
        (syntax) => encodeDataset(makeRetrieveKeys({ studyUid: wish.studyUid, ...part }), syntax),
        wish.destinationAe,
      );
      requireTried(status, 'move', learn);
    }
  } finally {
    await association.release();
  }
}

/** WADO-RS (PS3.18 10.4): whole studies and series where nothing of them is here, else instance by instance. */
async function fetchOverWeb(taking: Taking, peer: Extract<AskedPeer, { kind: 'web' }>): Promise<void> {
  const { wish, signal, learn } = taking;
  const client = openDicomwebClient(peer.web);
  async function* objects(): AsyncGenerator<AsyncIterable<Uint8Array>> {
    for (const part of wish.parts) {
      for (const place of placesOf(wish.studyUid, part)) {
        for await (const { bytes } of client.retrieve(place, signal)) yield bytes;
        learn('wado', 'yes');
      }
    }
  }
  try {
    await takeAll(taking, objects());
  } finally {
    client.close();
  }
}

/** The files of an XNAT's scans, one by one. */
async function fetchFiles(taking: Taking, peer: Extract<AskedPeer, { kind: 'xnat' }>): Promise<void> {
  const { wish, signal } = taking;
  const client = openXnatClient(peer.web);
  async function* objects(): AsyncGenerator<AsyncIterable<Uint8Array>> {
    for (const file of wish.files) yield await client.retrieve(file, signal);
  }
  try {
    await takeAll(taking, objects());
  } finally {
    await client.close();
  }
}

/** Takes objects that come one after the other: the next comes while this one is archived and its rows are written. */
async function takeAll(taking: Taking, objects: AsyncIterable<AsyncIterable<Uint8Array>>): Promise<void> {
  const { wish, intake } = taking;
  const underWay = new Set<Promise<void>>();
  let trouble: unknown;
  try {
    for await (const bytes of objects) {
      requireGoingOn(taking);
      const read = readOnce(bytes);
      const work: Promise<void> = intake
        .takeFile(wish.receptionId, read.bytes, wish.studyUid)
        .then((taken) => void note(taking, taken))
        .catch((error: unknown) => {
          trouble ??= error;
        })
        .finally(() => underWay.delete(work));
      underWay.add(work);
      await Promise.race([read.ended, work]);
      while (underWay.size >= objectsUnderWay) await Promise.race(underWay);
      if (trouble !== undefined) throw trouble;
    }
  } finally {
    await Promise.all(underWay);
  }
  if (trouble !== undefined) throw trouble;
  requireGoingOn(taking);
}

function* placesOf(studyUid: string, { seriesUid, sopUids }: FetchPart) {
  if (seriesUid === undefined) yield { studyUid };
  else if (sopUids === undefined) yield { studyUid, seriesUid };
  else for (const instanceUid of sopUids) yield { studyUid, seriesUid, instanceUid };
}

/** A stream that tells when it has been read to its end, or given up. */
function readOnce(source: AsyncIterable<Uint8Array>) {
  let end: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  async function* read(): AsyncGenerator<Uint8Array> {
    try {
      yield* source;
    } finally {
      end();
    }
  }
  return { bytes: read(), ended };
}
