import { goesBack, matchesOrigin, matchesStudy } from '../../../../app/domains/exchange/routingRules.ts';
import type { ArrivalSource } from '../../../../app/domains/exchange/routingSchema.ts';
import { Failure } from '../../../../app/shared/failure.ts';
import { systemAuthor } from '../../../database/openWriteGate.ts';
import type { Transaction } from '../../../database/writeGate.ts';
import { askForStudy, listOwnSeries, type RoutingParts } from './askForStudy.ts';
import { type KnownRoutingRule, listEnabledRules, noteTrouble, type RoutingTrouble } from './routingRows.ts';

interface Run {
  readonly firstRow: number;
  readonly lastRow: number;
  readonly jobId: string;
  readonly channel: ArrivalSource;
  readonly callingAe: string;
  readonly nodeId: string;
  readonly identityRemoved: number;
  readonly hlc: string;
}

interface Study {
  readonly study_row: number;
  readonly study_uid: string;
  readonly modalities: string;
  readonly body_parts: string;
  readonly instance_count: number;
  readonly identity_conflict: number;
}

/** What came of a rule that means a study: null when it is done with it, else why the study is held. */
type Held = RoutingTrouble | null;

/** What is held is looked at again after so long; a settled conflict and a changed node are seen at once. */
export const heldMs = 60_000;
/** Studies that are taken at once. */
const studiesAtOnce = 50;
const forgottenAtOnce = 500;

/** Studies that have come whole, with something that no rule has looked at. */
const dueSql = `SELECT DISTINCT r.study_row FROM arrived_run r JOIN study s ON s.study_row = r.study_row
  WHERE (r.held_until <= ? OR (r.held_code = 'imaging.identityConflict' AND s.identity_conflict = 0))
    AND NOT EXISTS (SELECT 1 FROM study_arrival a WHERE a.study_row = r.study_row)
  LIMIT ?`;

const runsSql = `SELECT first_row AS firstRow, last_row AS lastRow, job_id AS jobId, channel, calling_ae AS callingAe,
    node_id AS nodeId, identity_removed AS identityRemoved, hlc
  FROM arrived_run WHERE study_row = ? ORDER BY first_row`;

/**
 * Looks at what has come whole since the last look: each rule that means it puts it into its node's queue. What was
 * looked at is forgotten in a transaction of its own, after the last delivery was asked for; how far each rule has come
 * is known by then, so that a cut in between repeats nothing.
 *
 * @returns whether there is more to look at
 */
export async function routeArrivals(parts: RoutingParts, isClosing: () => boolean): Promise<boolean> {
  const { store } = parts;
  const isIdle = listEnabledRules(store.reader, 'arrival').length === 0;
  const atOnce = isIdle ? forgottenAtOnce : studiesAtOnce;
  const due = await store.readLater<{ study_row: number }>(dueSql, store.platform.clock.nowMs(), atOnce);
  if (isIdle && due.length > 0 && !isClosing()) forget(parts, due);
  for (const { study_row: studyRow } of isIdle ? [] : due) {
    if (isClosing()) return false;
    try {
      await routeStudy(parts, studyRow);
    } catch (error) {
      // A store that closes: the next start looks again.
      if (error instanceof Failure) throw error;
      // One study that cannot be dealt with must not keep the others.
      store.platform.log.error('a study could not be routed', error);
      store.gate.append(systemAuthor, (tx) => holdRuns(tx, studyRow, 'internal'));
    }
    // Whoever waits for the window goes first.
    await new Promise((resolve) => setImmediate(resolve));
  }
  return due.length === atOnce;
}

/** Where no rule means what arrives, nothing needs to be looked at. */
function forget({ store }: RoutingParts, due: readonly { readonly study_row: number }[]): void {
  const studyRows = JSON.stringify(due.map(({ study_row }) => study_row));
  store.gate.append(systemAuthor, (tx) => {
    // One may have been switched on meanwhile.
    if (listEnabledRules(tx, 'arrival').length > 0) return;
    tx.run('DELETE FROM arrived_run WHERE study_row IN (SELECT value FROM json_each(?))', studyRows);
  });
}

async function routeStudy(parts: RoutingParts, studyRow: number): Promise<void> {
  const { store } = parts;
  const runs = await store.readLater<Run>(runsSql, studyRow);
  // As of now: a rule that is switched on from here on means what comes from here on.
  const rules = listEnabledRules(store.reader, 'arrival');
  if (store.reader.get('SELECT 1 FROM study_arrival WHERE study_row = ? LIMIT 1', studyRow)) return;
  const study = store.reader.get<Study>(
    `SELECT study_row, study_uid, modalities, body_parts, instance_count, identity_conflict FROM study WHERE study_row = ?`,
    studyRow,
  );
  const end = Math.max(0, ...runs.map(({ lastRow }) => lastRow));
  let held: string | null = null;
  if (study) {
    for (const rule of rules) {
      const why = await routeByRule(parts, rule, study, runs);
      held ??= why?.code ?? null;
    }
  }
  store.gate.append(systemAuthor, (tx) => {
    if (held !== null) {
      holdRuns(tx, studyRow, held);
      return;
    }
    tx.run('DELETE FROM arrived_run WHERE study_row = ? AND last_row <= ?', studyRow, end);
    if (tx.get('SELECT 1 FROM arrived_run WHERE study_row = ?', studyRow)) return;
    tx.run(
      `DELETE FROM routing_progress WHERE subject = ? AND rule_id IN (SELECT value FROM json_each(?))`,
      study?.study_uid ?? '',
      JSON.stringify(rules.map(({ ruleId }) => ruleId)),
    );
  });
}

function holdRuns(tx: Transaction, studyRow: number, code: string): void {
  tx.run('UPDATE arrived_run SET held_until = ?, held_code = ? WHERE study_row = ?', tx.nowMs + heldMs, code, studyRow);
}

async function routeByRule(
  parts: RoutingParts,
  rule: KnownRoutingRule,
  study: Study,
  runs: readonly Run[],
): Promise<Held> {
  const { match, nodeId, deidentify } = rule.rule;
  const known = { modalities: study.modalities.split('\\'), bodyParts: study.body_parts.split('\\') };
  if (!matchesStudy(match, known)) return null;
  const meant = runs.filter((run) => isSince(rule, run) && matchesOrigin(match, run));
  if (meant.length === 0) return null;
  const node = parts.nodes.find(nodeId)?.node;
  const aeTitle = node?.settings.kind === 'dimse' ? node.settings.aeTitle : '';
  const away = meant.filter((run) => !goesBack(match, run, { nodeId, aeTitle }));
  // Made nameless once more it would have yet another UID: two sites that do so to each other would never end.
  const wanted = deidentify ? away.filter((run) => run.identityRemoved === 0) : away;
  try {
    if (study.identity_conflict === 1)
      throw new Failure('imaging.identityConflict', 'instances of this study name two people');
    if (wanted.length < away.length) note(parts, rule, { code: 'exchange.alreadyDeidentified', details: {} });
    if (wanted.length === 0) return null;
    const notSeries = listOwnSeries(parts, study.study_uid);
    const instances = wanted.reduce((sum, { firstRow, lastRow }) => sum + lastRow - firstRow + 1, 0);
    await askForStudy(parts, rule, {
      studyRow: study.study_row,
      studyUid: study.study_uid,
      ranges: wanted.map(({ firstRow, lastRow }) => [firstRow, lastRow] as const),
      isWhole: instances === study.instance_count && !hasSeries(parts, study.study_row, notSeries),
      notSeries,
    });
    return null;
  } catch (error) {
    return heldBy(parts, rule, error);
  }
}

/** Notes what is in the way. Null where waiting is of no use: a node that was put away, a study that is gone. */
export function heldBy(parts: RoutingParts, rule: KnownRoutingRule, error: unknown): Held {
  // A store that closes: the next start looks again.
  if (!(error instanceof Failure) || error.code === 'security.sealed') throw error;
  const trouble = { code: error.code, details: error.details };
  note(parts, rule, trouble);
  const isForGood = ['exchange.nodeUnknown', 'exchange.nothingToSend', 'imaging.studyUnknown'].includes(error.code);
  return isForGood ? null : trouble;
}

function note({ store }: RoutingParts, { ruleId }: KnownRoutingRule, trouble: RoutingTrouble): void {
  store.gate.append(systemAuthor, (tx) => noteTrouble(tx, ruleId, trouble));
}

function hasSeries({ store }: RoutingParts, studyRow: number, seriesUids: readonly string[]): boolean {
  return (
    store.reader.get(
      'SELECT 1 FROM series WHERE study_row = ? AND series_uid IN (SELECT value FROM json_each(?)) LIMIT 1',
      studyRow,
      JSON.stringify(seriesUids),
    ) !== undefined
  );
}

/** A rule means what came after it was switched on, and what was on its way then. */
function isSince({ since }: KnownRoutingRule, run: Run): boolean {
  return run.hlc > since.hlc || since.jobs.includes(run.jobId);
}
