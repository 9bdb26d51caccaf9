import { randomBytes } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';
import type { OwnEntry } from '../../../../app/domains/exchange/scheduleSchema.ts';
import { makeUuidV7 } from '../../../../app/shared/ids.ts';
import type {
  Acceptor,
  AssociationAnswer,
  AssociationReport,
  AssociationRequest,
  IncomingEvent,
  IncomingObject,
} from '../../../dicom/dimse/dimse.ts';
import { DimseError } from '../../../dicom/dimse/dimse.ts';
import { startAcceptor } from '../../../dicom/dimse/startAcceptor.ts';
import { faultText } from '../../../platform/faultText.ts';
import { openIntake, type Taken } from '../../imaging/receptionService.ts';
import { answerWorklist } from '../schedule/answerWorklist.ts';
import { openCallers } from './callers.ts';
import type { FromReceiver, OpenedAssociation, ReceiverWorkerData, ToReceiver } from './receiverMessages.ts';
import { syntaxesTaken } from './storageContexts.ts';

/**
 * Listens for associations and takes their objects: reads, examines, encrypts and fsyncs them here. An object is
 * answered with success only once the thread that started this one has committed its rows.
 */
const data = workerData as ReceiverWorkerData;
const intake = openIntake(data.archiveAccess, data.intakePort, { leastFreeBytes: data.leastFreeBytes });
const callers = openCallers();
callers.set(data.callers);

interface Open {
  readonly opened: OpenedAssociation;
  /** Resolves when the other thread knows of it. */
  readonly known: Promise<void>;
  /** Objects that are being taken. */
  readonly underWay: Set<Promise<unknown>>;
  refused: number;
  readonly reasons: Map<string, number>;
  /** SOP Instance UIDs that were announced and are not here. */
  readonly missing: Set<string>;
}

/** Of more that is missing only the fact is kept. */
const mostMissing = 1_000;

const associations = new Map<number, Open>();
/** For the log: the certificate that was shown, and whether it was the reason to refuse. */
const shown = new Map<number, Readonly<Record<string, string>>>();
const forOpened = new Map<string, () => void>();
const forEvent = new Map<number, (isTaken: boolean) => void>();
let nextEvent = 1;
const forSchedule = new Map<number, (entries: readonly OwnEntry[] | null) => void>();
let nextSchedule = 1;

function post(message: FromReceiver): void {
  parentPort?.postMessage(message);
}

/** PS3.8 table 9-21: by the user of the service; 3 calling, 7 called AE title not recognised. */
const unknownCaller = { accept: false, result: 1, source: 1, reason: 3 } as const;
const unknownCalled = { accept: false, result: 1, source: 1, reason: 7 } as const;
/** Known by title and address, with another certificate than the node's, or none: DICOM has no reason for that. */
const otherCertificate = { accept: false, result: 1, source: 1, reason: 1 } as const;

async function admit(request: AssociationRequest): Promise<AssociationAnswer> {
  const { associationNumber, callingAe, calledAe, address } = request;
  const fingerprint = request.certificate?.fingerprint256 ?? '';
  if (fingerprint !== '') shown.set(associationNumber, { fingerprint });
  if (calledAe.trim() !== data.aeTitle.trim()) return unknownCalled;
  const caller = await callers.find(callingAe, address, fingerprint);
  if (!caller) {
    if (!(await callers.knows(callingAe, address))) return unknownCaller;
    shown.set(associationNumber, { certificate: fingerprint === '' ? 'none' : 'other', fingerprint });
    return otherCertificate;
  }
  const startedAt = Date.now();
  const opened: OpenedAssociation = {
    associationId: makeUuidV7(startedAt, randomBytes(10)),
    callingAe: callingAe.trim(),
    calledAe: calledAe.trim(),
    address,
    nodeId: caller.nodeId,
    startedAt,
  };
  const known = new Promise<void>((resolve) => forOpened.set(opened.associationId, resolve));
  associations.set(associationNumber, {
    opened,
    known,
    underWay: new Set(),
    refused: 0,
    reasons: new Map(),
    missing: new Set(),
  });
  post({ type: 'opened', association: opened });
  return { accept: true, transferSyntaxesOf: syntaxesTaken } as const;
}

/** PS3.4 table B.2-1. What is said in words never names anybody. */
const statuses = {
  space: { status: 0xa700, comment: 'not enough room on the disk' },
  tooLarge: { status: 0xa700, comment: 'the object is too large' },
  mismatch: { status: 0xa900, comment: 'data set and command do not match' },
  unreadable: { status: 0xc000, comment: 'the data set cannot be read' },
  fault: { status: 0x0110, comment: 'processing failure' },
} as const;

async function take(object: IncomingObject, open: Open): Promise<{ status: number; comment?: string }> {
  await open.known;
  let taken: Taken;
  try {
    taken = await intake.takeDataset(open.opened.associationId, object, object.dataset);
  } catch (error) {
    // Cut off half way, or a fault of ours: either way an object of a study is missing.
    miss(open, object);
    if (!(error instanceof DimseError)) count(open, 'internal');
    throw error;
  }
  if (taken.outcome !== 'refused') {
    // The same connection may send again what it could not bring before.
    if (open.missing.size <= mostMissing) open.missing.delete(object.sopInstanceUid);
    return { status: 0 };
  }
  count(open, taken.code);
  if (taken.reason === 'space' || taken.reason === 'fault') miss(open, object);
  return statuses[taken.reason];
}

function miss(open: Open, { sopInstanceUid }: IncomingObject): void {
  if (open.missing.size <= mostMissing) open.missing.add(sopInstanceUid);
}

function count(open: Open, code: string): void {
  open.refused += 1;
  open.reasons.set(code, (open.reasons.get(code) ?? 0) + 1);
}

async function end(report: AssociationReport): Promise<void> {
  const open = associations.get(report.associationNumber);
  associations.delete(report.associationNumber);
  const details = { ...report.details, ...shown.get(report.associationNumber) };
  shown.delete(report.associationNumber);
  if (open) {
    // What was cut off may still be on its way into the index.
    await Promise.allSettled([open.known, ...open.underWay]);
    forOpened.delete(open.opened.associationId);
  }
  const missing = [...(open?.missing ?? [])];
  post({
    type: 'ended',
    association: {
      opened: open?.opened ?? null,
      report: { ...report, details },
      refused: open?.refused ?? 0,
      reasons: Object.fromEntries(open?.reasons ?? []),
      // Who goes away between two objects may have had more of them, too.
      isWhole: !open || (missing.length === 0 && report.ending === 'released'),
      missing: missing.length > 0 && missing.length <= mostMissing ? missing : null,
    },
  });
}

async function hear(event: IncomingEvent, callingAe: string): Promise<void> {
  const id = nextEvent++;
  const isTaken = await new Promise<boolean>((resolve) => {
    forEvent.set(id, resolve);
    post({ type: 'event', id, callingAe, event });
  });
  if (!isTaken) throw new Error('nobody here asked for this event');
}

function listSchedule(days: { dateFrom: string; dateTo: string }): Promise<readonly OwnEntry[]> {
  const id = nextSchedule++;
  return new Promise((resolve, reject) => {
    // An empty worklist would be an answer; that nothing can be read is none.
    forSchedule.set(id, (entries) => (entries ? resolve(entries) : reject(new Error('the worklist cannot be read'))));
    post({ type: 'schedule', id, ...days });
  });
}

let acceptor: Acceptor | undefined;
parentPort?.on('message', (message: ToReceiver) => {
  switch (message.type) {
    case 'callers':
      callers.set(message.callers);
      break;
    case 'opened':
      forOpened.get(message.associationId)?.();
      break;
    case 'eventDone':
      forEvent.get(message.id)?.(message.isTaken);
      forEvent.delete(message.id);
      break;
    case 'schedule':
      forSchedule.get(message.id)?.(message.entries);
      forSchedule.delete(message.id);
      break;
    case 'ping':
      post({ type: 'pong' });
      break;
    case 'close':
      void close(message.graceMs);
      break;
  }
});

const spaceLookMs = 2_000;
let saidNearlyFull = false;

/** Says when the disk fills up and when there is room again, also while nobody sends. */
async function lookAtSpace(): Promise<void> {
  try {
    const isNearlyFull = await intake.isNearlyFull();
    if (isNearlyFull !== saidNearlyFull) post({ type: 'space', isNearlyFull });
    saidNearlyFull = isNearlyFull;
  } catch (error) {
    post({ type: 'trouble', where: 'space', text: faultText(error) });
  }
}

async function close(graceMs: number): Promise<void> {
  await acceptor?.close(graceMs);
  post({ type: 'closed' });
}

try {
  acceptor = await startAcceptor({
    host: data.host,
    port: data.port,
    ...(data.tls ? { tls: data.tls } : {}),
    limits: { objectBytes: 2 * 1024 ** 3, ...data.limits },
    answer: admit,
    async take(object, { associationNumber }) {
      const open = associations.get(associationNumber);
      if (!open) throw new Error('an object of an association that was not accepted');
      const work = take(object, open);
      open.underWay.add(work);
      try {
        return await work;
      } finally {
        open.underWay.delete(work);
      }
    },
    find: (query) => answerWorklist(query, listSchedule),
    event: (event, { callingAe }) => hear(event, callingAe),
    ended: (report) => void end(report),
    failed: (problem, where) => post({ type: 'trouble', where, text: faultText(problem) }),
  });
  post({ type: 'listening', port: acceptor.port });
  await lookAtSpace();
  setInterval(() => void lookAtSpace(), spaceLookMs).unref();
} catch (error) {
  post({ type: 'failed', code: (error as NodeJS.ErrnoException).code ?? 'unknown' });
}
