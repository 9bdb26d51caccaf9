import { Failure } from '../../../app/shared/failure.ts';
import { keyringExists, readKeyring } from '../../keyring/keyringFile.ts';
import { defaultHome } from '../../platform/nodePlatform.ts';
import { UsageProblem } from '../usageProblem.ts';
import type { CliArguments } from './cliArguments.ts';
import type { CoreAccess } from './coreAccess.ts';
import type { Terminal } from './terminal.ts';

const touchEveryMs = 60_000;

export interface Credentials {
  readonly operatorName: string;
  readonly password: string;
}

/** Who signs in, from the command line, the store, the environment or the person. @throws UsageProblem */
export async function readCredentials(given: CliArguments, terminal: Terminal): Promise<Credentials> {
  const operatorName = given.operatorName ?? findOnlyOperator(given.home) ?? (await terminal.askText('Operator: '));
  return { operatorName, password: await terminal.askPassword(`Password of ${operatorName}: `) };
}

/** Signs in on the command line's own connection and keeps the session from idling away while a job runs. */
export async function signIn(access: CoreAccess, credentials: Credentials): Promise<void> {
  await access.client.security.signIn(credentials);
  const timer = setInterval(() => {
    access.client.security.touch().catch(() => clearInterval(timer));
  }, touchEveryMs);
  timer.unref();
}

/** The operator of a store that has only one: there is nothing to choose. */
function findOnlyOperator(givenHome: string | undefined): string | undefined {
  const home = givenHome ?? defaultHome();
  if (!keyringExists(home)) throw new Failure('security.notSetUp', 'There is no store in this folder.');
  const { operators } = readKeyring(home).keyring;
  if (operators.length > 1) throw new UsageProblem('This store has several operators: say which with --operator NAME.');
  return operators[0]?.operatorName;
}
