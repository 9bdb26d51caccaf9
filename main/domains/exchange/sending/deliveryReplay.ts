import type { Replayer } from '../../../database/replay.ts';
import type { Reader, Statement, Transaction } from '../../../database/writeGate.ts';
import { type DeliveryScope, insertDelivery, noteRule } from './deliveryRows.ts';
import type { OutcomePayload } from './settleDelivery.ts';

/**
 * What the archive keeps of a request to send. One without the person has a kind of its own: a program that is older
 * than such requests does not know it, and sends nothing.
 */
export interface AskedPayload {
  readonly kind: 'asked' | 'askedDeidentified';
  readonly nodeId: string;
  readonly studyUid: string;
  readonly reportId: string | null;
  readonly scope: DeliveryScope;
  readonly createdBy: string;
  /** The rule that asked; absent for a person. */
  readonly ruleId?: string;
  readonly instances: number;
  readonly bytes: number;
}

/** A person wanted it tried again. */
export interface RetriedPayload {
  readonly kind: 'retried';
}

/**
 * Writes a delivery again from what the archive tells of it, in the order of the statements: what was asked for is sent,
 * what had ended stays as it ended. The instances of it are those that had arrived by then, which is the order in which
 * an index is rebuilt.
 */
function replayDelivery(
  tx: Transaction,
  statement: Pick<Statement, 'id' | 'version' | 'payload'> & Partial<Pick<Statement, 'author'>>,
): void {
  const payload = statement.payload as AskedPayload | RetriedPayload | OutcomePayload;
  switch (payload.kind) {
    case 'asked':
    case 'askedDeidentified':
      insertDelivery(
        tx,
        {
          ...payload,
          deidentify: payload.kind === 'askedDeidentified',
          deliveryId: statement.id,
          lastInstanceRow: tx.get<{ row: number | null }>('SELECT max(instance_row) AS row FROM instance')?.row ?? 0,
        },
        {
          hlc: tx.hlc,
          siteId: tx.siteId,
          at: tx.nowMs,
          author: statement.author ?? { operatorId: null, operatorName: payload.createdBy },
        },
      );
      if (payload.ruleId !== undefined) noteRule(tx, statement.id, payload.ruleId);
      return;
    case 'retried':
      tx.run(
        `UPDATE delivery SET state = 'queued', next_attempt_at = ?, since = ?, sent = 0, proven = 0, refused = 0, failed = 0,
           retakes = 0, ended_at = NULL, trouble_code = NULL, trouble_details = NULL, trouble_at = NULL, version = ? WHERE delivery_id = ?`,
        tx.nowMs,
        tx.nowMs,
        statement.version,
        statement.id,
      );
      return;
    case 'ended':
      replayEnd(tx, statement.id, statement.version, payload);
  }
}

function replayEnd(tx: Transaction, deliveryId: string, version: number, payload: OutcomePayload): void {
  tx.run(
    `UPDATE delivery SET state = ?, proof = ?, next_attempt_at = NULL, ended_at = ?, instances = ?, sent = ?, proven = ?, refused = ?,
       failed = ?, attempts = ?, trouble_code = ?, trouble_details = ?, trouble_at = ?, version = ? WHERE delivery_id = ?`,
    payload.state,
    payload.proof,
    tx.nowMs,
    payload.instances,
    payload.sent,
    payload.proven,
    payload.refused,
    payload.failed,
    payload.attempts,
    payload.trouble?.code ?? null,
    payload.trouble === null ? null : JSON.stringify(payload.trouble.details),
    payload.trouble === null ? null : tx.nowMs,
    version,
    deliveryId,
  );
}

type OldRow = Readonly<Record<string, string | number | null>>;

/** In the order of the statements below. */
const deliveryColumns =
  'state, proof, instances, sent, proven, refused, failed, attempts, failures, commitments, since, retakes, dropped, next_attempt_at, trouble_code, trouble_details, trouble_at, ended_at';
const instanceColumns =
  'delivery_id, position, sop_uid, stored_uid, series_uid, sop_class_uid, state, tries, resends, status, code, reason, transcoded_to, transaction_uid, sent_at, proven_at';
const commitmentColumns = 'transaction_uid, delivery_id, node_id, state, requested_at, answered_at';
const takenAtOnce = 1000;

/** Rows of an old index, some at a time: there may be millions. `sql` ends in its last condition. */
function* rowsOf(old: Reader, sql: string, key: string, ...parameters: string[]): Generator<OldRow> {
  let after: string | number | null = null;
  for (;;) {
    const page: OldRow[] = old.all<OldRow>(
      `${sql} AND (? IS NULL OR ${key} > ?) ORDER BY ${key} LIMIT ${takenAtOnce}`,
      ...parameters,
      after,
      after,
    );
    yield* page;
    if (page.length < takenAtOnce) return;
    after = page.at(-1)?.[key] ?? null;
  }
}

/**
 * Takes over from an index that can still be read how far each delivery had come, instance by instance: of that the
 * archive knows only the end. Only of the version that was replayed: what the old index does not know stays as it is. A
 * core that is rebuilt sends nothing: what was under way is taken up at the next start.
 */
function takeOverDeliveries(tx: Transaction, old: Reader): void {
  // An index from before there were deliveries.
  if (!old.get("SELECT 1 FROM sqlite_schema WHERE name = 'delivery_instance'")) return;
  const valuesOf = (row: OldRow, columns: string) => columns.split(', ').map((column) => row[column] ?? null);
  for (const row of rowsOf(old, 'SELECT * FROM delivery WHERE filled = 1', 'delivery_id')) {
    const deliveryId = String(row['delivery_id']);
    const { changes } = tx.run(
      `UPDATE delivery SET filled = 1, (${deliveryColumns}) = (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
       WHERE delivery_id = ? AND version = ? AND deidentify = ?`,
      ...valuesOf(row, deliveryColumns),
      deliveryId,
      row['version'] ?? null,
      row['deidentify'] ?? 0,
    );
    if (changes === 0) continue;
    const instances = 'SELECT * FROM delivery_instance WHERE delivery_id = ?';
    for (const instance of rowsOf(old, instances, 'position', deliveryId)) {
      tx.run(
        `INSERT INTO delivery_instance (${instanceColumns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT DO NOTHING`,
        ...valuesOf(instance, instanceColumns),
      );
    }
    for (const asked of rowsOf(old, 'SELECT * FROM commitment WHERE delivery_id = ?', 'transaction_uid', deliveryId)) {
      tx.run(
        `INSERT INTO commitment (${commitmentColumns}) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
        ...valuesOf(asked, commitmentColumns),
      );
    }
  }
}

/** For the rebuild of the index. */
export const deliveryReplayer: Replayer = {
  kinds: ['statement'],
  types: ['delivery'],
  replay(tx, _object, _bytes, statement) {
    if (statement !== null) replayDelivery(tx, statement);
  },
  takeOver: takeOverDeliveries,
};
