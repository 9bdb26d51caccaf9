import { goesBack, matchesOrigin, matchesStudy } from '../../../../app/domains/exchange/routingRules.ts';
import type { ArrivalSource } from '../../../../app/domains/exchange/routingSchema.ts';
import { Failure } from '../../../../app/shared/failure.ts';
import { systemAuthor } from '../../../database/openWriteGate.ts';
import { askForStudy, countInRanges, listOwnSeries, type RoutingParts, type RowRange } from './askForStudy.ts';
import { endOf, endOfAll, hold, note, type RuleEnd } from './heldSubjects.ts';
import { areAllRules, type KnownRoutingRule, listEnabledRules } from './routingRows.ts';

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
      const ends = endOfAll(parts, listEnabledRules(store.reader, 'arrival'));
      store.gate.append(systemAuthor, (tx) => hold(tx, { studyRow, reportId: null }, ends));
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
    // More of one may be on its way by now: a rule that is switched on means all of that.
    tx.run(
      `DELETE FROM arrived_run WHERE study_row IN (SELECT value FROM json_each(?))
         AND NOT EXISTS (SELECT 1 FROM study_arrival a WHERE a.study_row = arrived_run.study_row)`,
      studyRows,
    );
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
  const ends: RuleEnd[] = [];
  for (const rule of study ? rules : []) ends.push(await routeByRule(parts, rule, study as Study, runs));
  // Somebody saved a rule meanwhile, which wakes the look: all of it is looked at by the rules as they are now.
  if (ends.includes('changed') || !areAllRules(store.reader, 'arrival', rules)) return;
  store.gate.append(systemAuthor, (tx) => {
    if (hold(tx, { studyRow, reportId: null }, ends)) return;
    tx.run('DELETE FROM arrived_run WHERE study_row = ? AND last_row <= ?', studyRow, end);
    if (tx.get('SELECT 1 FROM arrived_run WHERE study_row = ?', studyRow)) return;
    tx.run(
      `DELETE FROM routing_progress WHERE subject = ? AND rule_id IN (SELECT value FROM json_each(?))`,
      study?.study_uid ?? '',
      JSON.stringify(rules.map(({ ruleId }) => ruleId)),
    );
  });
}

async function routeByRule(
  parts: RoutingParts,
  rule: KnownRoutingRule,
  study: Study,
  runs: readonly Run[],
): Promise<RuleEnd> {
  const { match, nodeId, deidentify } = rule.rule;
  const known = { modalities: study.modalities.split('\\'), bodyParts: study.body_parts.split('\\') };
  if (!matchesStudy(match, known)) return 'done';
  const meant = runs.filter((run) => isSince(rule, run) && matchesOrigin(match, run));
  if (meant.length === 0) return 'done';
  const node = parts.nodes.find(nodeId)?.node;
  const aeTitle = node?.settings.kind === 'dimse' ? node.settings.aeTitle : '';
  const away = meant.filter((run) => !goesBack(match, run, { nodeId, aeTitle }));
  // Made nameless once more it would have yet another UID: two sites that do so to each other would never end.
  const wanted = deidentify ? away.filter((run) => run.identityRemoved === 0) : away;
  try {
    if (study.identity_conflict === 1)
      throw new Failure('imaging.identityConflict', 'instances of this study name two people');
    if (wanted.length > 0) await askFor(parts, rule, study, wanted);
    // After what leaves, which is no answer to it.
    if (wanted.length < away.length) note(parts, rule, { code: 'exchange.alreadyDeidentified', details: {} });
    return 'done';
  } catch (error) {
    return endOf(parts, rule, error);
  }
}

async function askFor(
  parts: RoutingParts,
  rule: KnownRoutingRule,
  study: Study,
  wanted: readonly Run[],
): Promise<void> {
  const { study_row: studyRow, study_uid: studyUid } = study;
  const notSeries = listOwnSeries(parts, studyUid);
  const ranges = wanted.map(({ firstRow, lastRow }): RowRange => [firstRow, lastRow]);
  const width = ranges.reduce((sum, [first, last]) => sum + last - first + 1, 0);
  const mayBeWhole = width >= study.instance_count && !hasSeries(parts, studyRow, notSeries);
  const isWhole = mayBeWhole && (await countInRanges(parts, studyRow, ranges)) === study.instance_count;
  const subject = { studyRow, reportId: null };
  await askForStudy(parts, rule, { studyRow, studyUid, subject, ranges, isWhole, notSeries });
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
