/** A storage, query and commitment SCP over real sockets that can be wrong in every way we know of. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { commitmentReport, datasetOf, findMatches, matchingObjects, part10Of } from './dimseAnswers.ts';
import {
  type AssociateRequest,
  abortPdu,
  associateAccept,
  associateAsScp,
  associateReject,
  commandBytes,
  type DimseMessage,
  dataPdus,
  numberIn,
  pduTypes,
  readAssociateRequest,
  readPdus,
  releaseAnswer,
  releaseRequest,
  uidIn,
} from './handMadePdus.ts';
import { ObjectShelf, readShelfObject, type ShelfObject } from './objectShelf.ts';

export type BadDimseBehaviour =
  /** Right in every way. */
  | 'good'
  /** A-ASSOCIATE-RJ (PS3.8 table 9-21). */
  | { readonly rejects: { readonly result: 1 | 2; readonly source: 1 | 2 | 3; readonly reason: number } }
  /** This status to each C-STORE; objects are kept with success and with warnings (0xBxxx). */
  | { readonly answers: number }
  /** Takes objects, and answers each C-FIND with this status and no match. */
  | { readonly finds: number }
  /** Had something else of each UID before: 0x0111 to each C-STORE, and what it had is found and promised. */
  | 'alreadyHas'
  /** Takes the connection and never answers the association request. */
  | 'neverAssociates'
  /** Accepts the association and answers nothing on it. */
  | 'neverAnswers'
  /** Accepts the association and takes no more bytes. */
  | 'stopsReading'
  /** A-ABORT once some of an object's data set has come. */
  | 'abortsMidObject'
  /** Ends the connection once some of an object's data set has come. */
  | 'closesMidObject'
  /** Keeps the object, then A-ABORT in place of the answer. */
  | 'abortsAfterObject'
  /** Success, nothing kept; a search and a commitment then say that it is not there. */
  | 'drops'
  | 'dropsEverySecond'
  /** Keeps the object, sends half an answer and no more. */
  | 'halfPdu'
  /** The same, and ends the connection. */
  | 'halfPduThenCloses'
  /** Accepts each context with a transfer syntax that nobody offered. */
  | 'wrongTransferSyntax'
  /** Pending answers without end, to C-FIND and C-STORE. */
  | 'floodsPending'
  /** An answer that claims to be 4 GiB long, and the bytes to go with it. */
  | 'giantPdu'
  /** A byte of its answer at a time. */
  | 'slowLoris'
  /** Keeps and answers each object, then ends the connection without a release. */
  | 'closesAfterEachObject'
  /** Success to a message that was never sent; the object is not kept. */
  | 'wrongMessageId'
  /** Bytes that are no PDU. */
  | 'garbage'
  // Storage commitment (PS3.4 annex J); all objects are kept:
  /** Every second one is reported as failed. */
  | 'commitmentFailsSome'
  /** Takes the request and never reports. */
  | 'commitmentNeverReports'
  /** Reports success, for a transaction of somebody else. */
  | 'commitmentOtherTransaction'
  /** Each one is reported as committed and as failed. */
  | 'commitmentSaysBoth'
  /** Reports success without naming any instance. */
  | 'commitmentNamesNone'
  /** N-ACTION is answered with 0x0110. */
  | 'commitmentRefused';

export interface BadDimseOptions {
  /** It is good from the association after so many on. */
  readonly recoversAfter?: number;
  /** Where commitments are reported, on an association of their own. Without it: on the one that asked. */
  readonly reportTo?: { readonly host: string; readonly port: number; readonly aeTitle: string };
  /** Gives what it has by C-GET. */
  readonly gives?: boolean;
  /** Of `slowLoris`, ms [100]. */
  readonly byteEveryMs?: number;
}

export interface BadDimsePeer {
  readonly host: '127.0.0.1';
  readonly port: number;
  readonly aeTitle: string;
  /** Instance UIDs of what came whole, in order. */
  readonly got: readonly string[];
  /** By instance UID, what it truly has. */
  readonly kept: ReadonlyMap<string, ShelfObject>;
  /** What each association asked for. */
  readonly associations: readonly AssociateRequest[];
  /** Status of the answers to its N-EVENT-REPORTs; -1 where none came. */
  readonly reports: readonly number[];
  become(behaviour: BadDimseBehaviour): void;
  stop(): Promise<void>;
}

const aeTitle = 'BADPEER';
const commitmentClass = '1.2.840.10008.1.20.1';
const commitmentInstance = '1.2.840.10008.1.20.1.1';
const implicitLittleEndian = '1.2.840.10008.1.2';

export async function startBadDimsePeer(
  first: BadDimseBehaviour,
  options: BadDimseOptions = {},
): Promise<BadDimsePeer> {
  const shelf = new ObjectShelf();
  const associations: AssociateRequest[] = [];
  const reports: number[] = [];
  const sockets = new Set<Socket>();
  const stopping = new AbortController();
  let behaviour = first;
  let opened = 0;
  const keep = (socket: Socket) => {
    sockets.add(socket);
    // A client that goes away is what many of these tests are about.
    socket.on('error', () => socket.destroy()).on('close', () => sockets.delete(socket));
  };
  const server = createServer((socket) => {
    keep(socket);
    opened += 1;
    const now = options.recoversAfter !== undefined && opened > options.recoversAfter ? 'good' : behaviour;
    const line: Line = { socket, now, shelf, associations, reports, options, keep, stopping: stopping.signal };
    serve(line).catch(() => socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    aeTitle,
    got: shelf.got,
    kept: shelf.kept,
    associations,
    reports,
    become: (next) => {
      behaviour = next;
    },
    stop: async () => {
      stopping.abort();
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

interface Line {
  readonly socket: Socket;
  readonly now: BadDimseBehaviour;
  readonly shelf: ObjectShelf;
  readonly associations: AssociateRequest[];
  readonly reports: number[];
  readonly options: BadDimseOptions;
  readonly keep: (socket: Socket) => void;
  readonly stopping: AbortSignal;
}

async function serve(line: Line): Promise<void> {
  const { socket, now } = line;
  if (now === 'neverAssociates') return;
  let request: AssociateRequest | null = null;
  for await (const read of readPdus(socket)) {
    if (read.type === 'progress') {
      if (now === 'abortsMidObject') return void socket.end(abortPdu(2, 0));
      if (now === 'closesMidObject') return void socket.destroy();
      continue;
    }
    if (read.type === 'message') {
      if (request) await answerMessage(line, request, read.message);
      continue;
    }
    if (read.pduType === pduTypes.request) {
      request = readAssociateRequest(read.body);
      line.associations.push(request);
      if (typeof now === 'object' && 'rejects' in now) {
        const { result, source, reason } = now.rejects;
        return void socket.end(associateReject(result, source, reason));
      }
      if (now === 'garbage') return void socket.write(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'.repeat(4)));
      const wrong = '1.2.840.10008.1.2.4.50';
      socket.write(
        associateAccept(request, (context) =>
          now === 'wrongTransferSyntax' ? wrong : (context.transferSyntaxes[0] ?? implicitLittleEndian),
        ),
      );
      if (now === 'stopsReading') {
        socket.pause();
        await once(socket, 'close');
        return;
      }
    } else if (read.pduType === pduTypes.releaseRequest) {
      if (now !== 'neverAnswers') socket.end(releaseAnswer());
    } else if (read.pduType === pduTypes.abort) return void socket.destroy();
  }
}

async function answerMessage(line: Line, request: AssociateRequest, message: DimseMessage): Promise<void> {
  const { socket, now } = line;
  if (now === 'neverAnswers') return;
  const field = numberIn(message.command, 0x0100);
  if (now === 'giantPdu') return pourGiantPdu(socket);
  if (field === 0x0001) return answerStore(line, request, message);
  if (field === 0x0020) return answerFind(line, request, message);
  if (field === 0x0010) return answerGet(line, request, message);
  if (field === 0x0030) return say(line, dataPdus(message.contextId, answerTo(message, 0)));
  if (field === 0x0130) return answerAction(line, request, message);
  if (field === 0x8100) line.reports.push(numberIn(message.command, 0x0900));
}

/** The answer to a request: its field with the high bit, the message it answers, no data set unless told. */
function answerTo(message: DimseMessage, status: number, messageIdShift = 0, hasDataset = false): Buffer {
  const { command } = message;
  const classUid = uidIn(command, 0x0002) || uidIn(command, 0x0003);
  const instanceUid = uidIn(command, 0x1000) || uidIn(command, 0x1001);
  return commandBytes([
    [0x0002, classUid],
    [0x0100, numberIn(command, 0x0100) | 0x8000],
    [0x0120, (numberIn(command, 0x0110) + messageIdShift) & 0xffff],
    [0x0800, hasDataset ? 1 : 0x0101],
    [0x0900, status],
    ...(instanceUid === '' ? [] : [[0x1000, instanceUid] as const]),
    ...(numberIn(command, 0x0100) === 0x0130 ? [[0x1008, numberIn(command, 0x1008)] as const] : []),
  ]);
}

function syntaxOf(request: AssociateRequest, message: DimseMessage): string {
  return request.contexts.find(({ id }) => id === message.contextId)?.transferSyntaxes[0] ?? implicitLittleEndian;
}

async function answerStore(line: Line, request: AssociateRequest, message: DimseMessage): Promise<void> {
  const { socket, now, shelf } = line;
  const object = readShelfObject(part10Of(syntaxOf(request, message), message.dataset));
  const status = now === 'alreadyHas' ? 0x0111 : typeof now === 'object' && 'answers' in now ? now.answers : 0;
  const isTaken = status === 0 || status >> 12 === 0xb;
  const isDropped =
    !isTaken ||
    now === 'drops' ||
    now === 'wrongMessageId' ||
    now === 'floodsPending' ||
    (now === 'dropsEverySecond' && shelf.got.length % 2 === 1);
  const before = shelf.kept.has(object.sopInstanceUid) ? 'no' : 'damaged';
  shelf.take(object, now === 'alreadyHas' ? before : isDropped ? 'no' : 'whole');
  if (now === 'abortsAfterObject') return void socket.end(abortPdu(2, 0));
  if (now === 'floodsPending') return flood(line, dataPdus(message.contextId, answerTo(message, 0xff00)));
  await say(line, dataPdus(message.contextId, answerTo(message, status, now === 'wrongMessageId' ? 1 : 0)));
  if (now === 'closesAfterEachObject') socket.end();
}

async function answerFind(line: Line, request: AssociateRequest, message: DimseMessage): Promise<void> {
  const syntax = syntaxOf(request, message);
  if (typeof line.now === 'object' && 'finds' in line.now) {
    return say(line, dataPdus(message.contextId, answerTo(message, line.now.finds)));
  }
  const pending = answerTo(message, 0xff00, 0, true);
  const matches = findMatches([...line.shelf.kept.values()], part10Of(syntax, message.dataset), syntax);
  if (line.now === 'floodsPending') {
    return flood(line, dataPdus(message.contextId, pending, matches[0] ?? message.dataset));
  }
  for (const match of matches) await say(line, dataPdus(message.contextId, pending, match));
  await say(line, dataPdus(message.contextId, answerTo(message, 0)));
}

/** Sends what was asked for, one object after the other without waiting for the answers, and then says that it has. */
async function answerGet(line: Line, request: AssociateRequest, message: DimseMessage): Promise<void> {
  // SOP class not supported (PS3.7 annex C).
  if (!line.options.gives) return say(line, dataPdus(message.contextId, answerTo(message, 0x0122)));
  const syntax = syntaxOf(request, message);
  const asked = matchingObjects([...line.shelf.kept.values()], part10Of(syntax, message.dataset));
  for (const [index, object] of asked.entries()) {
    const context = request.contexts.find(
      ({ abstractSyntax, transferSyntaxes }) =>
        abstractSyntax === object.sopClassUid && transferSyntaxes[0] === object.transferSyntaxUid,
    );
    if (!context) continue;
    const command = commandBytes([
      [0x0002, object.sopClassUid],
      [0x0100, 0x0001],
      [0x0110, 100 + index],
      [0x0700, 0],
      [0x0800, 1],
      [0x1000, object.sopInstanceUid],
    ]);
    await say(line, dataPdus(context.id, command, datasetOf(object)));
  }
  await say(line, dataPdus(message.contextId, answerTo(message, 0)));
}

async function answerAction(line: Line, request: AssociateRequest, message: DimseMessage): Promise<void> {
  const { now, options } = line;
  const status = now === 'commitmentRefused' ? 0x0110 : 0;
  await say(line, dataPdus(message.contextId, answerTo(message, status)));
  if (status !== 0 || now === 'commitmentNeverReports') return;
  const bent =
    now === 'commitmentFailsSome' ||
    now === 'commitmentOtherTransaction' ||
    now === 'commitmentSaysBoth' ||
    now === 'commitmentNamesNone'
      ? now
      : null;
  const asked = part10Of(syntaxOf(request, message), message.dataset);
  const syntax = options.reportTo ? implicitLittleEndian : syntaxOf(request, message);
  const report = commitmentReport(asked, line.shelf.kept, bent, syntax);
  const command = commandBytes([
    [0x0002, commitmentClass],
    [0x0100, 0x0100],
    [0x0110, 7],
    [0x0800, 1],
    [0x1000, commitmentInstance],
    [0x1002, report.eventType],
  ]);
  if (!options.reportTo) return say(line, dataPdus(message.contextId, command, report.dataset));
  // The association that asked must not wait for the one that reports.
  reportElsewhere(line, options.reportTo, dataPdus(1, command, report.dataset)).catch(() => line.reports.push(-1));
}

async function reportElsewhere(
  line: Line,
  to: NonNullable<BadDimseOptions['reportTo']>,
  message: Uint8Array,
): Promise<void> {
  const socket = connect(to.port, to.host);
  line.keep(socket);
  socket.write(associateAsScp(to.aeTitle, aeTitle, commitmentClass, implicitLittleEndian));
  for await (const read of readPdus(socket)) {
    if (read.type === 'other' && read.pduType === pduTypes.accept) socket.write(message);
    else if (read.type === 'message') {
      line.reports.push(numberIn(read.message.command, 0x0900));
      socket.write(releaseRequest());
    } else if (read.type === 'other' && read.pduType === pduTypes.releaseAnswer) return void socket.end();
    else if (read.type === 'other') throw new Error('the report was not taken');
  }
}

/** Writes an answer, or some of it, the way this peer writes. */
async function say({ socket, now, options, stopping }: Line, bytes: Buffer): Promise<void> {
  if (now === 'halfPdu' || now === 'halfPduThenCloses') {
    const half = bytes.subarray(0, Math.ceil(bytes.length / 2));
    if (now === 'halfPdu') socket.write(half);
    else socket.end(half);
  } else if (now === 'slowLoris') {
    for (const byte of bytes) {
      socket.write(Buffer.from([byte]));
      await sleep(options.byteEveryMs ?? 100, undefined, { signal: stopping });
      if (socket.destroyed) return;
    }
  } else socket.write(bytes);
}

async function flood({ socket }: Line, bytes: Buffer): Promise<void> {
  const many = Buffer.concat(Array.from({ length: 50 }, () => bytes));
  while (!socket.destroyed) await pour(socket, many);
}

async function pourGiantPdu(socket: Socket): Promise<void> {
  socket.write(Buffer.from([pduTypes.data, 0, 0xff, 0xff, 0xff, 0xf0]));
  const piece = Buffer.alloc(65_536);
  while (!socket.destroyed) await pour(socket, piece);
}

async function pour(socket: Socket, bytes: Buffer): Promise<void> {
  if (socket.write(bytes)) return new Promise((resolve) => setImmediate(resolve));
  await new Promise<void>((resolve) => {
    const go = () => {
      socket.off('drain', go).off('close', go);
      resolve();
    };
    socket.on('drain', go).on('close', go);
  });
}
