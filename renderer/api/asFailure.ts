import { Failure } from '../../app/shared/failure.ts';

/** What any thrown thing is, as a Failure: the connection throws Failures, a bug in the window itself does not. */
export function asFailure(error: unknown): Failure {
  if (error instanceof Failure) return error;
  // The name alone: a message may quote what it choked on.
  return new Failure('internal', error instanceof Error ? error.name : 'unknown');
}
