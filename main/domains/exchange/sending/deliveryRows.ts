import type { DeliveryCounts, InstanceState } from '../../../../app/domains/exchange/deliveryRules.ts';
import type { DeliveredInstance, Delivery, DeliveryState } from '../../../../app/domains/exchange/exchangeSchema.ts';
import type { Reader, Statement, Transaction } from '../../../database/writeGate.ts';

/** What was asked to be sent: all of a study, some of its series, or single instances. */
export interface DeliveryScope {
  /** Empty: every series. */
  readonly seriesUids: readonly string[];
  /** Only these instances; null: all of those series. */
  readonly sopUids: readonly string[] | null;
}

/** A delivery as it lies in its table. */
export interface DeliveryRow {
  readonly delivery_id: string;
  readonly node_id: string;
  readonly study_uid: string;
  readonly report_id: string | null;
  /** 1: leaves without the person. Never changes. */
  readonly deidentify: 0 | 1;
  readonly scope: string;
  readonly created_at: number;
  readonly created_by: string;
  readonly state: DeliveryState;
  readonly proof: 'commitment' | 'readBack' | null;
  readonly last_instance_row: number;
  readonly filled: number;
  readonly retakes: number;
  readonly instances: number;
  readonly bytes: number;
  readonly sent: number;
  readonly proven: number;
  readonly refused: number;
  readonly failed: number;
  readonly attempts: number;
  readonly failures: number;
  readonly commitments: number;
  readonly since: number;
  readonly next_attempt_at: number | null;
  readonly trouble_code: string | null;
  readonly trouble_details: string | null;
  readonly trouble_at: number | null;
  readonly ended_at: number | null;
  readonly version: number;
}

export function findDelivery(reader: Reader, deliveryId: string): DeliveryRow | undefined {
  return reader.get<DeliveryRow>('SELECT * FROM delivery WHERE delivery_id = ?', deliveryId);
}

/** What is not sent, proven, refused or given up is still to be sent. */
export function countsOf(row: DeliveryRow): DeliveryCounts {
  const { sent, proven, refused, failed } = row;
  return { queued: row.instances - sent - proven - refused - failed, sent, proven, refused, failed };
}

interface ListQuestion {
  readonly nodeId: string | null;
  readonly studyUid: string | null;
  /** Of these a study has few: its index finds them. */
  readonly reportId?: string | null;
  readonly states: readonly DeliveryState[];
  readonly needsPerson?: boolean;
  readonly offset: number;
  readonly limit: number;
}

/** Word for word the condition of its partial index. */
export const forPersonSql = `(state IN ('refused', 'failed')
  OR (state IN ('queued', 'sent') AND next_attempt_at IS NULL))`;

/** Newest first. The condition is built of what is asked for: each of them has its index. */
export function listDeliveries(reader: Reader, question: ListQuestion): { total: number; rows: DeliveryRow[] } {
  const { nodeId, studyUid, reportId = null, states, needsPerson = false, offset, limit } = question;
  const conditions: string[] = [];
  const parameters: string[] = [];
  if (nodeId !== null) conditions.push('node_id = ?');
  if (nodeId !== null) parameters.push(nodeId);
  if (studyUid !== null) conditions.push('study_uid = ?');
  if (studyUid !== null) parameters.push(studyUid);
  if (reportId !== null) conditions.push('report_id = ?');
  if (reportId !== null) parameters.push(reportId);
  if (needsPerson) conditions.push(forPersonSql);
  // Without the word the planner takes the condition apart and sorts what it finds.
  const by = needsPerson ? 'INDEXED BY delivery_for_person' : '';
  const wanted = [...new Set(states)];
  const whereOf = (more: readonly string[]) => {
    const all = [...conditions, ...more];
    return all.length === 0 ? '' : `WHERE ${all.join(' AND ')}`;
  };
  const anyOf = wanted.length === 0 ? [] : [`state IN (${wanted.map(() => '?').join(', ')})`];
  const total = reader.get<{ n: number }>(
    `SELECT count(*) AS n FROM delivery ${by} ${whereOf(anyOf)}`,
    ...parameters,
    ...wanted,
  );
  // Of each state by itself, in the order of its index: none is sorted as a whole.
  const lists = wanted.length === 0 ? [[]] : wanted.map((state) => [state]);
  const rows = lists.flatMap((state) =>
    reader.all<DeliveryRow>(
      `SELECT * FROM delivery ${by} ${whereOf(state.length === 0 ? [] : ['state = ?'])}
         ORDER BY created_at DESC, delivery_id DESC LIMIT ? OFFSET ?`,
      ...parameters,
      ...state,
      lists.length === 1 ? limit : offset + limit,
      lists.length === 1 ? offset : 0,
    ),
  );
  return { total: total?.n ?? 0, rows: lists.length === 1 ? rows : newestFirst(rows).slice(offset, offset + limit) };
}

function newestFirst(rows: readonly DeliveryRow[]): DeliveryRow[] {
  return rows.toSorted(
    (a, b) =>
      b.created_at - a.created_at || (a.delivery_id < b.delivery_id ? 1 : a.delivery_id > b.delivery_id ? -1 : 0),
  );
}

export interface NewDelivery {
  readonly deliveryId: string;
  readonly nodeId: string;
  readonly studyUid: string;
  readonly reportId: string | null;
  readonly deidentify: boolean;
  readonly scope: DeliveryScope;
  readonly createdBy: string;
  readonly instances: number;
  readonly bytes: number;
  readonly lastInstanceRow: number;
}

/** @param origin who asked, when, and as which version of the delivery */
export function insertDelivery(
  tx: Transaction,
  delivery: NewDelivery,
  origin: Pick<Statement, 'hlc' | 'siteId' | 'at' | 'author'>,
): void {
  tx.run(
    `INSERT INTO delivery (delivery_id, node_id, study_uid, report_id, deidentify, scope, created_at, created_by, state, last_instance_row,
       instances, bytes, since, next_attempt_at, version, hlc, author, site_id)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'queued', ?, ?, ?, ?, ?, 1, ?, ?, ?) ON CONFLICT (delivery_id) DO NOTHING`,
    delivery.deliveryId,
    delivery.nodeId,
    delivery.studyUid,
    delivery.reportId,
    delivery.deidentify ? 1 : 0,
    JSON.stringify(delivery.scope),
    origin.at,
    delivery.createdBy,
    delivery.lastInstanceRow,
    delivery.instances,
    delivery.bytes,
    origin.at,
    origin.at,
    origin.hlc,
    origin.author.operatorName,
    origin.siteId,
  );
}

/** A delivery as the contract has it. `opensAt`: its node is not called before then; null when nothing keeps it. */
export function deliveryFromRow(row: DeliveryRow, nodeName: string, opensAt: number | null): Delivery {
  return {
    deliveryId: row.delivery_id,
    nodeId: row.node_id,
    nodeName,
    studyUid: row.study_uid,
    reportId: row.report_id,
    deidentified: row.deidentify === 1,
    createdAt: row.created_at,
    createdBy: row.created_by,
    state: row.state,
    proof: row.proof,
    instances: row.instances,
    sent: row.sent + row.proven,
    proven: row.proven,
    refused: row.refused + row.failed,
    bytes: row.bytes,
    attempts: row.attempts,
    nextAttemptAt: row.next_attempt_at === null ? null : Math.max(row.next_attempt_at, opensAt ?? 0),
    lastTrouble:
      row.trouble_code === null
        ? null
        : {
            code: row.trouble_code,
            details: JSON.parse(row.trouble_details ?? '{}') as Record<string, string | number | boolean>,
            at: row.trouble_at ?? 0,
          },
    endedAt: row.ended_at,
  };
}

interface InstanceRow {
  readonly sop_uid: string;
  readonly stored_uid: string | null;
  readonly sop_class_uid: string;
  readonly state: InstanceState;
  readonly status: number | null;
  readonly code: string | null;
  readonly reason: string | null;
  readonly transcoded_to: string | null;
  readonly sent_at: number | null;
  readonly proven_at: number | null;
}

/** How many this system refused, because they can't leave without the person. */
export function countKeptBack(reader: Reader, { delivery_id, deidentify, refused }: DeliveryRow): number {
  // Only of such a delivery its instances are looked through.
  if (deidentify === 0 || refused === 0) return 0;
  const counted = reader.get<{ count: number }>(
    "SELECT count(*) AS count FROM delivery_instance WHERE delivery_id = ? AND state = 'refused' AND code = 'exchange.notDeidentifiable'",
    delivery_id,
  );
  return counted?.count ?? 0;
}

/** In the order in which they are sent. */
export function listInstances(
  reader: Reader,
  { deliveryId, offset, limit }: { deliveryId: string; offset: number; limit: number },
): DeliveredInstance[] {
  return reader
    .all<InstanceRow>(
      `SELECT sop_uid, stored_uid, sop_class_uid, state, status, code, reason, transcoded_to, sent_at, proven_at FROM delivery_instance
       WHERE delivery_id = ? ORDER BY position LIMIT ? OFFSET ?`,
      deliveryId,
      limit,
      offset,
    )
    .map((row) => ({
      sopUid: row.sop_uid,
      storedUid: row.stored_uid,
      sopClassUid: row.sop_class_uid,
      state: row.state,
      status: row.status,
      code: row.code,
      reason: row.reason,
      transcodedTo: row.transcoded_to,
      sentAt: row.sent_at,
      provenAt: row.proven_at,
    }));
}

/** Notes that a routing rule asked for a delivery, not a person. */
export function noteRule(tx: Transaction, deliveryId: string, ruleId: string): void {
  tx.run('INSERT INTO delivery_rule (delivery_id, rule_id) VALUES (?, ?) ON CONFLICT DO NOTHING', deliveryId, ruleId);
}
