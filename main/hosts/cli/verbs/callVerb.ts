import { text as readText } from 'node:stream/consumers';
import { isContractProcedure } from '@orpc/contract';
import { contract } from '../../../../app/contract.ts';
import type { OperationMeta } from '../../../../app/shared/operation.ts';
import { UsageProblem } from '../../usageProblem.ts';
import { type CliArguments, takeArguments } from '../cliArguments.ts';
import { exitCodes } from '../exitCodes.ts';
import type { Verb, VerbContext } from './verb.ts';

type Call = (input: unknown, options: { signal: AbortSignal }) => Promise<unknown>;

/** What the contract says of the procedure that `call` names. @throws UsageProblem */
function readCallMeta(given: CliArguments): OperationMeta {
  const [name = ''] = takeArguments(given, ['PROCEDURE', 'JSON'], 1);
  const [domain = '', procedure = ''] = name.split('.');
  const procedures = Object.entries(contract).find(([key]) => key === domain)?.[1] ?? {};
  const found = Object.entries(procedures).find(([key]) => key === procedure)?.[1];
  if (!found || !isContractProcedure(found)) throw new UsageProblem(`The contract has no procedure ${name}.`);
  return found['~orpc'].meta as unknown as OperationMeta;
}

/** Calls any procedure with a JSON input and prints its JSON output; a stream prints one line for each item. */
export const call: Verb = {
  check: (given) => void readCallMeta(given),
  needsSession: (given) => readCallMeta(given).permission !== 'public',
  run: runCall,
};

async function runCall({ given, access, terminal, signal }: VerbContext) {
  const { shape } = readCallMeta(given);
  const [name = '', json] = given.rest;
  const [domain = '', procedure = ''] = name.split('.');
  const input = json === undefined ? undefined : parseInput(json === '-' ? await readText(process.stdin) : json);
  const calls = access.client as unknown as Record<string, Record<string, Call>>;
  const output = await calls[domain]?.[procedure]?.(input, { signal });
  if (shape !== 'stream') {
    terminal.print(output ?? null, JSON.stringify(output ?? null, null, 2));
    return exitCodes.done;
  }
  for await (const item of output as AsyncIterable<unknown>) terminal.print(item, JSON.stringify(item));
  return exitCodes.done;
}

function parseInput(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    throw new UsageProblem('The input is not JSON.');
  }
}
