import {
  type Delivery,
  type ExchangeNode,
  type FindEvent,
  findLevels,
  findQuerySchema,
} from '../../../../app/domains/exchange/exchangeSchema.ts';
import { Failure } from '../../../../app/shared/failure.ts';
import { UsageProblem } from '../../usageProblem.ts';
import { takeArguments } from '../cliArguments.ts';
import { optionDates, optionNumber, optionText } from '../exchangeOptions.ts';
import { type ExitCode, exitCodes } from '../exitCodes.ts';
import { lineOf } from '../terminal.ts';
import { pause } from './abortablePause.ts';
import { followJob } from './followJob.ts';
import { findGivenNode } from './givenNode.ts';
import { plainVerb, type Verb, type VerbContext } from './verb.ts';

const pollMs = 500;

/** Tries what the node is used for and says what was tried and answered. Code 5 when a step went wrong. */
export const echo: Verb = plainVerb(['NODE'], async ({ given, access, terminal }) => {
  const node = await findGivenNode(access, given.rest[0] ?? '');
  const { steps } = await access.client.exchange.testNode({ nodeId: node.nodeId });
  const lines = steps.map(({ name, ok, code, details, tookMs }) => {
    const facts = Object.entries(details).map(([key, value]) => `${key} ${value}`);
    return lineOf([ok ? 'ok  ' : 'FAIL', name, `${tookMs} ms`, code ?? '', ...facts].filter((part) => part !== ''));
  });
  const ok = steps.length > 0 && steps.every((step) => step.ok);
  terminal.print({ nodeId: node.nodeId, name: node.name, ok, steps }, lines.join('\n'));
  return ok ? exitCodes.done : exitCodes.finding;
});

/** Searches one node, or several whose names are given with commas between them. Code 5 when one of them failed. */
export const find: Verb = {
  check(given) {
    takeArguments(given, ['NODE[,NODE…]']);
    readQuery(given.exchange);
    optionNumber(given.exchange, 'limit', 1, 5000);
  },
  needsSession: () => true,
  run: runFind,
};

function readQuery(options: VerbContext['given']['exchange']) {
  const text = (name: Parameters<typeof optionText>[1]) => optionText(options, name);
  const level = text('level').toUpperCase() || (text('series') ? 'IMAGE' : text('study') ? 'SERIES' : 'STUDY');
  const parsed = findQuerySchema.safeParse({
    level: level === 'INSTANCE' ? 'IMAGE' : level,
    patientName: text('name'),
    patientId: text('id'),
    accessionNumber: text('accession'),
    modality: text('modality'),
    studyDescription: text('description'),
    studyUid: text('study'),
    seriesUid: text('series'),
    ...optionDates(options),
  });
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  if (issue?.path[0] === 'level') {
    throw new UsageProblem(`--level is one of ${findLevels.map((each) => each.toLowerCase()).join(', ')}.`);
  }
  throw new UsageProblem(`The search was not understood: ${String(issue?.path[0] ?? '')}.`);
}

async function runFind({ given, access, terminal, signal }: VerbContext): Promise<ExitCode> {
  const nodes: ExchangeNode[] = [];
  for (const name of (given.rest[0] ?? '').split(',')) nodes.push(await findGivenNode(access, name));
  const query = readQuery(given.exchange);
  const limit = optionNumber(given.exchange, 'limit', 1, 5000) ?? 500;
  const nodeIds = nodes.map(({ nodeId }) => nodeId);
  const rows: Extract<FindEvent, { type: 'found' }>['rows'] = [];
  const ends: Extract<FindEvent, { type: 'ended' }>[] = [];
  for await (const event of await access.client.exchange.find({ nodeIds, query, limit }, { signal })) {
    if (event.type === 'found') rows.push(...event.rows);
    else ends.push(event);
  }
  signal.throwIfAborted();
  const nameOf = (nodeId: string) => nodes.find((node) => node.nodeId === nodeId)?.name ?? nodeId;
  for (const { nodeId, failure, count, isCut } of ends) {
    if (failure) terminal.tell(`${nameOf(nodeId)}: ${failure.code}`);
    else if (isCut) terminal.tell(`${nameOf(nodeId)}: more than ${count}; narrow the search or raise --limit.`);
  }
  const lines = rows.map((row) => (nodes.length > 1 ? `${nameOf(row.nodeId)}  ` : '') + describeFound(row));
  terminal.print({ total: rows.length, rows, nodes: ends }, lines.join('\n'));
  return ends.some(({ failure }) => failure !== null) ? exitCodes.finding : exitCodes.done;
}

function describeFound(row: Extract<FindEvent, { type: 'found' }>['rows'][number]): string {
  const { patientName, patientId, modalities } = row;
  const here = `${row.hereCount} of ${row.instanceCount ?? '?'} here`;
  const imaged = modalities.join('+');
  switch (row.level) {
    case 'PATIENT':
      return lineOf([patientName, patientId, row.birthDate, row.sex]);
    case 'STUDY':
      return lineOf([row.studyDate, patientName, patientId, imaged, row.studyDescription, here, row.studyUid]);
    case 'SERIES':
      return lineOf([`${row.seriesNumber}`, imaged, row.seriesDescription, here, row.seriesUid]);
    case 'IMAGE':
      return lineOf([`${row.instanceNumber}`, row.hereCount > 0 ? 'here' : 'not here', row.sopUid]);
  }
}

/**
 * Brings a study here; ends well only when every instance that the node listed is here. Code 5 when the node lists more
 * than it hands over: what came is here, and the study stays marked as arriving.
 */
export const fetch: Verb = plainVerb(['NODE', 'STUDY'], async (context) => {
  const { given, access, terminal } = context;
  const [nodeName = '', studyUid = ''] = given.rest;
  const { nodeId } = await findGivenNode(access, nodeName);
  const { jobId } = await access.client.exchange.fetch({ nodeId, studyUid, seriesUids: listOf(context, 'series') });
  const { done, total, bytesDone, counts, failure } = await followJob(jobId, context).catch((error: unknown) => {
    if (!(error instanceof Failure) || error.code !== 'exchange.incomplete') throw error;
    return access.client.jobs.get({ jobId });
  });
  const here = failure === null ? `${done}` : `Only ${done} of ${total}`;
  terminal.print(
    { studyUid, nodeId, instances: done, bytes: bytesDone, counts, failure },
    `${here} instances of the study are here; ${(bytesDone / 1e6).toFixed(1)} MB came.`,
  );
  return failure === null ? exitCodes.done : exitCodes.finding;
});

function listOf({ given }: VerbContext, name: 'series'): string[] {
  return optionText(given.exchange, name)
    .split(',')
    .filter((each) => each !== '');
}

type Ending = 'proven' | 'refused' | 'failed' | 'cancelled' | 'notProvable' | 'held';

/** What `send --wait` ends with, and what a person is told of it. */
const endings: Readonly<Record<Ending, { code: ExitCode; text: string }>> = {
  proven: { code: exitCodes.done, text: 'The node has shown that it has all of it.' },
  refused: { code: exitCodes.finding, text: 'The node refused some of it.' },
  notProvable: { code: exitCodes.finding, text: 'It was sent, and this node gives no proof that it is there.' },
  held: { code: exitCodes.finding, text: 'It is held until a person sees to it, in the queues of the window.' },
  failed: { code: exitCodes.failed, text: 'It was given up.' },
  cancelled: { code: exitCodes.failed, text: 'It was cancelled.' },
};

/** Null while something more happens by itself, now or at a time that is set. */
function endingOf({ state, nextAttemptAt, lastTrouble }: Delivery): Ending | null {
  switch (state) {
    case 'sending':
      return null;
    case 'queued':
    case 'sent':
      if (nextAttemptAt !== null) return null;
      return state === 'sent' && (lastTrouble === null || lastTrouble.code === 'exchange.notProvable')
        ? 'notProvable'
        : 'held';
    default:
      return state;
  }
}

/**
 * Puts a study, or a signed report's objects, into the node's queue. With --wait it sends, and ends when the peer's proof
 * is here or nothing more happens by itself; without, the host that serves this store sends it.
 */
export const send: Verb = {
  ...plainVerb(['NODE', 'STUDY'], runSend),
  needsBackground: ({ exchange }) => exchange.wait === true,
};

async function runSend(context: VerbContext): Promise<ExitCode> {
  const { given, access, terminal, signal } = context;
  const [nodeName = '', studyUid = ''] = given.rest;
  const { nodeId } = await findGivenNode(access, nodeName);
  const queued = await access.client.exchange.send({
    nodeId,
    studyUid,
    seriesUids: listOf(context, 'series'),
    reportId: optionText(given.exchange, 'report') || null,
    deidentify: given.exchange.deidentify === true,
  });
  if (given.exchange.wait !== true) {
    terminal.print(
      queued,
      `${describeDelivery(queued)}\nIt is not delivered yet: the host that serves this store sends it.`,
    );
    return exitCodes.done;
  }
  for (;;) {
    const { rows: _rows, ...delivery } = await access.client.exchange.getDelivery({
      deliveryId: queued.deliveryId,
      limit: 1,
    });
    const ending = endingOf(delivery);
    if (ending !== null) {
      const { code, text } = endings[ending];
      terminal.print({ ...delivery, ending }, `${describeDelivery(delivery)}\n${text}`);
      return code;
    }
    terminal.tell(describeDelivery(delivery), true);
    // What is queued stays queued: the next host goes on with it.
    await pause(pollMs, signal);
  }
}

function describeDelivery(delivery: Delivery): string {
  const { state, instances, sent, proven, refused, proof, lastTrouble, attempts } = delivery;
  const parts = [`${state}: ${proven} of ${instances} proven, ${sent} sent, ${refused} refused`];
  if (delivery.deidentified) parts.push('without the person');
  if (proof !== null) parts.push(`proof by ${proof}`);
  if (attempts > 1) parts.push(`attempt ${attempts}`);
  if (lastTrouble !== null) parts.push(lastTrouble.code);
  return parts.join(' · ');
}
