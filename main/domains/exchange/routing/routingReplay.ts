import type { Reader, SqlValue, Statement, Transaction } from '../../../database/writeGate.ts';
import { noteProgress, noteTrouble, putRoutingRule, type RoutingRulePayload } from './routingRows.ts';

/** Writes a rule again as its statement tells it. */
export function replayRoutingRule(tx: Transaction, statement: Statement): void {
  const { id, version, at, hlc, siteId, author } = statement;
  putRoutingRule(tx, id, statement.payload as RoutingRulePayload, {
    ...{ version, at, hlc, siteId, author: author.operatorName },
  });
}

interface OldRun {
  readonly study_uid: string;
  readonly study_row: number;
  readonly first_row: number;
  readonly last_row: number;
  readonly rest: readonly SqlValue[];
}

/**
 * Takes over from the old index what the rules still had to look at, instance by instance, since rows have other numbers
 * in the new one, and what stood in a rule's way. How far rules had come is taken over only where that work goes on: what
 * was dealt with before leaves nothing to look at.
 */
export function takeOverRouting(tx: Transaction, old: Reader): void {
  // An index from before there were rules.
  if (!old.get("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'arrived_run'")) return;
  // What a settlement put back while it was replayed was looked at long ago.
  tx.run('DELETE FROM arrived_run');
  const runs = old
    .all<Record<string, SqlValue>>(
      `SELECT s.study_uid, r.study_row, r.first_row, r.last_row, r.job_id, r.channel, r.calling_ae, r.node_id, r.identity_removed, r.hlc
       FROM arrived_run r JOIN study s ON s.study_row = r.study_row ORDER BY r.study_row, r.first_row`,
    )
    .map((row): OldRun => {
      const { study_uid, study_row, first_row, last_row, ...rest } = row;
      return {
        ...{ study_uid: String(study_uid), study_row: Number(study_row) },
        ...{ first_row: Number(first_row), last_row: Number(last_row), rest: Object.values(rest) },
      };
    });
  for (const run of runs) takeOverRun(tx, old, run);
  for (const { report_id } of old.all<{ report_id: string }>('SELECT report_id FROM signed_due')) {
    tx.run('INSERT INTO signed_due (report_id) VALUES (?) ON CONFLICT DO NOTHING', report_id);
  }
  takeOverProgress(tx, old);
  for (const row of old.all<{ rule_id: string; trouble_code: string; trouble_details: string }>(
    'SELECT rule_id, trouble_code, trouble_details FROM routing_state WHERE trouble_code IS NOT NULL',
  )) {
    const details = JSON.parse(row.trouble_details) as Record<string, string | number | boolean>;
    noteTrouble(tx, row.rule_id, { code: row.trouble_code, details });
  }
}

/** Not arrived as far as the new index knows: nothing marks a study as arriving there, so it counts as whole. */
function takeOverRun(tx: Transaction, old: Reader, run: OldRun): void {
  const rows = newRowsOf(tx, old, run.study_row, run.first_row, run.last_row);
  for (const [at, { study_row, row }] of rows.entries()) {
    const before = rows[at - 1];
    if (before?.study_row === study_row && before.row === row - 1) {
      tx.run(
        'UPDATE arrived_run SET last_row = ? WHERE study_row = ? AND last_row = ?',
        ...[row, study_row, before.row],
      );
      continue;
    }
    tx.run(
      `INSERT INTO arrived_run (study_row, first_row, last_row, job_id, channel, calling_ae, node_id, identity_removed, hlc)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
      ...[study_row, row, row],
      ...run.rest,
    );
  }
}

/** Where the instances of some rows of the old index are in the new one, by row. */
function newRowsOf(tx: Transaction, old: Reader, studyRow: number, first: number, last: number) {
  return old
    .all<{ sop_uid: string }>(
      `SELECT i.sop_uid FROM instance i JOIN series s ON s.series_row = i.series_row
       WHERE i.instance_row BETWEEN ? AND ? AND s.study_row = ? ORDER BY i.instance_row`,
      first,
      last,
      studyRow,
    )
    .flatMap(
      ({ sop_uid }) =>
        tx.get<{ study_row: number; row: number }>(
          `SELECT s.study_row, i.instance_row AS row FROM instance i JOIN series s ON s.series_row = i.series_row
           WHERE i.sop_uid = ?`,
          sop_uid,
        ) ?? [],
    )
    .sort((left, right) => left.row - right.row);
}

/**
 * How far rules had come with studies: up to which row all was asked for. In the new index that is the last row below
 * which nothing lies that was not asked for; what lies behind it goes a second time at most, to the same node.
 */
function takeOverProgress(tx: Transaction, old: Reader): void {
  const progress = old.all<{ rule_id: string; subject: string; last_row: number; study_row: number | null }>(
    `SELECT p.rule_id, p.subject, p.last_row, s.study_row FROM routing_progress p LEFT JOIN study s ON s.study_uid = p.subject`,
  );
  for (const { rule_id, subject, last_row, study_row } of progress) {
    if (study_row === null) {
      // Of a report.
      noteProgress(tx, rule_id, subject, last_row);
      continue;
    }
    const later = newRowsOf(tx, old, study_row, last_row + 1, Number.MAX_SAFE_INTEGER);
    const end = later[0]?.row ?? tx.get<{ row: number | null }>('SELECT max(instance_row) AS row FROM instance')?.row;
    if (end) noteProgress(tx, rule_id, subject, later.length > 0 ? end - 1 : end);
  }
}

/**
 * The counts, from the deliveries that rules asked for. Where the old index could not be read, nobody knows what had come
 * and was not looked at: each rule that is on says so.
 */
export function finishRouting(tx: Transaction, isTakenOver: boolean): void {
  tx.run(
    `INSERT INTO routing_state (rule_id, deliveries, last_at)
       SELECT r.rule_id, count(*), max(d.created_at) FROM delivery_rule r JOIN delivery d ON d.delivery_id = r.delivery_id
       WHERE true GROUP BY r.rule_id
     ON CONFLICT (rule_id) DO UPDATE SET deliveries = excluded.deliveries, last_at = excluded.last_at`,
  );
  if (isTakenOver) return;
  tx.run('DELETE FROM arrived_run');
  const enabled = tx.all<{ rule_id: string }>('SELECT rule_id FROM routing_rule WHERE archived = 0 AND enabled = 1');
  for (const { rule_id } of enabled) noteTrouble(tx, rule_id, { code: 'exchange.routingStartedAnew', details: {} });
}
