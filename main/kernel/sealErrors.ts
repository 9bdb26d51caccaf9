import { ORPCError } from '@orpc/client';
import { ValidationError } from '@orpc/contract';
import { Failure } from '../../app/shared/failure.ts';
import { failureSchema } from '../../app/shared/operation.ts';
import type { Log } from '../platform/platform.ts';

const codePattern = /^[a-z][A-Za-z]*\.[a-z][A-Za-z]*$/;

/** What sealing needs from the core. */
export interface IncidentBook {
  readonly log: Log;
  newId(): string;
}

/**
 * Turns whatever a handler threw into what may leave the core. A well-formed Failure passes; an input that does not
 * match becomes `system.invalidInput` and names the offending property of the input, never its value; the end of an
 * aborted call is `system.disconnected`; everything else is logged with its stack and leaves as `internal` with an
 * incident id and no text.
 */
export function sealError(error: unknown, operation: string, isAborted: boolean, book: IncidentBook): Failure {
  if (error instanceof Failure && isSendable(error)) return error;
  if (isAborted && !(error instanceof Failure)) {
    return new Failure('system.disconnected', 'The caller went away before the end of the call.');
  }
  const invalidInput = asInvalidInput(error);
  if (invalidInput) return invalidInput;
  const incidentId = book.newId();
  book.log.error('A call ended in an unexpected error', error, { operation, incidentId });
  return new Failure('internal', 'Unexpected error; see the incident in the log.', {}, incidentId);
}

/** The declared error that carries a Failure over any transport: code, details and incident id; its text stays here. */
export function toWire(failure: Failure): ORPCError<'FAILURE', unknown> {
  const { code, details, incidentId } = failure;
  return new ORPCError('FAILURE', { defined: true, message: code, data: { code, details, incidentId } });
}

/** True for an error that `toWire` made (the transport may have copied it since). */
export function isWire(error: unknown): boolean {
  return error instanceof ORPCError && error.code === 'FAILURE';
}

function isSendable(failure: Failure): boolean {
  if (!codePattern.test(failure.code)) return failure.code === 'internal' && failure.incidentId !== undefined;
  return failureSchema.safeParse(failure).success;
}

function asInvalidInput(error: unknown): Failure | undefined {
  if (!(error instanceof ORPCError) || error.code !== 'BAD_REQUEST') return undefined;
  const issues = error.cause instanceof ValidationError ? error.cause.issues : [];
  const first = issues[0]?.path?.[0];
  const field = typeof first === 'object' ? first.key : first;
  const details: Record<string, string | number> = { issues: issues.length };
  // Only the outermost step of the path: it is a property the contract declares, deeper ones may be the caller's own keys.
  if (typeof field === 'string' && /^[A-Za-z]{1,40}$/.test(field)) details['field'] = field;
  return new Failure('system.invalidInput', 'The input does not match the contract.', details);
}
