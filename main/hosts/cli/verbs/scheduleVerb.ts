import type { ScheduledStep } from '../../../../app/domains/exchange/exchangeSchema.ts';
import { scheduleQuerySchema } from '../../../../app/domains/exchange/scheduleSchema.ts';
import { UsageProblem } from '../../usageProblem.ts';
import { takeArguments } from '../cliArguments.ts';
import { optionDates, optionText } from '../exchangeOptions.ts';
import { type ExitCode, exitCodes } from '../exitCodes.ts';
import { lineOf } from '../terminal.ts';
import { findGivenNode } from './givenNode.ts';
import type { Verb, VerbContext } from './verb.ts';

/** What is planned: a node's modality worklist, or without a node the clinic's own entries. Code 5 when the node failed. */
export const schedule: Verb = {
  check(given) {
    takeArguments(given, ['NODE'], 1);
    readScheduleQuery(given.exchange);
  },
  needsSession: () => true,
  run: runSchedule,
};

function readScheduleQuery(options: VerbContext['given']['exchange']) {
  const { studyDateFrom: dateFrom, studyDateTo: dateTo } = optionDates(options);
  const parsed = scheduleQuerySchema.safeParse({
    patientName: optionText(options, 'name'),
    patientId: optionText(options, 'id'),
    accessionNumber: optionText(options, 'accession'),
    modality: optionText(options, 'modality'),
    stationAeTitle: optionText(options, 'aet'),
    dateFrom,
    dateTo,
  });
  if (parsed.success) return parsed.data;
  throw new UsageProblem(`The search was not understood: ${String(parsed.error.issues[0]?.path[0] ?? '')}.`);
}

async function runSchedule({ given, access, terminal, signal }: VerbContext): Promise<ExitCode> {
  const query = readScheduleQuery(given.exchange);
  const [name] = given.rest;
  if (name === undefined) {
    const { dateFrom, dateTo } = query;
    const rows = await access.client.exchange.listSchedule({ dateFrom, dateTo });
    terminal.print({ total: rows.length, rows }, rows.map(describeStep).join('\n'));
    return exitCodes.done;
  }
  const { nodeId } = await findGivenNode(access, name);
  const rows: ScheduledStep[] = [];
  let failure: string | null = null;
  for await (const event of await access.client.exchange.findSchedule({ nodeIds: [nodeId], query }, { signal })) {
    if (event.type === 'scheduled') rows.push(...event.rows);
    else {
      failure = event.failure?.code ?? null;
      if (event.isCut) terminal.tell(`More than ${event.count}; narrow the search.`);
    }
  }
  signal.throwIfAborted();
  if (failure !== null) terminal.tell(`${name}: ${failure}`);
  terminal.print({ total: rows.length, rows, failure }, rows.map(describeStep).join('\n'));
  return failure === null ? exitCodes.done : exitCodes.finding;
}

function describeStep(step: ScheduledStep): string {
  const { startDate, startTime, modality, stationAeTitle, patientName, patientId, procedureDescription } = step;
  const cells = [startDate, startTime, modality, stationAeTitle, patientName, patientId, procedureDescription];
  return lineOf([...cells, step.accessionNumber]);
}
