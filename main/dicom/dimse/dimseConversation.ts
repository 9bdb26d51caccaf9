import { answerBit, commandFields } from './commandSet.ts';
import type {
  AgreedContext,
  AssociationWish,
  DimseStatus,
  DimseTimes,
  IncomingEvent,
  RequestedAssociation,
  TakeObject,
} from './dimse.ts';
import { DimseError } from './dimse.ts';
import { abortReasons, broken, tooLate } from './dimseTrouble.ts';
import { answerEvent, readAll, takeObject } from './incomingOperations.ts';
import { type Incoming, MessageStream } from './messageStream.ts';
import { MessageWriter } from './messageWriter.ts';
import { encodeReleaseAnswer, encodeReleaseRequest } from './pduCodec.ts';
import type { Wire } from './wire.ts';

/** Of a command set, and of a data set that is no object: matches, event reports. */
const mostCommandBytes = 64 * 1024;
const mostIdentifierBytes = 1024 * 1024;
const mostObjectBytes = 4 * 1024 ** 3;
/** Event reports kept until somebody waits for them. */
const mostEvents = 16;
const slowestBytesPerSecond = 1024;
const paceMs = 30_000;

export type Message = Extract<Incoming, { kind: 'message' }>;

/** Whose answer is awaited. */
export interface Asked {
  readonly messageId: number;
  readonly field: number;
  readonly contextId: number;
}

export interface Opened {
  readonly wire: Wire;
  readonly times: DimseTimes;
  readonly pduBytes: number;
  readonly objectBytes: AssociationWish['objectBytes'];
  readonly failed: AssociationWish['failed'];
  readonly contexts: readonly AgreedContext[];
  /** Classes for which we proposed to be the SCP. */
  readonly mayReceive: ReadonlySet<string>;
  readonly refused: RequestedAssociation['refused'];
  readonly peer: RequestedAssociation['peer'];
  readonly certificate: RequestedAssociation['certificate'];
}

/** What every operation of an association that we opened needs: who speaks, whose answer it is, and what ends it. */
export interface Conversation {
  readonly times: DimseTimes;
  readonly writer: MessageWriter;
  /** Event reports that came while something else was awaited. */
  readonly events: IncomingEvent[];
  /** Ids run from 1 to 65535 and around. */
  nextMessageId(): number;
  /**
   * A context in which we may ask.
   * @throws DimseError('noContext'), or why the association has ended
   */
  contextFor(abstractSyntax: string, transferSyntax?: string): AgreedContext;
  /** @throws Error when another operation is under way, DimseError when the association has ended */
  begin(): void;
  finish(): void;
  /** Ends the association after `problem`, and gives what to throw. */
  breakOff(problem: unknown): unknown;
  /** `begin`, the operation, `finish`; what it throws ends the association. */
  run<T>(operation: () => Promise<T>): Promise<T>;
  /** The next message; undefined when none came in time. */
  nextMessage(withinMs: number): Promise<Message | undefined>;
  /** The next answer; event reports and, with `take`, objects that come before it are dealt with. */
  nextAnswer(asked: Asked, take?: TakeObject): Promise<Message>;
  takeEvent(message: Message): Promise<IncomingEvent>;
  statusOf(message: Message): Promise<DimseStatus>;
  /** Aborts the association when `ms` have passed, whatever the peer is sending; to be cleared. */
  endAfter(failure: DimseError, ms: number): NodeJS.Timeout;
  release(): Promise<void>;
  abort(): void;
}

export function openConversation(opened: Opened): Conversation {
  const { wire, times, contexts } = opened;
  const objectLimit = { name: 'objectBytes', bytes: opened.objectBytes ?? mostObjectBytes };
  const identifierLimit = { name: 'identifierBytes', bytes: mostIdentifierBytes };
  const stream = new MessageStream(
    wire,
    {
      pduBytes: opened.pduBytes,
      commandBytes: mostCommandBytes,
      silenceMs: times.answerMs,
      slowestBytesPerSecond,
      paceMs,
    },
    new Set(contexts.map(({ id }) => id)),
    ({ commandField }) => (commandField === commandFields.storeRequest ? objectLimit : identifierLimit),
  );
  const writer = new MessageWriter(wire, opened.peer.maxPduBytes, times.writeMs, () => stream.throwIfAborted());
  const events: IncomingEvent[] = [];
  let lastMessageId = 0;
  let busy = false;
  let ended: DimseError | undefined;

  const nextMessageId = (): number => {
    lastMessageId = (lastMessageId % 0xffff) + 1;
    return lastMessageId;
  };

  const requireOpen = (): void => {
    if (ended) throw ended;
    // An abort that came while nothing was under way says more than the closed connection after it.
    try {
      if (!busy) stream.throwIfAborted();
    } catch (problem) {
      throw breakOff(problem);
    }
    if (wire.failure) throw wire.failure;
  };

  const begin = (): void => {
    requireOpen();
    if (busy) throw new Error('one operation at a time on an association');
    busy = true;
  };

  /** What broke an operation breaks the association: a message that was cut short cannot be taken up again. */
  const breakOff = (problem: unknown): unknown => {
    const failure = reasonOf(problem);
    ended ??= failure;
    if (wire.failure) wire.destroy(failure);
    else if (failure.trouble === 'aborted') wire.end(undefined, failure);
    else wire.abort(failure.trouble === 'protocol' ? 2 : 0, Number(failure.details['abortReason'] ?? 0), failure);
    // The caller's own problem, such as a file that cannot be read, is told as it is.
    return problem instanceof DimseError ? failure : problem;
  };

  /** A connection that closed while we wrote may hold the abort that closed it. */
  const reasonOf = (problem: unknown): DimseError => {
    if (!(problem instanceof DimseError)) return new DimseError('cancelled', 'what was to be sent could not be read');
    if (problem.trouble !== 'closed') return problem;
    try {
      stream.throwIfAborted();
      return problem;
    } catch (abort) {
      return abort instanceof DimseError ? abort : problem;
    }
  };

  const run = async <T>(operation: () => Promise<T>): Promise<T> => {
    begin();
    try {
      return await operation();
    } catch (problem) {
      throw breakOff(problem);
    } finally {
      busy = false;
    }
  };

  const contextFor = (abstractSyntax: string, transferSyntax?: string): AgreedContext => {
    requireOpen();
    const context = contexts.find(
      (agreed) =>
        agreed.abstractSyntax === abstractSyntax &&
        agreed.role.scu &&
        (transferSyntax === undefined || agreed.transferSyntax === transferSyntax),
    );
    if (context) return context;
    throw new DimseError('noContext', 'no presentation context was agreed on', {
      abstractSyntax,
      ...(transferSyntax === undefined ? {} : { transferSyntax }),
    });
  };
  const agreedById = (id: number): AgreedContext => {
    const context = contexts.find((agreed) => agreed.id === id);
    if (!context) throw broken('unknown presentation context');
    return context;
  };

  const nextMessage = async (withinMs: number): Promise<Message | undefined> => {
    const incoming = await stream.next(withinMs);
    if (!incoming || incoming.kind === 'message') return incoming;
    if (incoming.kind === 'releaseAnswer') throw broken('release answer out of place', {}, abortReasons.unexpectedPdu);
    const released = new DimseError('closed', 'the peer released the association', { what: 'release' });
    ended = released;
    wire.end(encodeReleaseAnswer(), released);
    throw released;
  };

  const takeEvent = (message: Message): Promise<IncomingEvent> =>
    answerEvent(message, agreedById(message.contextId).transferSyntax, writer);

  const nextAnswer = async (asked: Asked, take?: TakeObject): Promise<Message> => {
    for (;;) {
      const message = await nextMessage(times.answerMs);
      if (!message) throw tooLate('answer', times.answerMs);
      const { command, contextId } = message;
      if (command.commandField === commandFields.eventRequest && events.length < mostEvents) {
        events.push(await takeEvent(message));
        continue;
      }
      if (take && command.commandField === commandFields.storeRequest) {
        const context = agreedById(contextId);
        // Some peers send what was asked for without a word on roles in their answer.
        if (!opened.mayReceive.has(context.abstractSyntax)) throw broken('object in a context without that role');
        await takeObject(message, context, writer, take, opened.failed);
        continue;
      }
      if (command.commandField !== (asked.field | answerBit)) {
        throw broken('answer to something else', { commandField: command.commandField }, abortReasons.unexpectedPdu);
      }
      if (command.respondedTo !== asked.messageId) throw broken('answer to another message');
      if (contextId !== asked.contextId) throw broken('answer in another context');
      return message;
    }
  };

  const statusOf = async (message: Message): Promise<DimseStatus> => {
    const { status = 0, comment = '', remaining, completed, failed, warnings } = message.command;
    const dataset = message.data && (await readAll(message.data));
    return {
      status,
      comment,
      ...(remaining === undefined ? {} : { remaining }),
      ...(completed === undefined ? {} : { completed }),
      ...(failed === undefined ? {} : { failed }),
      ...(warnings === undefined ? {} : { warnings }),
      ...(dataset ? { identifier: { transferSyntaxUid: agreedById(message.contextId).transferSyntax, dataset } } : {}),
    };
  };

  /** Messages that cross our request are dropped; a request that crosses ours is answered (PS3.8 9.2, release collision). */
  const awaitRelease = async (): Promise<void> => {
    const late = tooLate('answer to the release', times.associateMs);
    const timer = endAfter(late, times.associateMs);
    try {
      for (;;) {
        const incoming = await stream.next(times.associateMs);
        if (!incoming) throw late;
        if (incoming.kind === 'releaseAnswer') return;
        if (incoming.kind === 'releaseRequest') await wire.write(encodeReleaseAnswer(), times.writeMs);
      }
    } finally {
      clearTimeout(timer);
    }
  };

  const endAfter = (failure: DimseError, ms: number): NodeJS.Timeout =>
    setTimeout(() => wire.abort(0, abortReasons.unspecified, failure), ms);

  const abort = (): void => {
    ended ??= new DimseError('cancelled', 'we aborted the association');
    if (!wire.failure) wire.abort(0, abortReasons.unspecified, ended);
  };

  const release = async (): Promise<void> => {
    if (ended || wire.failure) return;
    if (busy) {
      abort();
      return;
    }
    busy = true;
    const released = new DimseError('closed', 'the association was released', { what: 'release' });
    ended = released;
    try {
      await wire.write(encodeReleaseRequest(), times.writeMs);
      await awaitRelease();
      wire.end(undefined, released);
    } catch (problem) {
      breakOff(problem);
    }
  };

  const finish = (): void => {
    busy = false;
  };

  return {
    ...{ times, writer, events, nextMessageId, contextFor, begin, finish, breakOff, run },
    ...{ nextMessage, nextAnswer, takeEvent, statusOf, endAfter, release, abort },
  };
}
