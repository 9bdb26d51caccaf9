import type { Reader, SqlValue, Statement, Transaction } from '../../../database/writeGate.ts';
import { noteProgress, noteTrouble, putRoutingRule, type RoutingRulePayload } from './routingRows.ts';

/** Writes a rule again as its statement tells it. */
export function replayRoutingRule(tx: Transaction, statement: Statement): void {
  const { id, version, at, hlc, siteId, author } = statement;
  putRoutingRule(tx, id, statement.payload as RoutingRulePayload, {
    ...{ version, at, hlc, siteId, author: author.operatorName },
  });
}

/** What the old index knew of the rules' work. Rows have other numbers in the new one: instances are told by their UIDs. */
export interface OldRouting {
  readonly runs: readonly { readonly sopUids: readonly string[]; readonly rest: readonly SqlValue[] }[];
  readonly progress: readonly OldProgress[];
}

interface OldProgress {
  readonly ruleId: string;
  readonly subject: string;
  readonly lastRow: number;
  /** Instances of the study that were not asked for; null for a report. */
  readonly later: readonly string[] | null;
}

/**
 * Takes over from the old index what stood in a rule's way and how studies came, and gives what the rules still had to
 * look at and how far they had come: that finds its place once every decision is replayed, since only then every instance
 * is where it was.
 */
export function takeOverRouting(tx: Transaction, old: Reader): OldRouting {
  // An index from before there were rules.
  if (!old.get("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'arrived_run'"))
    return { runs: [], progress: [] };
  takeOverOrigins(tx, old);
  for (const { report_id } of old.all<{ report_id: string }>('SELECT report_id FROM signed_due')) {
    tx.run('INSERT INTO signed_due (report_id) VALUES (?) ON CONFLICT DO NOTHING', report_id);
  }
  for (const row of old.all<{ rule_id: string; trouble_code: string; trouble_details: string }>(
    'SELECT rule_id, trouble_code, trouble_details FROM routing_state WHERE trouble_code IS NOT NULL',
  )) {
    const details = JSON.parse(row.trouble_details) as Record<string, string | number | boolean>;
    noteTrouble(tx, row.rule_id, { code: row.trouble_code, details });
  }
  const runs = old
    .all<Record<string, SqlValue>>(
      `SELECT study_row, first_row, last_row, job_id, channel, calling_ae, node_id, identity_removed, hlc
       FROM arrived_run ORDER BY study_row, first_row`,
    )
    .map(({ study_row, first_row, last_row, ...rest }) => ({
      sopUids: sopUidsOf(old, Number(study_row), Number(first_row), Number(last_row)),
      rest: Object.values(rest),
    }));
  return { runs, progress: listProgress(old) };
}

function listProgress(old: Reader): OldProgress[] {
  return old
    .all<{ rule_id: string; subject: string; last_row: number; study_row: number | null }>(
      `SELECT p.rule_id, p.subject, p.last_row, s.study_row FROM routing_progress p LEFT JOIN study s ON s.study_uid = p.subject`,
    )
    .map(({ rule_id: ruleId, subject, last_row: lastRow, study_row }) => {
      const later = study_row === null ? null : sopUidsOf(old, study_row, lastRow + 1, Number.MAX_SAFE_INTEGER);
      return { ruleId, subject, lastRow, later };
    });
}

function sopUidsOf(old: Reader, studyRow: number, first: number, last: number): string[] {
  return old
    .all<{ sop_uid: string }>(
      `SELECT i.sop_uid FROM instance i CROSS JOIN series s ON s.series_row = i.series_row
       WHERE i.instance_row BETWEEN ? AND ? AND s.study_row = ? ORDER BY i.instance_row`,
      first,
      last,
      studyRow,
    )
    .map(({ sop_uid }) => sop_uid);
}

/** How studies came, as the old index knew it: what we fetched by C-MOVE only a running job told from what was sent. */
function takeOverOrigins(tx: Transaction, old: Reader): void {
  const begun = new Set<string>();
  for (const { study_uid, channel, calling_ae, node_id } of old.all<Record<string, string>>(
    'SELECT s.study_uid, o.channel, o.calling_ae, o.node_id FROM study_origin o JOIN study s ON s.study_row = o.study_row',
  )) {
    if (study_uid === undefined) continue;
    const row = tx.get<{ study_row: number }>('SELECT study_row FROM study WHERE study_uid = ?', study_uid)?.study_row;
    if (row === undefined) continue;
    if (!begun.has(study_uid)) tx.run('DELETE FROM study_origin WHERE study_row = ?', row);
    begun.add(study_uid);
    tx.run(
      'INSERT INTO study_origin (study_row, channel, calling_ae, node_id) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING',
      ...[row, channel ?? '', calling_ae ?? '', node_id ?? ''],
    );
  }
}

/** Not arrived as far as the new index knows: nothing marks a study as arriving there, so it counts as whole. */
function takeOverRun(tx: Transaction, sopUids: readonly string[], rest: readonly SqlValue[]): void {
  const rows = newRowsOf(tx, sopUids);
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
      ...rest,
    );
  }
}

/** Where instances are in the new index, by row; not those that are set aside. */
function newRowsOf(tx: Transaction, sopUids: readonly string[]) {
  return sopUids
    .flatMap(
      (sopUid) =>
        tx.get<{ study_row: number; row: number }>(
          `SELECT s.study_row, i.instance_row AS row FROM instance i JOIN series s ON s.series_row = i.series_row
           WHERE i.sop_uid = ?`,
          sopUid,
        ) ?? [],
    )
    .sort((left, right) => left.row - right.row);
}

/**
 * How far rules had come with studies: up to which row all was asked for. In the new index that is the last row below
 * which nothing lies that was not asked for; what lies behind it goes a second time at most, to the same node. Taken over
 * only where that work goes on: what was dealt with before leaves nothing to look at.
 */
function takeOverProgress(tx: Transaction, { ruleId, subject, lastRow, later }: OldProgress): void {
  if (later === null) {
    noteProgress(tx, ruleId, subject, lastRow);
    return;
  }
  const first = newRowsOf(tx, later)[0]?.row;
  const end = first ?? tx.get<{ row: number | null }>('SELECT max(instance_row) AS row FROM instance')?.row;
  if (end) noteProgress(tx, ruleId, subject, first === undefined ? end : first - 1);
}

/**
 * The counts, from the deliveries that rules asked for, and what is still to be looked at: only what the old index says.
 * What a settlement put back while it was replayed was looked at long ago. Where the old index could not be read, nobody
 * knows what had come and was not looked at: each rule that is on says so. Comes after the replay of the studies.
 *
 * @param old what `takeOverRouting` gave; null where there was no old index
 */
export function finishRouting(tx: Transaction, old: OldRouting | null): void {
  tx.run(
    `INSERT INTO routing_state (rule_id, deliveries, last_at)
       SELECT r.rule_id, count(*), max(d.created_at) FROM delivery_rule r JOIN delivery d ON d.delivery_id = r.delivery_id
       WHERE true GROUP BY r.rule_id
     ON CONFLICT (rule_id) DO UPDATE SET deliveries = excluded.deliveries, last_at = excluded.last_at`,
  );
  tx.run('DELETE FROM arrived_run');
  tx.run('DELETE FROM routing_progress');
  // Of what came before it was archived how, the list of studies says from whom.
  tx.run(
    `INSERT INTO study_origin (study_row, channel, calling_ae, node_id)
       SELECT study_row, CASE WHEN source IN ('import', 'upload', 'samples') THEN 'import' WHEN source = 'STOW-RS' THEN 'stow' ELSE 'dimse' END,
         CASE WHEN source IN ('import', 'upload', 'samples', 'STOW-RS') THEN '' ELSE source END, ''
       FROM study s WHERE source <> 'report' AND NOT EXISTS (SELECT 1 FROM study_origin o WHERE o.study_row = s.study_row)`,
  );
  if (old !== null) {
    for (const { sopUids, rest } of old.runs) takeOverRun(tx, sopUids, rest);
    for (const progress of old.progress) takeOverProgress(tx, progress);
    return;
  }
  const enabled = tx.all<{ rule_id: string }>('SELECT rule_id FROM routing_rule WHERE archived = 0 AND enabled = 1');
  for (const { rule_id } of enabled) noteTrouble(tx, rule_id, { code: 'exchange.routingStartedAnew', details: {} });
}
