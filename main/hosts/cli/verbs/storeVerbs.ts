import os from 'node:os';
import { defaultHome } from '../../../platform/nodePlatform.ts';
import { resolveGiven } from '../../givenPath.ts';
import { UsageProblem } from '../../usageProblem.ts';
import { takeArguments } from '../cliArguments.ts';
import { exitCodes } from '../exitCodes.ts';
import { followJob } from './followJob.ts';
import { plainVerb, type Verb, type VerbContext } from './verb.ts';

/** Makes the store. Runs without a session: there is nobody yet. */
export const init: Verb = {
  check: (given) => void takeArguments(given, []),
  needsSession: () => false,
  run: runInit,
};

async function runInit({ given, terminal, access }: VerbContext) {
  const operatorName = given.operatorName ?? suggestOperatorName();
  const password = await terminal.askPassword(`New password of ${operatorName}: `);
  if (terminal.canAsk && password !== (await terminal.askPassword('The same again: '))) {
    throw new UsageProblem('The two passwords differ.');
  }
  const { recoveryKey, session } = await access.client.security.setUp({
    operatorName,
    fullName: given.fullName ?? operatorName,
    password,
    language: given.language,
    siteName: given.siteName,
  });
  const home = given.home ?? defaultHome();
  terminal.print(
    { recoveryKey, operatorName: session.operatorName, operatorId: session.operatorId, home },
    `The store was made in ${home}, with the operator ${session.operatorName}.\n\n` +
      `Recovery key: ${recoveryKey}\n\n` +
      'Print it and keep it away from this machine. It is shown once, and without it a lost password loses the store.',
  );
  return exitCodes.done;
}

export const backup = plainVerb(['DIR'], async (context) => {
  const [directory = ''] = context.given.rest;
  const { jobId } = await context.access.client.storage.backup({ directory: resolveGiven(directory) });
  return finishJob(jobId, context, { directory: resolveGiven(directory) }, 'The backup is complete.');
});

export const rebuildIndex = plainVerb([], async (context) => {
  const { jobId } = await context.access.client.storage.rebuildIndex();
  return finishJob(jobId, context, {}, 'The index was built again.');
});

export const verifyAudit = plainVerb([], async ({ terminal, access }) => {
  const result = await access.client.security.verifyAudit();
  const where = result.firstBadSequence === null ? '' : ` at entry ${result.firstBadSequence}`;
  terminal.print(
    result,
    result.ok
      ? `${result.entries} audit entries, chain intact.`
      : `The audit chain is not intact: ${result.reason}${where}.`,
  );
  return result.ok ? exitCodes.done : exitCodes.finding;
});

export const doctor = plainVerb([], async ({ terminal, access }) => {
  const result = await access.client.storage.doctor();
  const lines = result.checks.map(
    ({ name, ok, detail }) => `${ok ? 'ok  ' : 'BAD '} ${name}${detail ? `: ${detail}` : ''}`,
  );
  terminal.print(result, lines.join('\n'));
  return result.ok ? exitCodes.done : exitCodes.finding;
});

async function finishJob(jobId: string, context: VerbContext, more: object, text: string) {
  const job = await followJob(jobId, context);
  context.terminal.print({ jobId, state: job.state, done: job.done, ...job.counts, ...more }, text);
  return job.counts['damaged'] ? exitCodes.finding : exitCodes.done;
}

/** The person's name on this machine, as far as it can be an operator's name. */
function suggestOperatorName(): string {
  const name = os.userInfo().username.replaceAll(/[^\p{L}\p{N}._-]/gu, '');
  return name.length >= 2 ? name : 'operator';
}
