import {
  type InstanceEvent,
  type InstanceState,
  nextInstanceState,
} from '../../../../app/domains/exchange/deliveryRules.ts';
import type { Reader, Transaction } from '../../../database/writeGate.ts';
import type { DeliveryScope } from './deliveryRows.ts';
import type { CommitmentAnswer, InstanceResult, SendItem } from './sendMessages.ts';

/**
 * Rows of instances as they go from queued to proven. Every change of state passes `nextInstanceState`. 273 is
 * `duplicateStatus` (0x0111), a literal for the sake of the partial index.
 */

const itemColumns = `d.position, d.sop_uid AS sopUid, d.stored_uid AS storedUid, d.sop_class_uid AS sopClassUid,
  d.series_uid AS seriesUid, i.transfer_syntax_uid AS transferSyntaxUid, i.object_name AS objectName, i.bytes, d.transcoded_to AS transcodedTo,
  d.status IS 273 AS isDuplicate`;

/** What the peer choked on comes last; else the order of the study. `after`: the last one given before. */
export function listQueued(
  reader: Reader,
  deliveryId: string,
  after: { tries: number; position: number },
  limit: number,
): (SendItem & { tries: number })[] {
  return reader.all(
    `SELECT ${itemColumns}, d.tries FROM delivery_instance d INDEXED BY delivery_instance_queued
     JOIN instance i ON i.sop_uid = coalesce(d.stored_uid, d.sop_uid)
     WHERE d.delivery_id = ? AND d.state = 'queued' AND (d.tries, d.position) > (?, ?)
     ORDER BY d.tries, d.position LIMIT ?`,
    deliveryId,
    after.tries,
    after.position,
    limit,
  );
}

/** From one series to the next by the index: there may be tens of thousands of instances. */
export function listSentSeries(reader: Reader, deliveryId: string): string[] {
  const next = `SELECT min(series_uid) FROM delivery_instance INDEXED BY delivery_instance_sent
    WHERE delivery_id = ? AND state = 'sent'`;
  return reader
    .all<{ series_uid: string }>(
      `WITH RECURSIVE s (series_uid) AS (SELECT (${next})
         UNION ALL SELECT (${next} AND series_uid > s.series_uid) FROM s WHERE s.series_uid IS NOT NULL)
       SELECT series_uid FROM s WHERE series_uid IS NOT NULL`,
      deliveryId,
      deliveryId,
    )
    .map((row) => row.series_uid);
}

/** Whether something waits for a proof that a list or a promise of the peer can give. */
export function hasNew(reader: Reader, deliveryId: string): boolean {
  return (
    reader.get(
      `SELECT 1 FROM delivery_instance INDEXED BY delivery_instance_new
       WHERE delivery_id = ? AND state = 'sent' AND status IS NOT 273 LIMIT 1`,
      deliveryId,
    ) !== undefined
  );
}

export const sentOfSql = `SELECT ${itemColumns} FROM delivery_instance d JOIN instance i ON i.sop_uid = coalesce(d.stored_uid, d.sop_uid)
  WHERE d.delivery_id = ? AND d.state = 'sent' AND d.series_uid = ? ORDER BY d.position`;

/** What waits for its proof and may be promised, from a position on. */
export function listSent(reader: Reader, deliveryId: string, after: number, limit: number): SendItem[] {
  return reader.all(
    `SELECT ${itemColumns} FROM delivery_instance d INDEXED BY delivery_instance_new JOIN instance i ON i.sop_uid = coalesce(d.stored_uid, d.sop_uid)
     WHERE d.delivery_id = ? AND d.state = 'sent' AND d.status IS NOT 273 AND d.position > ? ORDER BY d.position LIMIT ?`,
    deliveryId,
    after,
    limit,
  );
}

export const kindsSql = `SELECT DISTINCT d.sop_class_uid AS sopClassUid, i.transfer_syntax_uid AS transferSyntaxUid
  FROM delivery_instance d JOIN instance i ON i.sop_uid = coalesce(d.stored_uid, d.sop_uid) WHERE d.delivery_id = ? AND d.state = 'queued'
  ORDER BY 1, 2`;

/** Rows of the study's instances of a scope, in the order in which they are sent. */
export const scopeSql = `SELECT i.instance_row, i.bytes FROM study st JOIN series s ON s.study_row = st.study_row
  JOIN instance i ON i.series_row = s.series_row
  WHERE st.study_uid = ? AND i.instance_row <= ? AND i.is_image >= ?
    AND (? IS NULL OR s.series_uid IN (SELECT value FROM json_each(?)))
    AND (? IS NULL OR i.sop_uid IN (SELECT value FROM json_each(?)))
  ORDER BY s.series_number IS NULL, s.series_number, s.series_row, i.instance_number, i.instance_row`;

/** How much that is. */
export const scopeSizeSql = `SELECT count(*) AS instances, sum(i.bytes) AS bytes FROM study st
  JOIN series s ON s.study_row = st.study_row JOIN instance i ON i.series_row = s.series_row
  WHERE st.study_uid = ? AND i.instance_row <= ? AND i.is_image >= ?
    AND (? IS NULL OR s.series_uid IN (SELECT value FROM json_each(?)))
    AND (? IS NULL OR i.sop_uid IN (SELECT value FROM json_each(?)))`;

/** The parameters of `scopeSql` and `scopeSizeSql`. Without the person only images go: the rest stays where it is, and is no trouble. */
export function scopeParameters(
  studyUid: string,
  lastInstanceRow: number,
  { seriesUids, sopUids }: DeliveryScope,
  onlyImages: boolean,
): (string | number | null)[] {
  const series = seriesUids.length === 0 ? null : JSON.stringify(seriesUids);
  const sops = sopUids === null ? null : JSON.stringify(sopUids);
  return [studyUid, lastInstanceRow, onlyImages ? 1 : 0, series, series, sops, sops];
}

/**
 * Puts some instances into a delivery, `first` being the position of the first. What is there already stays.
 *
 * @param uidOf the UIDs under which they leave without the person; null: they leave under their own
 */
export function fillInstances(
  tx: Transaction,
  deliveryId: string,
  instanceRows: readonly number[],
  first: number,
  uidOf: ((uid: string) => string) | null,
): void {
  if (uidOf !== null) {
    fillUnderOtherUids(tx, deliveryId, instanceRows, first, uidOf);
    return;
  }
  tx.run(
    `INSERT INTO delivery_instance (delivery_id, position, sop_uid, series_uid, sop_class_uid, state)
     SELECT ?, ? + j.key, i.sop_uid, s.series_uid, i.sop_class_uid, 'queued'
     FROM json_each(?) j JOIN instance i ON i.instance_row = j.value JOIN series s ON s.series_row = i.series_row
     WHERE true ON CONFLICT DO NOTHING`,
    deliveryId,
    first,
    JSON.stringify(instanceRows),
  );
}

function fillUnderOtherUids(
  tx: Transaction,
  deliveryId: string,
  instanceRows: readonly number[],
  first: number,
  uidOf: (uid: string) => string,
): void {
  const rows = tx.all<{ key: number; sop_uid: string; series_uid: string; sop_class_uid: string }>(
    `SELECT j.key, i.sop_uid, s.series_uid, i.sop_class_uid FROM json_each(?) j
     JOIN instance i ON i.instance_row = j.value JOIN series s ON s.series_row = i.series_row ORDER BY j.key`,
    JSON.stringify(instanceRows),
  );
  // Each UID takes its time: hundreds of instances share one of a series.
  const seriesUids = new Map<string, string>();
  for (const { key, sop_uid, series_uid, sop_class_uid } of rows) {
    const seriesUid = seriesUids.get(series_uid) ?? uidOf(series_uid);
    seriesUids.set(series_uid, seriesUid);
    tx.run(
      `INSERT INTO delivery_instance (delivery_id, position, sop_uid, stored_uid, series_uid, sop_class_uid, state)
       VALUES (?, ?, ?, ?, ?, ?, 'queued') ON CONFLICT DO NOTHING`,
      deliveryId,
      first + key,
      uidOf(sop_uid),
      sop_uid,
      seriesUid,
      sop_class_uid,
    );
  }
}

type Column = 'sent' | 'proven' | 'refused' | 'failed';
const columns: readonly Column[] = ['sent', 'proven', 'refused', 'failed'];

/** How many instances came into a state less those that left it. */
class Tally {
  readonly #changes: Record<Column, number> = { sent: 0, proven: 0, refused: 0, failed: 0 };
  moved = 0;
  move(from: InstanceState, to: InstanceState): void {
    if (from === to) return;
    this.moved += 1;
    if (from !== 'queued') this.#changes[from] -= 1;
    if (to !== 'queued') this.#changes[to] += 1;
  }
  write(tx: Pick<Transaction, 'run'>, deliveryId: string): void {
    if (this.moved === 0) return;
    tx.run(
      `UPDATE delivery SET sent = sent + ?, proven = proven + ?, refused = refused + ?, failed = failed + ?
       WHERE delivery_id = ?`,
      ...columns.map((column) => this.#changes[column]),
      deliveryId,
    );
  }
}

const events: Readonly<Record<InstanceResult['kind'], InstanceEvent>> = {
  accepted: 'accepted',
  refused: 'refused',
  again: 'again',
  unreadable: 'givenUp',
  shown: 'shown',
  missing: 'missing',
};

/** What can't leave without the person was not given up: it is refused, here, and will be again. */
function eventOf(result: InstanceResult): InstanceEvent {
  return 'code' in result && result.code === 'exchange.notDeidentifiable' ? 'refused' : events[result.kind];
}

interface StandRow {
  readonly state: InstanceState;
  readonly resends: number;
}

/** Writes what came of some instances. Returns how many got into another state. */
export function applyResults(tx: Transaction, deliveryId: string, results: readonly InstanceResult[]): number {
  const tally = new Tally();
  for (const result of results) {
    const row = tx.get<StandRow>(
      'SELECT state, resends FROM delivery_instance WHERE delivery_id = ? AND position = ?',
      deliveryId,
      result.position,
    );
    if (!row) continue;
    const state = nextInstanceState(row.state, eventOf(result), row.resends);
    tally.move(row.state, state);
    writeInstance(tx, deliveryId, result, state, row.state);
  }
  tally.write(tx, deliveryId);
  return tally.moved;
}

function writeInstance(
  tx: Transaction,
  deliveryId: string,
  result: InstanceResult,
  state: InstanceState,
  before: InstanceState,
): void {
  // What came too late, for an instance that has moved on since, changes nothing.
  if (result.kind === 'again' ? before !== 'queued' : state === before) return;
  if (result.kind === 'shown') {
    tx.run(
      'UPDATE delivery_instance SET state = ?, proven_at = ?, code = NULL WHERE delivery_id = ? AND position = ?',
      state,
      tx.nowMs,
      deliveryId,
      result.position,
    );
    return;
  }
  const code = result.kind === 'missing' ? 'exchange.notStored' : 'code' in result ? result.code : null;
  tx.run(
    `UPDATE delivery_instance SET state = ?, status = ?, code = ?, reason = ?, transcoded_to = ?, tries = tries + ?, resends = resends + ?,
       sent_at = ?, transaction_uid = NULL WHERE delivery_id = ? AND position = ?`,
    state,
    'status' in result ? result.status : null,
    code,
    result.kind === 'unreadable' ? (result.reason ?? null) : null,
    result.kind === 'accepted' ? result.transcodedTo : null,
    result.kind === 'again' ? 1 : 0,
    result.kind === 'missing' ? 1 : 0,
    result.kind === 'accepted' ? tx.nowMs : null,
    deliveryId,
    result.position,
  );
}

export interface Commitment {
  readonly transactionUid: string;
  readonly deliveryId: string;
  readonly nodeId: string;
}

export function noteCommitment(tx: Transaction, commitment: Commitment, positions: readonly number[]): void {
  tx.run(
    `INSERT INTO commitment (transaction_uid, delivery_id, node_id, state, requested_at) VALUES (?, ?, ?, 'asked', ?)`,
    commitment.transactionUid,
    commitment.deliveryId,
    commitment.nodeId,
    tx.nowMs,
  );
  tx.run(
    `UPDATE delivery_instance SET transaction_uid = ? WHERE delivery_id = ? AND state = 'sent'
       AND position IN (SELECT value FROM json_each(?))`,
    commitment.transactionUid,
    commitment.deliveryId,
    JSON.stringify(positions),
  );
}

export function findCommitment(reader: Reader, transactionUid: string): (Commitment & { state: string }) | undefined {
  return reader.get(
    `SELECT transaction_uid AS transactionUid, delivery_id AS deliveryId, node_id AS nodeId, state FROM commitment
     WHERE transaction_uid = ?`,
    transactionUid,
  );
}

/**
 * Writes some of what a peer said of a commitment. Only instances that were asked for in this very transaction, and
 * were not sent again since, are proven by it.
 */
export function applyCommitment(
  tx: Transaction,
  deliveryId: string,
  { transactionUid, stored, missing }: CommitmentAnswer,
): number {
  const positionOf = (sopUid: string) =>
    tx.get<{ position: number }>(
      'SELECT position FROM delivery_instance WHERE delivery_id = ? AND sop_uid = ? AND transaction_uid = ?',
      deliveryId,
      sopUid,
      transactionUid,
    )?.position;
  const results: InstanceResult[] = [];
  const failed = new Set(missing.map(({ sopUid }) => sopUid));
  for (const { sopUid, reason } of missing) {
    const position = positionOf(sopUid);
    if (position !== undefined) results.push({ position, kind: 'missing', status: reason });
  }
  for (const sopUid of stored) {
    // Said to be there and not there: no proof.
    const position = failed.has(sopUid) ? undefined : positionOf(sopUid);
    if (position !== undefined) results.push({ position, kind: 'shown' });
  }
  return applyResults(tx, deliveryId, results);
}

/** Gives up some of what is still queued. Returns how many. */
export function giveUpSome(tx: Transaction, deliveryId: string, code: string, atMost: number): number {
  const { changes } = tx.run(
    `UPDATE delivery_instance SET state = 'failed', code = coalesce(code, ?) WHERE delivery_id = ? AND position IN (
       SELECT position FROM delivery_instance WHERE delivery_id = ? AND state = 'queued' ORDER BY tries, position LIMIT ?)`,
    code,
    deliveryId,
    deliveryId,
    atMost,
  );
  tx.run('UPDATE delivery SET failed = failed + ? WHERE delivery_id = ?', changes, deliveryId);
  return changes;
}

/** Takes up again some of what was refused or given up. What is proven stays proven. Returns how many. */
export function retakeSome(tx: Transaction, deliveryId: string, atMost: number): number {
  const rows = tx.all<{ position: number; state: 'refused' | 'failed' }>(
    `SELECT position, state FROM delivery_instance WHERE delivery_id = ? AND state IN ('refused', 'failed')
     ORDER BY position LIMIT ?`,
    deliveryId,
    atMost,
  );
  const refused = rows.filter(({ state }) => state === 'refused').length;
  tx.run(
    `UPDATE delivery_instance SET state = 'queued', code = NULL, reason = NULL, status = NULL, tries = 0, resends = 0
     WHERE delivery_id = ? AND position IN (SELECT value FROM json_each(?))`,
    deliveryId,
    JSON.stringify(rows.map(({ position }) => position)),
  );
  tx.run(
    'UPDATE delivery SET refused = refused - ?, failed = failed - ?, retakes = ? WHERE delivery_id = ?',
    refused,
    rows.length - refused,
    rows.length < atMost ? 0 : 1,
    deliveryId,
  );
  return rows.length;
}

/** Drops some rows of a delivery that was proven long ago; its counts stay. */
export function dropSome(tx: Transaction, deliveryId: string, atMost: number): void {
  const { changes } = tx.run(
    `DELETE FROM delivery_instance WHERE delivery_id = ? AND position IN (
       SELECT position FROM delivery_instance WHERE delivery_id = ? ORDER BY position LIMIT ?)`,
    deliveryId,
    deliveryId,
    atMost,
  );
  if (changes === atMost) return;
  tx.run('DELETE FROM commitment WHERE delivery_id = ?', deliveryId);
  tx.run('UPDATE delivery SET dropped = 1 WHERE delivery_id = ?', deliveryId);
}
