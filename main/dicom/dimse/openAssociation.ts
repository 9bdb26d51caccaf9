import { connect, type Socket } from 'node:net';
import { connect as connectTls, TLSSocket } from 'node:tls';
import { implementationClassUid, implementationVersion } from '../salusImplementation.ts';
import {
  type AnsweredContext,
  type AssociateAccept,
  decodeAssociateAccept,
  encodeAssociateRequest,
  isDicomContext,
  type ProposedContext,
  type Role,
} from './associatePdus.ts';
import type { AgreedContext, AssociationWish, DimseTimes, RequestedAssociation } from './dimse.ts';
import { DimseError } from './dimse.ts';
import { clientTlsOptions, subjectOf } from './dimseTls.ts';
import { abortReasons, asDimseError, broken, isTlsCode, tooLate } from './dimseTrouble.ts';
import { isTitle, isUid } from './incomingOperations.ts';
import { decodeAbort, decodePduHeader, decodeReject, pduHeaderBytes, pduTypes } from './pduCodec.ts';
import { requestedAssociation } from './requestedAssociation.ts';
import { Wire } from './wire.ts';

const defaultTimes: DimseTimes = { connectMs: 15_000, associateMs: 30_000, answerMs: 120_000, writeMs: 60_000 };
const defaultPduBytes = 256 * 1024;
/** PS3.8 9.3.2.2: odd ids from 1 to 255. */
const mostContexts = 128;

/**
 * Opens a connection and an association on it (PS3.8 7.1).
 * @throws DimseError('unreachable' | 'tls' | 'rejected' | 'aborted' | 'closed' | 'timeout' | 'protocol' | 'cancelled')
 * @throws RangeError for a wish that no association can carry: no or more than 128 contexts, titles of the wrong length
 */
export async function openAssociation(wish: AssociationWish): Promise<RequestedAssociation> {
  checkWish(wish);
  const times = { ...defaultTimes, ...wish.times };
  const pduBytes = wish.maxPduBytes ?? defaultPduBytes;
  const { signal } = wish;
  if (signal?.aborted) throw cancelled();
  const socket = await dial(wish, times.connectMs);
  const wire = new Wire(socket);
  const cancel = () => wire.abort(0, abortReasons.unspecified, cancelled());
  signal?.addEventListener('abort', cancel, { once: true });
  socket.once('close', () => signal?.removeEventListener('abort', cancel));
  if (signal?.aborted) cancel();
  try {
    const proposed = proposedContexts(wish);
    const request = encodeAssociateRequest({
      calledAe: wish.calledAe,
      callingAe: wish.callingAe,
      contexts: proposed,
      user: {
        maxPduBytes: pduBytes,
        implementationClassUid,
        implementationVersion,
        roles: proposedRoles(wish),
      },
    });
    await wire.write(request, times.writeMs);
    const accept = await readAnswer(wire, pduBytes, times.associateMs);
    const { agreed, refused } = agree(wish, proposed, accept);
    return requestedAssociation({
      wire,
      times,
      pduBytes,
      objectBytes: wish.objectBytes,
      failed: wish.failed,
      contexts: agreed,
      mayReceive: new Set([...proposedRoles(wish)].filter(([, { scp }]) => scp).map(([uid]) => uid)),
      refused,
      peer: {
        implementationClassUid: accept.user.implementationClassUid,
        implementationVersion: accept.user.implementationVersion,
        maxPduBytes: accept.user.maxPduBytes,
      },
      certificate: certificateOf(socket),
    });
  } catch (problem) {
    const failure = asDimseError(problem, 'associate');
    if (failure.trouble === 'rejected' || failure.trouble === 'aborted') wire.end(undefined, failure);
    else if (!wire.failure) wire.abort(2, Number(failure.details['abortReason'] ?? 0), failure);
    else wire.destroy(failure);
    throw failure;
  }
}

function checkWish(wish: AssociationWish): void {
  const { contexts, callingAe, calledAe } = wish;
  if (contexts.length === 0 || contexts.length > mostContexts) {
    throw new RangeError(`an association carries 1 to ${mostContexts} contexts, not ${contexts.length}`);
  }
  for (const title of [callingAe, calledAe]) {
    if (!isTitle(title)) throw new RangeError('not an AE title');
  }
  for (const { abstractSyntax, transferSyntaxes } of contexts) {
    if (transferSyntaxes.length === 0) throw new RangeError('a context needs a transfer syntax');
    if (![abstractSyntax, ...transferSyntaxes].every(isUid)) throw new RangeError('not a UID');
  }
}

function proposedContexts(wish: AssociationWish): ProposedContext[] {
  return wish.contexts.map(({ abstractSyntax, transferSyntaxes }, index) => ({
    id: 2 * index + 1,
    abstractSyntax,
    transferSyntaxes,
  }));
}

/** One role selection a class (PS3.7 D.3.3.4), whatever the number of its contexts. */
function proposedRoles(wish: AssociationWish): Map<string, Role> {
  const roles = new Map<string, Role>();
  for (const { abstractSyntax, role } of wish.contexts) {
    if (!role) continue;
    const known = roles.get(abstractSyntax);
    roles.set(abstractSyntax, {
      scu: role.scu || known?.scu === true,
      scp: role.scp || known?.scp === true,
    });
  }
  return roles;
}

function agree(wish: AssociationWish, proposed: readonly ProposedContext[], accept: AssociateAccept) {
  const answers = new Map<number, AnsweredContext>(accept.contexts.map((context) => [context.id, context]));
  const roles = proposedRoles(wish);
  const agreed: AgreedContext[] = [];
  const refused: { abstractSyntax: string; reason: number }[] = [];
  for (const { id, abstractSyntax, transferSyntaxes } of proposed) {
    // A context that the peer left out of its answer is not agreed on.
    const answer = answers.get(id);
    if (answer?.result !== 0) {
      refused.push({ abstractSyntax, reason: answer?.result ?? 2 });
      continue;
    }
    const { transferSyntax } = answer;
    if (!transferSyntaxes.includes(transferSyntax)) throw broken('transfer syntax that was not proposed');
    const asked = roles.get(abstractSyntax);
    const given = accept.user.roles.get(abstractSyntax);
    const role =
      asked && given ? { scu: asked.scu && given.scu, scp: asked.scp && given.scp } : { scu: true, scp: false };
    agreed.push({ id, abstractSyntax, transferSyntax, role });
  }
  return { agreed, refused };
}

async function readAnswer(wire: Wire, pduBytes: number, withinMs: number): Promise<AssociateAccept> {
  const deadline = performance.now() + withinMs;
  const need = async (count: number) => {
    while (wire.available < count) {
      const left = deadline - performance.now();
      if (left <= 0 || !(await wire.wait(left))) throw tooLate('answer to the association request', withinMs);
    }
    return wire.takeExactly(count);
  };
  const { type, length } = decodePduHeader(await need(pduHeaderBytes), pduBytes);
  if (type === pduTypes.associateReject) throw decodeReject(await need(length));
  if (type === pduTypes.abort) throw decodeAbort(await need(length));
  if (type !== pduTypes.associateAccept) throw broken('PDU out of place', { type }, abortReasons.unexpectedPdu);
  const accept = decodeAssociateAccept(await need(length));
  if (!isDicomContext(accept.applicationContext)) throw broken('application context');
  return accept;
}

/** A socket that is connected, and through its TLS handshake where that is asked for. */
function dial(wish: AssociationWish, withinMs: number): Promise<Socket> {
  const { host, port, tls, signal } = wish;
  return new Promise((resolve, reject) => {
    const options = { host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: 60_000 };
    let phase: 'connect' | 'tls' = 'connect';
    const socket = tls ? connectTls({ ...options, ...clientTlsOptions(host, tls) }) : connect(options);
    const settle = (failure?: DimseError) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', cancel);
      socket.removeListener('error', onError).removeListener('close', onClose);
      if (!failure) {
        resolve(socket);
        return;
      }
      // What a socket says after its end is of no use to anybody.
      socket.on('error', () => undefined).destroy();
      reject(failure);
    };
    const onError = (problem: NodeJS.ErrnoException) => {
      const code = problem.code ?? 'unknown';
      const kind = phase === 'tls' || isTlsCode(code) ? 'tls' : 'unreachable';
      settle(new DimseError(kind, `no connection: ${code}`, { phase, code }));
    };
    const onClose = () => settle(new DimseError(phase === 'tls' ? 'tls' : 'unreachable', 'no connection', { phase }));
    const cancel = () => settle(cancelled());
    const timer = setTimeout(() => settle(tooLate(phase, withinMs)), withinMs);
    signal?.addEventListener('abort', cancel, { once: true });
    socket.on('error', onError).on('close', onClose);
    socket.once('connect', () => {
      phase = 'tls';
      if (!tls) settle();
    });
    socket.once('secureConnect', () => settle());
  });
}

function certificateOf(socket: Socket): RequestedAssociation['certificate'] {
  if (!(socket instanceof TLSSocket)) return null;
  const certificate = socket.getPeerCertificate();
  return { subject: subjectOf(certificate), validToMs: Date.parse(certificate.valid_to) };
}

function cancelled(): DimseError {
  return new DimseError('cancelled', 'cancelled');
}
