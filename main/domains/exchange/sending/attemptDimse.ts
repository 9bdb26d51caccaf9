import { storeMeaning } from '../../../../app/domains/exchange/deliveryRules.ts';
import { Failure } from '../../../../app/shared/failure.ts';
import type { AgreedContext, ContextWish, RequestedAssociation } from '../../../dicom/dimse/dimse.ts';
import { openAssociation } from '../../../dicom/dimse/openAssociation.ts';
import { associationWishOf } from '../nodes/nodeConnections.ts';
import { failureOfTrouble } from '../nodes/troubleFailures.ts';
import { commitment } from './commitmentData.ts';
import { openPace, type ReadyObject } from './objectSource.ts';
import {
  explicitLittleEndian,
  implicitLittleEndian,
  type PlannedAssociation,
  planAssociations,
} from './presentationPlan.ts';
import { studyRootFind } from './proofByFind.ts';
import { proveDimse } from './proveDimse.ts';
import { isUnreadable, mostPutOff, type SenderPorts } from './senderPorts.ts';
import type { AttemptEnd, AttemptOrder, SendItem, TroubleNote } from './sendMessages.ts';

const verification = '1.2.840.10008.1.1';
const plain: readonly string[] = [explicitLittleEndian, implicitLittleEndian];
const pageItems = 200;

/** An association that is opened when it is needed, and again after one of ours was broken off. */
export interface DimseLine {
  association(plan?: PlannedAssociation): Promise<RequestedAssociation>;
  /** The association is of no more use; the next call opens another. */
  drop(): void;
  release(): Promise<void>;
}

function openLine(order: AttemptOrder, signal: AbortSignal, first: PlannedAssociation): DimseLine {
  let open: { association: RequestedAssociation; plan: PlannedAssociation } | null = null;
  async function release(): Promise<void> {
    const last = open;
    open = null;
    await last?.association.release();
  }
  return {
    async association(plan) {
      const wanted = plan ?? open?.plan ?? first;
      if (open && open.plan !== wanted) await release();
      if (!open) {
        const { known, ownAe, times } = order;
        const wish = associationWishOf(known, { ownAe, contexts: wanted.contexts, times: times.dimse ?? {}, signal });
        open = { association: await openAssociation(wish), plan: wanted };
      }
      return open.association;
    },
    drop() {
      open?.association.abort();
      open = null;
    },
    release,
  };
}

/** What every association of an attempt asks for besides the objects. */
function otherContexts(order: AttemptOrder): ContextWish[] {
  const wishes: ContextWish[] = [{ abstractSyntax: verification, transferSyntaxes: plain }];
  if (order.asksCommitment) wishes.push({ abstractSyntax: commitment.sopClassUid, transferSyntaxes: plain });
  if (order.readsBack) wishes.push({ abstractSyntax: studyRootFind, transferSyntaxes: plain });
  return wishes;
}

/**
 * One attempt over DIMSE: sends what is queued by C-STORE, then asks for storage commitment or reads back by C-FIND.
 * What ended it is part of the answer; only a fault of ours is thrown.
 */
export async function attemptDimse(order: AttemptOrder, ports: SenderPorts): Promise<AttemptEnd> {
  const { use } = order.known.node;
  const plans = planAssociations(order.kinds, use.transcode, otherContexts(order));
  const line = openLine(order, ports.signal, plans[0] as PlannedAssociation);
  const answered = { once: false };
  try {
    if (order.trial) await echo(line, answered);
    const putOff = await sendQueued(order, ports, line, plans, answered);
    const proof = await proveDimse(order, ports, line);
    await line.release();
    return { ...proof, trouble: putOff ?? proof.trouble, retryAfterMs: null, reached: true };
  } catch (error) {
    line.drop();
    const failure = failureOfTrouble(error);
    const trouble = { code: failure.code, details: failure.details };
    return { trouble, retryAfterMs: null, reached: answered.once, proof: 'none', provenBy: null };
  }
}

/** After failures of the connection: is there anybody? A peer that refuses the echo has answered too. */
async function echo(line: DimseLine, answered: { once: boolean }): Promise<void> {
  const association = await line.association();
  if (association.contexts.some(({ abstractSyntax }) => abstractSyntax === verification)) await association.echo();
  answered.once = true;
}

/** Returns what made the peer put objects off, null when all got their answer. */
async function sendQueued(
  order: AttemptOrder,
  ports: SenderPorts,
  line: DimseLine,
  plans: readonly PlannedAssociation[],
  answered: { once: boolean },
): Promise<TroubleNote | null> {
  const pace = openPace(order.known.node.use.kilobytesPerSecond, ports.signal);
  const learned = new Set<PlannedAssociation>();
  let putOff: TroubleNote | null = null;
  let inARow = 0;
  for (;;) {
    const items = await ports.ask<'queued'>({ kind: 'queued', atMost: pageItems });
    if (items.length === 0) return putOff;
    let next: Promise<Reading> | null = null;
    let sent: SendItem | null = null;
    for (const [index, item] of items.entries()) {
      const plan = plans.find(({ sopClassUids }) => sopClassUids.has(item.sopClassUid));
      // Queued since the attempt began; its class was not negotiated.
      if (!plan) continue;
      sent = item;
      const onItsWay = (): SendItem => sent ?? item;
      ports.busyWith(item);
      const association = await line.association(plan);
      if (!learned.has(plan)) learn(association, plan, ports);
      learned.add(plan);
      const following = items[index + 1];
      const reading = await (next ?? readLater(ports, item, onItsWay));
      next = null;
      const handedOver = () => {
        next ??= following ? readLater(ports, following, onItsWay) : null;
      };
      const sending: Sending = { order, ports, line, association, pace, answered, handedOver };
      const trouble = await sendOne(sending, item, reading);
      if (trouble === null) {
        inARow = 0;
        continue;
      }
      putOff = trouble;
      inARow += 1;
      if (inARow >= mostPutOff) return putOff;
    }
    ports.busyWith(null);
  }
}

type Reading = { readonly object: ReadyObject } | { readonly failure: unknown };

/** Reads and decrypts an object: of the next one while the peer stores the one before. */
function readLater(ports: SenderPorts, item: SendItem, onItsWay: () => SendItem): Promise<Reading> {
  return new Promise((resolve) => {
    setImmediate(() => {
      try {
        // Should the thread die of this, it is this object that it died of, not the one whose answer is waited for.
        ports.busyWith(item);
        resolve({ object: ports.objects.read(item) });
      } catch (failure) {
        resolve({ failure });
      }
      ports.busyWith(onItsWay());
    });
  });
}

/** Decoded, where the peer does not take an object as it is coded; null where that is not possible without loss. */
async function nativeOf(ports: SenderPorts, item: SendItem, transferSyntaxUid: string): Promise<Reading | null> {
  try {
    const object = await ports.objects.native(item, transferSyntaxUid);
    return object ? { object } : null;
  } catch (failure) {
    if (failure instanceof Failure && isUnreadable(failure.code)) return { failure };
    throw failure;
  }
}

function learn(association: RequestedAssociation, { contexts, sopClassUids }: PlannedAssociation, ports: SenderPorts) {
  for (const { abstractSyntax, transferSyntaxes } of contexts) {
    if (!sopClassUids.has(abstractSyntax) || transferSyntaxes.length !== 1) continue;
    const [syntax] = transferSyntaxes;
    const isTaken = association.contexts.some(
      (agreed) => agreed.abstractSyntax === abstractSyntax && agreed.transferSyntax === syntax,
    );
    ports.learned(`${abstractSyntax} ${syntax}`, isTaken ? 'yes' : 'no');
  }
}

interface Sending {
  readonly order: AttemptOrder;
  readonly ports: SenderPorts;
  readonly line: DimseLine;
  readonly association: RequestedAssociation;
  readonly pace: ReturnType<typeof openPace>;
  readonly answered: { once: boolean };
  /** The last byte of the object was taken; its answer is waited for. */
  handedOver(): void;
}

/**
 * Sends one object. Returns why the peer put it off, null when it said yes or no.
 *
 * @throws DimseError when the association broke; the object's answer was not seen
 */
async function sendOne(sending: Sending, item: SendItem, stored: Reading): Promise<TroubleNote | null> {
  const { ports, association, order } = sending;
  const { position } = item;
  const contexts = association.contexts.filter((agreed) => agreed.abstractSyntax === item.sopClassUid);
  const own = contexts.find(({ transferSyntax }) => transferSyntax === item.transferSyntaxUid);
  const other = order.known.node.use.transcode
    ? contexts.find((context) => context !== own && isNative(context))
    : undefined;
  if (!own && !other) {
    const code =
      contexts.length > 0 || isElsewhere(association, item) ? 'exchange.syntaxNotTaken' : 'exchange.classNotTaken';
    ports.result({ position, kind: 'refused', status: null, code });
    return null;
  }
  if (own) {
    if ('failure' in stored) return unreadable(sending, item, stored.failure);
    const outcome = await store(sending, item, stored.object, null);
    if (outcome !== 'otherSyntax') return outcome;
  }
  const native = other === undefined ? null : await nativeOf(ports, item, other.transferSyntax);
  if (native !== null && 'failure' in native) return unreadable(sending, item, native.failure);
  if (native === null || !other) {
    ports.result({ position, kind: 'refused', status: null, code: 'exchange.syntaxNotTaken' });
    return null;
  }
  const outcome = await store(sending, item, native.object, other.transferSyntax);
  if (outcome !== 'otherSyntax') return outcome;
  ports.result({ position, kind: 'refused', status: null, code: 'exchange.syntaxNotTaken' });
  return null;
}

const isNative = ({ transferSyntax }: AgreedContext): boolean => plain.includes(transferSyntax);

/** The peer refused the coding (PS3.8 table 9-18, reason 4), not the class. */
function isElsewhere({ refused }: RequestedAssociation, { sopClassUid }: SendItem): boolean {
  const reasons = refused.filter(({ abstractSyntax }) => abstractSyntax === sopClassUid).map(({ reason }) => reason);
  return reasons.length > 0 && reasons.every((reason) => reason === 4);
}

async function store(
  { ports, association, pace, answered, line, handedOver }: Sending,
  item: SendItem,
  object: ReadyObject,
  transcodedTo: string | null,
): Promise<TroubleNote | 'otherSyntax' | null> {
  const { position } = item;
  let status: number;
  try {
    ({ status } = await association.store({
      sopClassUid: item.sopClassUid,
      sopInstanceUid: item.sopUid,
      transferSyntaxUid: object.transferSyntaxUid,
      dataset: untilTaken(pace.through(object.open()), handedOver),
    }));
  } catch (error) {
    if (error instanceof Failure && isUnreadable(error.code)) {
      // A long object that turned out damaged half way: the association could not be kept.
      line.drop();
      ports.result({ position, kind: 'unreadable', code: error.code });
      return null;
    }
    const { code } = failureOfTrouble(error);
    if (code !== 'jobs.interrupted') ports.result({ position, kind: 'again', status: null, code });
    throw error;
  }
  answered.once = true;
  const meaning = storeMeaning(status);
  switch (meaning.kind) {
    case 'sent':
      ports.result({ position, kind: 'accepted', status, transcodedTo });
      return null;
    case 'refused':
      ports.result({ position, kind: 'refused', status, code: meaning.code });
      return null;
    case 'again':
      ports.result({ position, kind: 'again', status, code: meaning.code });
      return { code: meaning.code, details: { status } };
    case 'otherSyntax':
      return 'otherSyntax';
  }
}

async function* untilTaken(bytes: AsyncIterable<Uint8Array>, taken: () => void): AsyncGenerator<Uint8Array> {
  yield* bytes;
  taken();
}

function unreadable({ ports }: Sending, { position }: SendItem, failure: unknown): null {
  if (!(failure instanceof Failure)) throw failure;
  ports.result({ position, kind: 'unreadable', code: failure.code });
  return null;
}
