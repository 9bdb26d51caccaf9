import {
  type Conflict,
  type ConflictLine,
  conflictDecisionSchema,
} from '../../../../app/domains/imaging/conflictSchema.ts';
import { UsageProblem } from '../../usageProblem.ts';
import { exitCodes } from '../exitCodes.ts';
import { lineOf } from '../terminal.ts';
import type { Verb, VerbContext } from './verb.ts';

const pageSize = 500;
/** Of the stand that `show` prints, enough to be nobody else's. */
const shortestStand = 8;

const kinds: Readonly<Record<string, { readonly least: number; readonly most: number; readonly takes: string }>> = {
  list: { least: 0, most: 1, takes: '[open|settled]' },
  show: { least: 1, most: 1, takes: 'CONFLICT' },
  settle: { least: 4, most: 5, takes: 'CONFLICT STAND DECISION REASON [CONTENT]' },
};

/** What arrived in two versions, and studies of two people: lists them, shows one, settles one. */
export const conflicts: Verb = {
  check({ rest: [kind = '', ...rest] }) {
    const found = kinds[kind];
    if (!found) throw new UsageProblem('salus conflicts takes: list, show or settle.');
    if (rest.length < found.least || rest.length > found.most || rest.includes(''))
      throw new UsageProblem(`salus conflicts ${kind} takes: ${found.takes}.`);
    if (kind === 'list') readState(rest[0]);
    if (kind === 'settle') {
      readDecision(rest[2]);
      if ((rest[1] ?? '').length < shortestStand) throw new UsageProblem(`STAND has at least ${shortestStand} digits.`);
    }
  },
  needsSession: () => true,
  run(context) {
    const [kind] = context.given.rest;
    if (kind === 'show') return show(context);
    return kind === 'settle' ? settle(context) : list(context);
  },
};

function readState(text: string | undefined): 'open' | 'settled' {
  if (text === undefined || text === 'open') return 'open';
  if (text === 'settled') return 'settled';
  throw new UsageProblem('salus conflicts list takes: [open|settled].');
}

function readDecision(text: string | undefined) {
  const parsed = conflictDecisionSchema.safeParse(text);
  if (!parsed.success) throw new UsageProblem(`DECISION is one of: ${conflictDecisionSchema.options.join(', ')}.`);
  return parsed.data;
}

async function listAll({ access }: VerbContext, state: 'open' | 'settled' | null): Promise<ConflictLine[]> {
  const found: ConflictLine[] = [];
  for (;;) {
    const { total, rows } = await access.client.imaging.listConflicts({
      state,
      offset: found.length,
      limit: pageSize,
    });
    found.push(...rows);
    if (rows.length === 0 || found.length >= total) return found;
  }
}

async function list(context: VerbContext) {
  const found = await listAll(context, readState(context.given.rest[1]));
  context.terminal.print({ total: found.length, conflicts: found }, found.map(describeLine).join('\n'));
  return exitCodes.done;
}

async function open(context: VerbContext): Promise<Conflict> {
  const conflictId = context.given.rest[1] ?? '';
  const line = (await listAll(context, null)).find((each) => each.conflictId === conflictId);
  if (!line) throw new UsageProblem('There is no such conflict: see salus conflicts list.');
  return context.access.client.imaging.getConflict({ conflictId, studyUid: line.studyUid });
}

async function show(context: VerbContext) {
  const conflict = await open(context);
  const { conflictId, studyUid } = conflict;
  const comparisons = await Promise.all(
    conflict.versions.slice(1).map(async ({ objectName }) => ({
      objectName,
      ...(await context.access.client.imaging.compareConflict({ conflictId, studyUid, objectName })),
    })),
  );
  const lines = [describeLine(conflict), `stand: ${conflict.stand.slice(0, 12)}`];
  for (const each of conflict.versions) {
    const { objectName, isShown, receivedAt, source, bytes } = each;
    const where = isShown ? 'shown' : 'kept aside';
    lines.push(lineOf([where, new Date(receivedAt).toISOString(), source || '-', `${bytes} bytes`, objectName]));
  }
  for (const { differences, total, pixels } of comparisons) {
    lines.push(`${total} elements differ; pixels: ${pixels.state}, ${pixels.differing} of ${pixels.compared} differ.`);
    for (const { path, keyword, shown, other } of differences)
      lines.push(lineOf(['', path, keyword, shown ?? '(not there)', '→', other ?? '(not there)']));
  }
  for (const { name, identifier, birthDate, stands, instances, aside } of conflict.identities)
    lines.push(lineOf([stands, name, identifier, birthDate, `${instances} objects`, `${aside} set aside`]));
  for (const [decision, refusal] of Object.entries(conflict.decisions))
    lines.push(lineOf(['may be decided:', decision, refusal === null ? 'yes' : `no: ${refusal}`]));
  context.terminal.print({ ...conflict, comparisons }, lines.join('\n'));
  return exitCodes.done;
}

async function settle(context: VerbContext) {
  const [, conflictId = '', stand = '', , given = '', objectName] = context.given.rest;
  const decision = readDecision(context.given.rest[3]);
  const [answer = ''] = given === '-' ? await context.terminal.readLines(['Reason: ']) : [given];
  const seen = await open(context);
  const settled = await context.access.client.imaging.settleConflict({
    conflictId,
    studyUid: seen.studyUid,
    // What was seen is what counts: another one makes the host refuse.
    stand: seen.stand.startsWith(stand) ? seen.stand : stand,
    decision,
    objectName: objectName ?? null,
    reason: answer,
  });
  context.terminal.print(settled, `${conflictId} is ${settled.state}: ${decision}.`);
  return exitCodes.done;
}

function describeLine(line: ConflictLine): string {
  const what = line.kind === 'identity' ? 'names several people' : `${line.sides} contents`;
  const cells = [line.state, line.conflictId, what, line.displayName, line.identifier, line.studyDate];
  return lineOf([...cells, line.studyDescription, new Date(line.newestAt).toISOString()]);
}
