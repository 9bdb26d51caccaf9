import { matchesOrigin, matchesStudy, type StudyOrigin } from '../../../../app/domains/exchange/routingRules.ts';
import { Failure } from '../../../../app/shared/failure.ts';
import { systemAuthor } from '../../../database/openWriteGate.ts';
import { askForReport, askForStudy, listOwnSeries, namesPatient, type RoutingParts } from './askForStudy.ts';
import { endOf, endOfAll, hold, type RuleEnd } from './heldSubjects.ts';
import { areAllRules, type KnownRoutingRule, listEnabledRules } from './routingRows.ts';

interface Signed {
  readonly report_id: string;
  readonly hlc: string;
  readonly study_row: number;
  readonly study_uid: string;
  readonly modalities: string;
  readonly body_parts: string;
  readonly instance_count: number;
  readonly identity_conflict: number;
}

const reportsAtOnce = 50;

/** Signed reports whose objects are there and which no rule has looked at. */
const dueSql = `SELECT d.report_id FROM signed_due d WHERE d.held_until <= ?
    OR (d.held_code = 'imaging.identityConflict' AND EXISTS (SELECT 1 FROM report r JOIN study s ON s.study_uid = r.study_uid
      WHERE r.report_id = d.report_id AND s.identity_conflict = 0))
  LIMIT ?`;

const signedSql = `SELECT v.report_id, v.hlc, s.study_row, s.study_uid, s.modalities, s.body_parts, s.instance_count, s.identity_conflict
  FROM report_version v JOIN report r ON r.report_id = v.report_id JOIN study s ON s.study_uid = r.study_uid
  WHERE v.report_id = ? AND v.state = 'signed'`;

/**
 * Looks at what was signed since the last look and has its objects. An addendum is a report of its own: it goes too, and
 * of its study what has come since the last time.
 *
 * @returns whether there is more to look at
 */
export async function routeSigned(parts: RoutingParts, isClosing: () => boolean): Promise<boolean> {
  const { store } = parts;
  const due = await store.readLater<{ report_id: string }>(dueSql, store.platform.clock.nowMs(), reportsAtOnce);
  if (due.length === 0) return false;
  for (const { report_id: reportId } of due) {
    if (isClosing()) return false;
    // For each anew: a person may save one while another report goes.
    const rules = listEnabledRules(store.reader, 'sign');
    const ends = await routeReport(parts, rules, reportId).catch((error: unknown) => {
      if (error instanceof Failure) throw error;
      // One report that cannot be dealt with must not keep the others.
      store.platform.log.error('a signed report could not be routed', error);
      return endOfAll(parts, rules);
    });
    // It stays due, and is looked at by the rules as they are now: saving one wakes the look.
    if (ends.includes('changed') || !areAllRules(store.reader, 'sign', rules)) continue;
    store.gate.append(systemAuthor, (tx) => {
      if (hold(tx, { studyRow: null, reportId }, ends)) return;
      tx.run('DELETE FROM signed_due WHERE report_id = ?', reportId);
      tx.run('DELETE FROM routing_progress WHERE subject = ?', reportId);
    });
    await new Promise((resolve) => setImmediate(resolve));
  }
  return due.length === reportsAtOnce;
}

/** Returns what came of each rule that means the report. */
async function routeReport(
  parts: RoutingParts,
  rules: readonly KnownRoutingRule[],
  reportId: string,
): Promise<RuleEnd[]> {
  const signed = parts.store.reader.get<Signed>(signedSql, reportId);
  if (!signed) return [];
  const origins = parts.store.reader.all<StudyOrigin>(
    'SELECT channel, calling_ae AS callingAe, node_id AS nodeId FROM study_origin WHERE study_row = ?',
    signed.study_row,
  );
  const ends: RuleEnd[] = [];
  for (const rule of rules) {
    const { match } = rule.rule;
    const known = { modalities: signed.modalities.split('\\'), bodyParts: signed.body_parts.split('\\') };
    const isMeant =
      signed.hlc > rule.since.hlc &&
      matchesStudy(match, known) &&
      (origins.some((origin) => matchesOrigin(match, origin)) ||
        (match.sources.length === 0 && match.callingAes.length === 0));
    if (!isMeant) continue;
    try {
      await askFor(parts, rule, signed);
    } catch (error) {
      ends.push(endOf(parts, rule, error));
    }
  }
  return ends;
}

async function askFor(parts: RoutingParts, rule: KnownRoutingRule, signed: Signed): Promise<void> {
  const { content } = rule.rule;
  if (namesPatient(rule.rule)) throw new Failure('exchange.reportNamesPatient', 'a report names the patient');
  if (signed.identity_conflict === 1)
    throw new Failure('imaging.identityConflict', 'instances of this study name two people');
  if (content === 'report') {
    askForReport(parts, rule, { reportId: signed.report_id, studyUid: signed.study_uid });
    return;
  }
  const newest = await parts.store.readLater<{ row: number | null; own: number }>(
    `SELECT max(i.instance_row) AS row, sum(s.series_uid IN (SELECT value FROM json_each(?))) AS own
     FROM series s JOIN instance i ON i.series_row = s.series_row WHERE s.study_row = ?`,
    JSON.stringify(listOwnSeries(parts, signed.study_uid)),
    signed.study_row,
  );
  const [{ row, own } = { row: null, own: 0 }] = newest;
  if (row === null) return;
  const withReport = content === 'studyAndReport';
  await askForStudy(parts, rule, {
    studyRow: signed.study_row,
    studyUid: signed.study_uid,
    subject: { studyRow: null, reportId: signed.report_id },
    ranges: [[0, row]],
    isWhole: withReport || own === 0,
    notSeries: withReport ? [] : listOwnSeries(parts, signed.study_uid),
  });
}
