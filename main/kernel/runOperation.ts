import { Failure } from '../../app/shared/failure.ts';
import type { OperationMeta, Topic } from '../../app/shared/operation.ts';
import type { CallContext } from '../core.ts';
import { inReadLane, type ReadLane } from '../database/readLane.ts';
import type { AuditSubject, Author } from '../database/writeGate.ts';
import { readCallSubject } from './auditSubjects.ts';
import { type CallTrace, traceCall } from './callTrace.ts';
import { guardStream, type StreamEnd } from './guardStream.ts';
import { type IncidentBook, sealError, toWire } from './sealErrors.ts';

/** What the kernel needs from the core around it. */
export interface KernelHost extends IncidentBook {
  /** The context of one call: the connection's session as it is now, and the signal that ends the call. */
  openCall(connectionId: string, signal: AbortSignal): CallContext;
  /** Aborted when the session that the connection has now ends. Undefined when nobody is signed in. */
  sessionSignal(connectionId: string): AbortSignal | undefined;
  /** Writes an audit entry where a store is open. @throws when it can't be written. */
  audit(
    author: Author,
    action: string,
    outcome: 'success' | 'refused' | 'failed',
    subject: AuditSubject | undefined,
    detail: Record<string, string | number | boolean>,
  ): void;
  /** Tells every window which facts changed. */
  publish(topics: readonly Topic[]): void;
}

export interface OperationCall {
  /** `domain.verb`, as audited and logged. */
  readonly operation: string;
  readonly meta: OperationMeta;
  readonly connectionId: string;
  /** As it came from the transport, not checked. */
  readonly input: unknown;
  readonly signal: AbortSignal;
  /** Checks the input, runs the handler, checks the output. */
  readonly proceed: (context: CallContext) => Promise<unknown>;
}

const nobody: Author = { operatorId: null, operatorName: null };
const streamIntervalMs = 40;

/**
 * Runs one call: permission first (a refused call is audited, whatever the procedure declares, and its input is not
 * even parsed), then the handler, then the audit entry the procedure declares and its `changes`. A command that wrote
 * has its entry already, committed with what it wrote under the operation's own name: it gets no second one. What left
 * no entry and can't have one now has failed for the caller, unless it committed something: a person is never told that
 * a committed act failed. Everything that leaves is sealed.
 *
 * `changes` are published after every success, besides the topics of the write gate: some commands change facts that
 * are no rows (a session), and a topic too many costs one refetch.
 */
export async function runOperation(call: OperationCall, host: KernelHost): Promise<unknown> {
  const { meta, operation, signal } = call;
  const context = withStreamSignal(host.openCall(call.connectionId, signal), meta, call.connectionId, host);
  const { subject, detail } = readCallSubject(call.input);
  const author: Author = context.session ?? nobody;
  const note = (outcome: 'success' | 'refused' | 'failed', more: Record<string, string | boolean> = {}) =>
    host.audit(author, operation, outcome, subject, { ...detail, ...more });

  try {
    refuseUnlessAllowed(meta, context);
  } catch (error) {
    const refusal = sealError(error, operation, false, host);
    noteQuietly(() => note('refused', { code: refusal.code }), operation, host);
    throw toWire(refusal);
  }

  const trace: CallTrace = { done: new Set() };
  try {
    const output = await traceCall(() => inReadLane(laneOf(context), () => call.proceed(context)), trace);
    if (meta.shape === 'stream') {
      return guardStream(output as AsyncIterable<unknown>, {
        callSignal: signal,
        sessionSignal: meta.permission === 'public' ? undefined : host.sessionSignal(call.connectionId),
        intervalMs: streamIntervalMs,
        sessionEnded: () => new Failure('security.notSignedIn', 'The session ended while this stream was open.'),
        seal: (error) => sealError(error, operation, signal.aborted, host),
        toWire,
        onEnd: (end) => {
          if (meta.audit) noteQuietly(() => note(...streamOutcome(end)), operation, host);
        },
      });
    }
    if (meta.audit && !trace.done.has(operation)) {
      if (trace.done.size === 0) note('success');
      else noteQuietly(() => note('success'), operation, host);
    }
    if (meta.changes) host.publish(meta.changes);
    return output;
  } catch (error) {
    const failure = sealError(error, operation, signal.aborted, host);
    if (meta.audit) {
      const outcome = failure.code.startsWith('security.') ? 'refused' : 'failed';
      noteQuietly(() => note(outcome, { code: failure.code }), operation, host);
    }
    throw toWire(failure);
  }
}

function refuseUnlessAllowed(meta: OperationMeta, context: CallContext): void {
  if (meta.permission === 'public') return;
  if (!context.session) throw new Failure('security.notSignedIn', 'Nobody is signed in on this connection.');
  if (meta.permission === 'signedIn') return;
  if (!context.can(meta.permission)) {
    throw new Failure('security.notAllowed', 'No role of this operator allows this.', { permission: meta.permission });
  }
}

/** What a token reads waits behind what windows read, and is dropped when its caller goes away. */
function laneOf({ session, signal }: CallContext): ReadLane | null {
  return session?.grants ? { key: session.operatorId, signal } : null;
}

/** A stream that needs a session ends with it: its handler waits on a signal that fires on either. */
function withStreamSignal(
  context: CallContext,
  meta: OperationMeta,
  connectionId: string,
  host: KernelHost,
): CallContext {
  const sessionSignal = host.sessionSignal(connectionId);
  if (meta.shape !== 'stream' || meta.permission === 'public' || !sessionSignal) return context;
  return { ...context, signal: AbortSignal.any([context.signal, sessionSignal]) };
}

function streamOutcome(end: StreamEnd): ['success' | 'failed', Record<string, string | boolean>] {
  if (end.outcome === 'failed') return ['failed', { code: end.failure.code }];
  return ['success', end.outcome === 'cancelled' ? { cancelled: true } : {}];
}

/** The call has failed already; an audit entry that fails as well must not hide why. */
function noteQuietly(note: () => void, operation: string, host: KernelHost): void {
  try {
    note();
  } catch (error) {
    host.log.error('An audit entry could not be written', error, { operation });
  }
}
