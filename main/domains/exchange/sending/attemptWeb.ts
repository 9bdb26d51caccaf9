import { storeMeaning } from '../../../../app/domains/exchange/deliveryRules.ts';
import { Failure } from '../../../../app/shared/failure.ts';
import type { DicomwebClient, StowObject, StowOutcome } from '../../../dicom/web/dicomweb.ts';
import { openDicomwebClient } from '../../../dicom/web/dicomwebClient.ts';
import { WebError } from '../../../dicom/web/webPeer.ts';
import { webPeerOf } from '../nodes/nodeConnections.ts';
import { failureOfTrouble } from '../nodes/troubleFailures.ts';
import { asPart10, openPace, type ReadyObject } from './objectSource.ts';
import { explicitLittleEndian } from './presentationPlan.ts';
import { proveWeb } from './proofByWeb.ts';
import { isUnreadable, mostPutOff, type SenderPorts } from './senderPorts.ts';
import type { AttemptEnd, AttemptOrder, SendItem, TroubleNote } from './sendMessages.ts';

/** Of one STOW-RS request. */
const requestBytes = 16 * 1024 * 1024;
const requestObjects = 50;

interface WebLine {
  readonly order: AttemptOrder;
  readonly ports: SenderPorts;
  readonly client: DicomwebClient;
  readonly pace: ReturnType<typeof openPace>;
  /** Objects of a request: one, once the peer has refused a request as a whole. */
  together: number;
  answered: boolean;
}

/**
 * One attempt over DICOMweb: sends what is queued by STOW-RS, then reads back by QIDO-RS and WADO-RS. What ended it is
 * part of the answer; only a fault of ours is thrown.
 */
export async function attemptWeb(order: AttemptOrder, ports: SenderPorts): Promise<AttemptEnd> {
  const { web } = order.times;
  const client = openDicomwebClient(webPeerOf(order.known), web ? { times: web } : {});
  const pace = openPace(order.known.node.use.kilobytesPerSecond, ports.signal);
  const line: WebLine = { order, ports, client, pace, together: requestObjects, answered: false };
  try {
    if (order.trial) await probe(line);
    const putOff = await sendQueued(line);
    const proof = await proveWeb(order, ports, client);
    return { ...proof, trouble: putOff, retryAfterMs: null, reached: true };
  } catch (error) {
    return endOfWebTrouble(error, line.answered);
  } finally {
    client.close();
  }
}

/** The end of an attempt over HTTP that something broke off. @throws what is a fault of ours */
export function endOfWebTrouble(error: unknown, reached: boolean): AttemptEnd {
  const failure = failureOfTrouble(error);
  const trouble = { code: failure.code, details: failure.details };
  const wish = error instanceof WebError ? error.details['retryAfterMs'] : undefined;
  const retryAfterMs = typeof wish === 'number' ? wish : null;
  return { trouble, retryAfterMs, reached, proof: 'none', provenBy: null };
}

/** After failures of the connection: is there anybody? A peer that knows STOW-RS alone answers with a refusal. */
async function probe(line: WebLine): Promise<void> {
  try {
    await line.client.probe(line.ports.signal);
  } catch (error) {
    if (!(error instanceof WebError) || !['refused', 'notFound', 'forbidden'].includes(error.trouble)) throw error;
  }
  line.answered = true;
}

/** Returns what made the peer put objects off, null when each got its answer. */
async function sendQueued(line: WebLine): Promise<TroubleNote | null> {
  let putOff: TroubleNote | null = null;
  let inARow = 0;
  for (;;) {
    const items = await line.ports.ask<'queued'>({ kind: 'queued', atMost: line.together });
    if (items.length === 0) return putOff;
    const troubles = await sendSome(line, items);
    for (const trouble of troubles) {
      if (trouble !== null) putOff = trouble;
      inARow = trouble === null ? 0 : inARow + 1;
    }
    if (inARow >= mostPutOff) return putOff;
  }
}

/** One request, or several where it would be too long. Returns what was said of each object: null, or why it was put off. */
async function sendSome(line: WebLine, items: readonly SendItem[]): Promise<(TroubleNote | null)[]> {
  const troubles: (TroubleNote | null)[] = [];
  const left = new Map(items.map((item) => [item.sopUid, item]));
  const others: SendItem[] = [];
  try {
    for await (const outcome of store(line, objectsOf(line, items, left))) {
      const item = left.get(outcome.sopInstanceUid);
      left.delete(outcome.sopInstanceUid);
      line.answered = true;
      if (!item) continue;
      const said = hear(line, item, outcome, null);
      if (said === 'otherSyntax') others.push(item);
      else troubles.push(said);
    }
  } catch (error) {
    const [first] = left.values();
    if (!first) throw error;
    if (!(error instanceof WebError) || error.trouble !== 'refused') {
      const failure = failureOfTrouble(error);
      if (failure.code !== 'jobs.interrupted') {
        line.ports.result({ position: first.position, kind: 'again', status: null, code: failure.code });
      }
      throw error;
    }
    // A request that is refused as a whole says nothing of its objects: one at a time from now on.
    line.answered = true;
    if (items.length === 1) {
      line.ports.result({ position: first.position, kind: 'refused', status: null, code: 'exchange.refusedByPeer' });
      return [null];
    }
    line.together = 1;
    for (const item of left.values()) troubles.push(...(await sendSome(line, [item])));
  }
  for (const item of others) troubles.push(await sendNative(line, item));
  return troubles;
}

function store({ client, order, ports }: WebLine, objects: AsyncIterable<StowObject>): AsyncGenerator<StowOutcome> {
  return client.store(objects, { studyUid: order.studyUid, requestBytes, requestObjects, signal: ports.signal });
}

/** Reads objects as they are needed; what can't be read is not sent. */
async function* objectsOf(
  line: WebLine,
  items: readonly SendItem[],
  left: Map<string, SendItem>,
): AsyncGenerator<StowObject> {
  for (const item of items) {
    line.ports.busyWith(item);
    let object: ReadyObject;
    try {
      object = line.ports.objects.read(item);
    } catch (failure) {
      if (!(failure instanceof Failure) || !isUnreadable(failure.code)) throw failure;
      left.delete(item.sopUid);
      line.ports.result({ position: item.position, kind: 'unreadable', code: failure.code });
      continue;
    }
    yield asStow(line, item, object);
  }
  line.ports.busyWith(null);
}

function asStow({ pace }: WebLine, item: SendItem, object: ReadyObject): StowObject {
  const file = asPart10(item, object);
  return {
    sopClassUid: item.sopClassUid,
    sopInstanceUid: item.sopUid,
    byteLength: file.byteLength,
    open: () => pace.through(file.open()),
  };
}

/** Decoded, where the peer does not take an object as it is coded. */
async function sendNative(line: WebLine, item: SendItem): Promise<TroubleNote | null> {
  const { ports, order } = line;
  let native: ReadyObject | null = null;
  try {
    if (order.known.node.use.transcode) native = await ports.objects.native(item, explicitLittleEndian);
  } catch (failure) {
    if (!(failure instanceof Failure) || !isUnreadable(failure.code)) throw failure;
    ports.result({ position: item.position, kind: 'unreadable', code: failure.code });
    return null;
  }
  if (native) {
    const object = asStow(line, item, native);
    for await (const outcome of store(line, oneOf(object))) {
      const said = hear(line, item, outcome, explicitLittleEndian);
      if (said !== 'otherSyntax') return said;
    }
  }
  ports.result({ position: item.position, kind: 'refused', status: null, code: 'exchange.syntaxNotTaken' });
  return null;
}

async function* oneOf(object: StowObject): AsyncGenerator<StowObject> {
  yield object;
}

/** What a peer said of one object. Only an object that it named as stored is sent. */
function hear(
  { ports }: WebLine,
  { position }: SendItem,
  { outcome, reason }: StowOutcome,
  transcodedTo: string | null,
): TroubleNote | 'otherSyntax' | null {
  if (outcome === 'stored' || outcome === 'warned') {
    ports.result({ position, kind: 'accepted', status: reason, transcodedTo });
    return null;
  }
  if (outcome === 'unknown') {
    ports.result({ position, kind: 'again', status: null, code: 'exchange.protocol' });
    return { code: 'exchange.protocol', details: { reason: 'notNamed' } };
  }
  const meaning = storeMeaning(reason ?? 0x0110);
  switch (meaning.kind) {
    case 'otherSyntax':
      return 'otherSyntax';
    case 'again':
      ports.result({ position, kind: 'again', status: reason, code: meaning.code });
      return { code: meaning.code, details: reason === null ? {} : { status: reason } };
    case 'refused':
      ports.result({ position, kind: 'refused', status: reason, code: meaning.code });
      return null;
    case 'sent':
      // Said to have failed with a number that means success, or that it is there already: only reading back can tell.
      ports.result({ position, kind: 'accepted', status: reason, transcodedTo });
      return null;
  }
}
