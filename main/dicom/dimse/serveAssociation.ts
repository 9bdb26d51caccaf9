import { implementationClassUid, implementationVersion } from '../salusImplementation.ts';
import {
  type AnsweredContext,
  type AssociateRequest,
  decodeAssociateRequest,
  encodeAssociateAccept,
  isDicomContext,
  type Role,
} from './associatePdus.ts';
import { answerBit, type Command, commandFields, statuses } from './commandSet.ts';
import type { AcceptorInput, AcceptorLimits, AgreedContext, AssociationReport, AssociationRequest } from './dimse.ts';
import { DimseError } from './dimse.ts';
import { abortReasons, broken, tooLate } from './dimseTrouble.ts';
import { implicitLittleEndianUid, storageCommitmentClassUid } from './dimseUids.ts';
import { answerEvent, answerTo, isTitle, isUid, readAll, takeObject } from './incomingOperations.ts';
import { type Incoming, MessageStream } from './messageStream.ts';
import { MessageWriter } from './messageWriter.ts';
import {
  decodeAbort,
  decodePduHeader,
  encodeReject,
  encodeReleaseAnswer,
  pduHeaderBytes,
  pduTypes,
} from './pduCodec.ts';
import type { Wire } from './wire.ts';

type Message = Extract<Incoming, { kind: 'message' }>;

interface Served {
  readonly wire: Wire;
  readonly address: string;
  readonly certificate: AssociationRequest['certificate'];
  readonly limits: AcceptorLimits;
  readonly input: AcceptorInput;
  /** Counts those that asked for an association, from 1. */
  nextNumber(): number;
  /** Takes a place among the open associations; false when there is none. */
  enter(): boolean;
}

/** What the report will say; filled in as the association goes on. */
interface Tally {
  associationNumber: number;
  callingAe: string;
  calledAe: string;
  objects: number;
  bytes: number;
}

/** Serves one connection from its request to its end, and reports it. Never throws. */
export async function serveAssociation(served: Served): Promise<void> {
  const { wire, input, address } = served;
  const nowMs = input.nowMs ?? Date.now;
  const startedAtMs = nowMs();
  const tally: Tally = { associationNumber: 0, callingAe: '', calledAe: '', objects: 0, bytes: 0 };
  let ending: AssociationReport['ending'] = 'released';
  let details: AssociationReport['details'] = {};
  try {
    await serve(served, tally);
    wire.end(encodeReleaseAnswer(), new DimseError('closed', 'released'));
  } catch (problem) {
    const failure =
      problem instanceof DimseError ? problem : new DimseError('protocol', 'serving failed', { what: 'our own' });
    if (failure !== problem) input.failed?.(problem, 'listen');
    ending = failure.trouble;
    details = failure.details;
    const { result, source, reason, abortReason } = failure.details;
    if (wire.failure) wire.destroy(failure);
    else if (failure.trouble === 'aborted') wire.end(undefined, failure);
    else if (failure.trouble === 'rejected')
      wire.end(encodeReject(Number(result), Number(source), Number(reason)), failure);
    else wire.abort(failure.trouble === 'protocol' ? 2 : 0, Number(abortReason ?? 0), failure);
  }
  input.ended?.({ ...tally, address, startedAtMs, endedAtMs: nowMs(), ending, details });
}

/** Returns once the peer asked for the release. */
async function serve(served: Served, tally: Tally): Promise<void> {
  const { wire, limits, input } = served;
  const request = await readRequest(wire, limits);
  tally.associationNumber = served.nextNumber();
  // What is no title is not repeated to anybody.
  tally.callingAe = isTitle(request.callingAe) ? request.callingAe : '';
  tally.calledAe = isTitle(request.calledAe) ? request.calledAe : '';
  const { contexts, peerPduBytes } = await negotiate(served, request, tally.associationNumber);
  const stream = new MessageStream(
    wire,
    { ...limits, silenceMs: limits.pduMs },
    new Set(contexts.keys()),
    ({ commandField }) =>
      commandField === commandFields.storeRequest
        ? { name: 'objectBytes', bytes: limits.objectBytes }
        : { name: 'identifierBytes', bytes: limits.identifierBytes },
  );
  const writer = new MessageWriter(wire, peerPduBytes, limits.pduMs);
  const { callingAe } = request;
  const { associationNumber } = tally;
  let ahead: Promise<Incoming | undefined> | undefined;
  let searchedUntil = 0;
  const next = async (): Promise<Incoming | undefined> => {
    const begun = ahead;
    ahead = undefined;
    const incoming = begun && (await begun);
    if (incoming) return incoming;
    // What was awaited since the search began counts as rest only from its end on.
    const left = begun ? searchedUntil + limits.idleMs - performance.now() : limits.idleMs;
    return left > 0 ? stream.next(left) : undefined;
  };

  for (;;) {
    const incoming = await next();
    if (!incoming) throw tooLate('next message', limits.idleMs);
    if (incoming.kind === 'releaseRequest') return;
    if (incoming.kind === 'releaseAnswer') throw broken('PDU out of place', {}, abortReasons.unexpectedPdu);
    const { command, contextId } = incoming;
    const context = contexts.get(contextId);
    if (!context) throw broken('unknown presentation context');
    const respond = (status: number, comment?: string) => writer.send(contextId, answerTo(command, status, comment));
    switch (command.commandField) {
      case commandFields.echoRequest:
        await incoming.data?.drain();
        await respond(statuses.success);
        break;
      case commandFields.storeRequest: {
        const caller = { associationNumber, callingAe, address: served.address };
        const taken = await takeObject(
          incoming,
          context,
          writer,
          (object) => input.take(object, caller),
          (problem) => input.failed?.(problem, 'take'),
        );
        tally.objects += 1;
        tally.bytes += taken.bytes;
        break;
      }
      case commandFields.findRequest:
        if (command.affectedClassUid !== context.abstractSyntax)
          await refuse(incoming, respond, statuses.classNotSupported);
        else if (input.find) await answerFind(incoming, context, input.find);
        else await refuse(incoming, respond);
        break;
      case commandFields.eventRequest:
        if (input.event) await takeEvent(incoming, context, input.event);
        else await refuse(incoming, respond);
        break;
      case commandFields.cancelRequest:
        // Of an operation that has just ended: nothing is left to cancel.
        break;
      default:
        if ((command.commandField & answerBit) !== 0) throw broken('answer to nothing', {}, abortReasons.unexpectedPdu);
        await refuse(incoming, respond);
    }
  }

  async function takeEvent(
    message: Message,
    context: AgreedContext,
    event: NonNullable<AcceptorInput['event']>,
  ): Promise<void> {
    try {
      await answerEvent(message, context.transferSyntax, writer, (report) => event(report, { callingAe }));
    } catch (problem) {
      if (problem instanceof DimseError) throw problem;
      input.failed?.(problem, 'event');
      await writer.send(message.contextId, answerTo(message.command, statuses.processingFailure));
    }
  }

  /**
   * Sends each match as it is found. Meanwhile the next message is awaited, as it may be a C-CANCEL (PS3.7 9.3.2.3).
   * What is still awaited when the search ends is left in `ahead`.
   */
  async function answerFind(
    message: Message,
    context: AgreedContext,
    find: NonNullable<AcceptorInput['find']>,
  ): Promise<void> {
    const { command, contextId, data } = message;
    const controller = new AbortController();
    const answer = (status: number, hasDataset: boolean): Command => ({ ...answerTo(command, status), hasDataset });
    if (!data) throw broken('query without keys');
    const keys = await readAll(data);
    let cancelled = false;
    let over = false;
    const listen = (): void => {
      const awaited = stream.next(limits.idleMs);
      ahead = awaited;
      awaited.then(
        (incoming) => {
          if (over) return;
          // A search may take longer than a peer may rest between messages.
          if (!incoming) listen();
          if (incoming?.kind !== 'message' || incoming.command.commandField !== commandFields.cancelRequest) return;
          // A cancel is used up here; one of another message means nothing, and the next may be the right one.
          cancelled ||= incoming.command.respondedTo === command.messageId;
          if (cancelled) controller.abort();
          listen();
        },
        // The connection ended: nobody wants the rest. Whoever awaits the next message hears why.
        () => controller.abort(),
      );
    };
    listen();
    let status: number = statuses.success;
    try {
      const { abstractSyntax, transferSyntax: transferSyntaxUid } = context;
      for await (const match of find({
        abstractSyntax,
        transferSyntaxUid,
        keys,
        callingAe,
        signal: controller.signal,
      })) {
        if (controller.signal.aborted) break;
        await writer.send(contextId, answer(statuses.pending, true), match);
      }
    } catch (problem) {
      if (problem instanceof DimseError) throw problem;
      if (!controller.signal.aborted) {
        input.failed?.(problem, 'find');
        status = statuses.unableToProcess;
      }
    }
    over = true;
    await writer.send(contextId, answer(cancelled ? statuses.cancelled : status, false));
    searchedUntil = performance.now();
  }
}

async function refuse(
  message: Message,
  respond: (status: number) => Promise<void>,
  status: number = statuses.unrecognizedOperation,
): Promise<void> {
  await message.data?.drain();
  await respond(status);
}

/** The request, whole, within `requestMs` of the connection. */
async function readRequest(wire: Wire, limits: AcceptorLimits): Promise<AssociateRequest> {
  const deadline = performance.now() + limits.requestMs;
  const parts: Buffer[] = [];
  const read = async (count: number): Promise<Buffer> => {
    parts.length = 0;
    for (let left = count; left > 0; ) {
      if (wire.available === 0) {
        const ms = deadline - performance.now();
        if (ms <= 0 || !(await wire.wait(ms))) throw tooLate('association request', limits.requestMs);
      }
      const part = wire.take(left);
      parts.push(part);
      left -= part.length;
    }
    return Buffer.concat(parts, count);
  };
  const { type, length } = decodePduHeader(await read(pduHeaderBytes), limits.pduBytes);
  if (type === pduTypes.abort) throw decodeAbort(await read(length));
  if (type !== pduTypes.associateRequest) throw broken('PDU out of place', { type }, abortReasons.unexpectedPdu);
  return decodeAssociateRequest(await read(length));
}

async function negotiate(
  served: Served,
  request: AssociateRequest,
  associationNumber: number,
): Promise<{ contexts: Map<number, AgreedContext>; peerPduBytes: number }> {
  const { wire, input, limits } = served;
  // PS3.8 table 9-21: source 1 the user (reason 2: application context), source 2 the provider (reason 2: version).
  if ((request.protocolVersion & 1) === 0) throw rejection(1, 2, 2);
  if (!isDicomContext(request.applicationContext)) throw rejection(1, 1, 2);
  // PS3.8 table 9-21: reason 3 calling title, 7 called title not recognized.
  if (!isTitle(request.callingAe)) throw rejection(1, 1, 3);
  if (!isTitle(request.calledAe)) throw rejection(1, 1, 7);
  const { roles } = request.user;
  const answer = await ask(served, request, associationNumber);
  if (!answer.accept) throw rejection(answer.result, answer.source, answer.reason);
  if (wire.failure) throw wire.failure;
  if (!served.enter()) throw rejection(2, 3, 2);
  const contexts = new Map<number, AgreedContext>();
  const answers: AnsweredContext[] = [];
  const answeredRoles = new Map<string, Role>();
  for (const { id, abstractSyntax, transferSyntaxes } of request.contexts) {
    const taken = answer.transferSyntaxesOf(abstractSyntax);
    const transferSyntax = taken.find((uid) => transferSyntaxes.includes(uid));
    if (transferSyntax === undefined) {
      answers.push({ id, result: taken.length === 0 ? 3 : 4, transferSyntax: implicitLittleEndianUid });
      continue;
    }
    answers.push({ id, result: 0, transferSyntax });
    const asked = roles.get(abstractSyntax);
    // Who reports that objects are safe plays the SCP on an association of its own (PS3.4 J.3.3).
    const scp = asked?.scp === true && input.event !== undefined && abstractSyntax === storageCommitmentClassUid;
    const role = asked ? { scu: asked.scu, scp } : { scu: true, scp: false };
    if (asked) answeredRoles.set(abstractSyntax, role);
    contexts.set(id, { id, abstractSyntax, transferSyntax, role });
  }
  const accept = encodeAssociateAccept({
    calledAe: request.calledAe,
    callingAe: request.callingAe,
    contexts: answers,
    user: {
      maxPduBytes: limits.pduBytes,
      implementationClassUid,
      implementationVersion,
      roles: answeredRoles,
    },
  });
  await wire.write(accept, limits.pduMs);
  return { contexts, peerPduBytes: request.user.maxPduBytes };
}

/** A fault of ours while deciding is a transient "no", never a "yes". */
async function ask(
  served: Served,
  request: AssociateRequest,
  associationNumber: number,
): Promise<Awaited<ReturnType<AcceptorInput['answer']>>> {
  const { input, address, certificate } = served;
  const { callingAe, calledAe, user } = request;
  const contexts = request.contexts
    .filter(({ abstractSyntax }) => isUid(abstractSyntax))
    .map(({ abstractSyntax, transferSyntaxes }) => {
      const role = user.roles.get(abstractSyntax);
      return { abstractSyntax, transferSyntaxes: transferSyntaxes.filter(isUid), ...(role ? { role } : {}) };
    });
  try {
    return await input.answer({ associationNumber, callingAe, calledAe, address, certificate, contexts });
  } catch (problem) {
    input.failed?.(problem, 'answer');
    return { accept: false, result: 2, source: 3, reason: 1 };
  }
}

function rejection(result: number, source: number, reason: number): DimseError {
  return new DimseError('rejected', 'we rejected the association', { result, source, reason });
}
