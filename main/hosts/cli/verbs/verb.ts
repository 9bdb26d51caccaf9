import { type CliArguments, takeArguments } from '../cliArguments.ts';
import type { CoreAccess } from '../coreAccess.ts';
import type { ExitCode } from '../exitCodes.ts';
import type { Terminal } from '../terminal.ts';

/** What a verb works with. */
export interface VerbContext {
  readonly given: CliArguments;
  readonly terminal: Terminal;
  readonly access: CoreAccess;
  /** Aborted by SIGINT or SIGTERM. */
  readonly signal: AbortSignal;
  /** The password the operator signed in with, for what has to prove it again. */
  readonly password: string;
}

export interface Verb {
  /** Looks at the arguments before a core is started. @throws UsageProblem */
  check(given: CliArguments): void;
  /** False for what anybody may do; then nobody is signed in and `password` is empty. */
  needsSession(given: CliArguments): boolean;
  /** True when a core of its own has to do background work too: send what is queued. */
  needsBackground?(given: CliArguments): boolean;
  /** Gives the program's exit code. */
  run(context: VerbContext): Promise<ExitCode>;
}

/** A verb of a signed-in operator with a fixed list of arguments, of which the last ones may be optional. */
export function plainVerb(names: readonly string[], run: Verb['run'], optional = 0): Verb {
  return { check: (given) => void takeArguments(given, names, optional), needsSession: () => true, run };
}
