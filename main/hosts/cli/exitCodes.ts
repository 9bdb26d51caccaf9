import { Failure } from '../../../app/shared/failure.ts';
import { UsageProblem } from '../usageProblem.ts';

/** What the program ends with. Scripts may rely on it; README lists it. */
export const exitCodes = {
  done: 0,
  failed: 1,
  /** The command line was not understood, or something it needs was not given. */
  usage: 2,
  /** Wrong name or password, or the operator may not do this. */
  refused: 3,
  /** No store, a store in use by a program that does not answer, or a damaged one. */
  store: 4,
  /** The command ran to its end and found something wrong: nothing could be imported, a check failed. */
  finding: 5,
  /** Cancelled by a signal. */
  cancelled: 130,
} as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

const storeCodes = new Set([
  'security.notSetUp',
  'security.alreadySetUp',
  'security.keyringDamaged',
  'security.sealed',
]);

export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof UsageProblem) return exitCodes.usage;
  if (error instanceof Error && error.name === 'AbortError') return exitCodes.cancelled;
  if (!(error instanceof Failure)) return exitCodes.failed;
  if (error.code === 'system.invalidInput') return exitCodes.usage;
  if (storeCodes.has(error.code) || error.code.startsWith('storage.')) return exitCodes.store;
  return error.code.startsWith('security.') ? exitCodes.refused : exitCodes.failed;
}
