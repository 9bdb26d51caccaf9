import { Failure } from '../../../app/shared/failure.ts';
import { UsageProblem } from '../usageProblem.ts';
import { type CliArguments, cliUsage, readCliArguments } from './cliArguments.ts';
import { readCredentials, signIn } from './cliSession.ts';
import { type CoreAccess, openCoreAccess } from './coreAccess.ts';
import { fillPersonalOptions } from './exchangeOptions.ts';
import { type ExitCode, exitCodeOf, exitCodes } from './exitCodes.ts';
import { openTerminal, type Terminal } from './terminal.ts';
import { call } from './verbs/callVerb.ts';
import { conflicts } from './verbs/conflictVerbs.ts';
import { echo, fetch, find, send } from './verbs/exchangeVerbs.ts';
import { node } from './verbs/nodeVerbs.ts';
import { prefetch } from './verbs/prefetchVerb.ts';
import { receive } from './verbs/receiveVerb.ts';
import { report } from './verbs/reportVerbs.ts';
import { runRestore } from './verbs/restoreVerb.ts';
import { route } from './verbs/routeVerb.ts';
import { schedule } from './verbs/scheduleVerb.ts';
import { runServe } from './verbs/serveVerb.ts';
import { backup, doctor, init, rebuildIndex, verifyAudit } from './verbs/storeVerbs.ts';
import { exportStudy, importFiles, studies } from './verbs/studyVerbs.ts';
import { api, token } from './verbs/tokenVerbs.ts';
import { unattended } from './verbs/unattendedVerb.ts';
import type { Verb } from './verbs/verb.ts';

const verbs: ReadonlyMap<string, Verb> = new Map([
  ['init', init],
  ['import', importFiles],
  ['studies', studies],
  ['export', exportStudy],
  ['conflicts', conflicts],
  ['report', report],
  ['node', node],
  ['echo', echo],
  ['find', find],
  ['fetch', fetch],
  ['send', send],
  ['route', route],
  ['prefetch', prefetch],
  ['receive', receive],
  ['schedule', schedule],
  ['unattended', unattended],
  ['token', token],
  ['api', api],
  ['call', call],
  ['backup', backup],
  ['rebuild-index', rebuildIndex],
  ['verify-audit', verifyAudit],
  ['doctor', doctor],
]);

/**
 * Runs one command line and gives the program's exit code. Never rejects.
 *
 * @param argv without the program's own name
 */
export async function runCli(argv: readonly string[], signal: AbortSignal): Promise<ExitCode> {
  const json = argv.includes('--json');
  const terminal = openTerminal(json);
  try {
    if (argv[0] === 'serve') return await runServe(argv.slice(1));
    const given = readCliArguments(argv);
    if (given.help || given.verb === 'help') {
      terminal.print({ usage: cliUsage }, cliUsage);
      return exitCodes.done;
    }
    if (given.verb === '') throw new UsageProblem(`No verb was given.\n\n${cliUsage}`);
    return given.verb === 'restore' ? await runRestore(given, terminal) : await runVerb(given, terminal, signal);
  } catch (error) {
    const code = exitCodeOf(error);
    const failure = describeFailure(error);
    if (json) terminal.print({ failure: failure.code, exitCode: code, ...failure.more }, '');
    terminal.tell(failure.text);
    return code;
  }
}

async function runVerb(asGiven: CliArguments, terminal: Terminal, signal: AbortSignal): Promise<ExitCode> {
  const verb = verbs.get(asGiven.verb);
  if (!verb) throw new UsageProblem(`There is no verb ${JSON.stringify(asGiven.verb)}. Try salus --help.`);
  verb.check(asGiven);
  const exchange = await fillPersonalOptions(asGiven.exchange, terminal.readLines);
  const given = { ...asGiven, exchange };
  verb.check(given);
  const backgroundWork = verb.needsBackground?.(given) ?? false;
  const access = await openCoreAccess(given.home, (line) => terminal.tell(line), backgroundWork);
  let isClosed = true;
  let code: ExitCode;
  try {
    code = await runWith(access, verb, given, terminal, signal);
  } finally {
    // What the verb came to was printed: a second document would say something else.
    await access.close().catch((error: unknown) => {
      isClosed = false;
      terminal.tell(describeFailure(error).text);
    });
  }
  return !isClosed && code === exitCodes.done ? exitCodes.failed : code;
}

async function runWith(
  access: CoreAccess,
  verb: Verb,
  given: CliArguments,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<ExitCode> {
  if (!verb.needsSession(given)) return verb.run({ given, terminal, access, signal, password: '' });
  const credentials = await readCredentials(given, terminal);
  try {
    await signIn(access, credentials);
  } catch (error) {
    if (given.verb !== 'rebuild-index' || !access.replaceDamagedDatabase || !isDatabaseDamaged(error)) throw error;
    terminal.tell('The database can not be read; a new one is made from the archive.');
    await access.replaceDamagedDatabase(credentials.operatorName, credentials.password);
    await signIn(access, credentials);
  }
  return verb.run({ given, terminal, access, signal, password: credentials.password });
}

function isDatabaseDamaged(error: unknown): boolean {
  return error instanceof Failure && (error.code === 'storage.databaseDamaged' || error.code === 'storage.wrongKey');
}

function describeFailure(error: unknown): { code: string; text: string; more: object } {
  if (error instanceof UsageProblem) return { code: 'usage', text: error.message, more: {} };
  if (error instanceof Error && error.name === 'AbortError') return { code: 'cancelled', text: 'Cancelled.', more: {} };
  if (error instanceof Failure) {
    const { code, details, incidentId } = error;
    const facts = Object.entries(details).map(([name, value]) => `${name} ${value}`);
    if (incidentId) facts.push(`incident ${incidentId}`);
    return {
      code,
      text: `salus: ${code}${facts.length > 0 ? ` (${facts.join(', ')})` : ''}`,
      more: { details, ...(incidentId ? { incidentId } : {}) },
    };
  }
  const { code, message } = error as NodeJS.ErrnoException;
  return { code: code ?? 'internal', text: `salus: ${message}`, more: {} };
}
