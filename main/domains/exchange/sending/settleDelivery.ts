import {
  type AttemptOutcome,
  afterAttempt,
  type NextStep,
  needsPerson,
} from '../../../../app/domains/exchange/deliveryRules.ts';
import type { OpenStore } from '../../../core.ts';
import { systemAuthor } from '../../../database/openWriteGate.ts';
import type { Transaction } from '../../../database/writeGate.ts';
import { tallyOf } from '../exchangeTally.ts';
import { giveUpSome, hasNew } from './deliveryProgress.ts';
import { countsOf, type DeliveryRow, findDelivery } from './deliveryRows.ts';
import type { TroubleNote } from './sendMessages.ts';

/** What an attempt, or the answer to a storage commitment, came to. */
export interface Settling {
  readonly trouble: TroubleNote | null;
  readonly retryAfterMs: number | null;
  readonly progressed: boolean;
  readonly proof: AttemptOutcome['proof'];
  readonly provenBy: DeliveryRow['proof'];
}

/** What the archive keeps of a delivery that has come to its end, so that a rebuilt index does not send it again. */
export interface OutcomePayload {
  readonly kind: 'ended';
  readonly state: DeliveryRow['state'];
  readonly proof: DeliveryRow['proof'];
  readonly instances: number;
  readonly sent: number;
  readonly proven: number;
  readonly refused: number;
  readonly failed: number;
  readonly attempts: number;
  readonly trouble: TroubleNote | null;
}

/**
 * Writes what comes next for a delivery. Its end, when there is one, is audited and archived in the same transaction.
 * A delivery that was cancelled meanwhile stays so. Rejects when it could not be written.
 */
export async function settleDelivery(
  store: OpenStore,
  deliveryId: string,
  settling: Settling,
  random: number,
): Promise<void> {
  const { gate, reader } = store;
  const row = findDelivery(reader, deliveryId);
  if (!row || row.state === 'cancelled') return;
  const step = nextStepOf(store, row, settling, random);
  if (step.givesUp) await giveUpQueued(store, deliveryId, settling.trouble?.code ?? 'exchange.timeout');
  const isEnd = step.givesUp || (step.nextAttemptAt === null && isFinal(step, settling));
  const write = (tx: Transaction) => writeStep(tx, deliveryId, step, settling, isEnd);
  if (isEnd) gate.write(systemAuthor, 'exchange.deliver', write);
  else gate.append(systemAuthor, write);
  const ended = isEnd ? findDelivery(reader, deliveryId) : undefined;
  if (ended && ended.ended_at !== null)
    tallyOf(store).deliveryEnded(ended.node_id, ended.state, (ended.ended_at - ended.created_at) / 1000);
}

/** Some hundreds at a time: whoever waits for the window goes first. */
async function giveUpQueued(store: OpenStore, deliveryId: string, code: string): Promise<void> {
  const atMost = 500;
  while (store.gate.append(systemAuthor, (tx) => giveUpSome(tx, deliveryId, code, atMost)) === atMost) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Nothing more happens, and not because a person has to see to it first. */
function isFinal(step: NextStep, { trouble }: Settling): boolean {
  return step.state !== 'queued' && !(trouble !== null && needsPerson(trouble.code));
}

function nextStepOf(store: OpenStore, row: DeliveryRow, settling: Settling, random: number): NextStep {
  // A person wants what was refused to be sent, and said so while it ran.
  if (row.retakes === 1) return { state: 'queued', nextAttemptAt: row.since, failures: 0, givesUp: false };
  const resends = settling.trouble === null ? mostResentOf(store, row.delivery_id) : 0;
  const outcome: AttemptOutcome = {
    counts: countsOf(row),
    troubleCode: settling.trouble?.code ?? null,
    retryAfterMs: settling.retryAfterMs,
    progressed: settling.progressed,
    proof: proofOf(store, row, settling),
    resends,
  };
  const at = { failures: row.failures, sinceMs: row.since, nowMs: store.platform.clock.nowMs(), random };
  return afterAttempt(outcome, at);
}

/** What the peer had before is not proven by its list or its promise: where nothing else waits, there is no more to come. */
function proofOf(store: OpenStore, row: DeliveryRow, { proof, trouble }: Settling): AttemptOutcome['proof'] {
  if (trouble !== null || proof === 'awaited' || row.sent === 0) return proof;
  return hasNew(store.reader, row.delivery_id) ? proof : 'impossible';
}

function mostResentOf(store: OpenStore, deliveryId: string): number {
  const row = store.reader.get<{ resends: number | null }>(
    "SELECT max(resends) AS resends FROM delivery_instance WHERE delivery_id = ? AND state = 'queued'",
    deliveryId,
  );
  return row?.resends ?? 0;
}

function writeStep(tx: Transaction, deliveryId: string, step: NextStep, settling: Settling, isEnd: boolean): void {
  const row = findDelivery(tx, deliveryId);
  if (!row || row.state === 'cancelled') return;
  const state = step.givesUp && countsOf(row).sent === 0 ? 'failed' : step.state;
  const isResting = state === 'sent' && step.nextAttemptAt === null;
  const trouble = troubleOf(tx, row, isResting, state, settling);
  tx.run(
    `UPDATE delivery SET state = ?, next_attempt_at = ?, failures = ?, proof = coalesce(?, proof), trouble_code = ?,
       trouble_details = ?, trouble_at = ?, ended_at = ?, version = version + ? WHERE delivery_id = ?`,
    state,
    step.nextAttemptAt,
    step.failures,
    // Looked for, and nothing found, is no proof of that kind.
    row.proven > 0 ? settling.provenBy : null,
    trouble?.code ?? null,
    trouble === null ? null : JSON.stringify(trouble.details),
    trouble === null ? null : tx.nowMs,
    isEnd ? tx.nowMs : null,
    isEnd ? 1 : 0,
    deliveryId,
  );
  tx.topic('deliveries');
  if (isEnd) archiveEnd(tx, deliveryId, trouble);
}

/** Archives and audits a delivery's end: one entry, whatever the number of its instances. */
export function archiveEnd(tx: Transaction, deliveryId: string, trouble: TroubleNote | null): void {
  const row = findDelivery(tx, deliveryId);
  if (!row) return;
  const { state, proof, instances, sent, proven, refused, failed, attempts, version } = row;
  const payload: OutcomePayload = {
    ...{ kind: 'ended', state, proof, instances, sent, proven, refused, failed, attempts },
    trouble,
  };
  tx.statement({ type: 'delivery', id: deliveryId, version, payload });
  tx.subject(
    { type: 'delivery', id: deliveryId },
    { nodeId: row.node_id, studyUid: row.study_uid, state, instances, proven, refused: refused + failed },
  );
}

/** What a person should read of it: the trouble of the attempt, or why it stands where it does. */
function troubleOf(
  tx: Transaction,
  row: DeliveryRow,
  isResting: boolean,
  state: DeliveryRow['state'],
  { trouble }: Settling,
): TroubleNote | null {
  if (trouble !== null) return trouble;
  if (isResting) return { code: 'exchange.notProvable', details: { sent: row.sent } };
  if (state === 'proven' || state === 'sent') return null;
  const first = tx.get<{ code: string | null; status: number | null; reason: string | null }>(
    `SELECT code, status, reason FROM delivery_instance WHERE delivery_id = ? AND code IS NOT NULL AND state <> 'proven'
     ORDER BY state = 'queued', position LIMIT 1`,
    row.delivery_id,
  );
  if (!first?.code) return null;
  const count = row.refused + row.failed;
  return {
    code: first.code,
    details: {
      ...(count > 0 ? { instances: count } : {}),
      ...(first.status === null ? {} : { status: first.status }),
      ...(first.reason === null ? {} : { reason: first.reason }),
    },
  };
}
