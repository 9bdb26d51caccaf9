import { commitmentWaitMs, mostCommitments } from '../../../../app/domains/exchange/deliveryRules.ts';
import { Failure } from '../../../../app/shared/failure.ts';
import type { OpenStore } from '../../../core.ts';
import { systemAuthor } from '../../../database/openWriteGate.ts';
import { openPseudonyms } from '../../../dicom/deidentify/pseudonyms.ts';
import type { Services } from '../../../domainServices.ts';
import { faultText } from '../../../platform/faultText.ts';
import type { KnownNode, NodeRegistry, Receiver } from '../exchangeParts.ts';
import { tallyOf } from '../exchangeTally.ts';
import {
  applyCommitment,
  applyResults,
  fillInstances,
  findCommitment,
  hasNew,
  kindsSql,
  listQueued,
  listSent,
  listSentSeries,
  noteCommitment,
  retakeSome,
  scopeParameters,
  scopeSql,
  sentOfSql,
} from './deliveryProgress.ts';
import { type DeliveryRow, type DeliveryScope, findDelivery } from './deliveryRows.ts';
import type { RunningAttempt, SenderPool } from './senderPool.ts';
import type {
  Answers,
  AttemptEnd,
  AttemptOrder,
  CommitmentAnswer,
  InstanceResult,
  ObjectKindCount,
  Question,
  SendItem,
  SendTimes,
} from './sendMessages.ts';
import { settleDelivery } from './settleDelivery.ts';

export interface RunParts {
  readonly store: OpenStore;
  readonly services: () => Services;
  readonly nodes: NodeRegistry;
  readonly receiver: Receiver;
  readonly pool: SenderPool;
  readonly times: SendTimes;
  random(): number;
}

/** One attempt at a delivery, seen from the thread that keeps the queues. */
export interface DeliveryRun {
  readonly deliveryId: string;
  /** Whether the peer was reached, and whether the connection failed. Never rejects. */
  readonly ended: Promise<RunEnd>;
  stop(): void;
}

export interface RunEnd extends AttemptEnd {
  /** What came of it could not be written: it is all to be done again, but not at once. */
  readonly isUnwritten: boolean;
}

/** Results are written together: one small transaction in so many milliseconds, or for so many of them. */
const flushMs = 250;
const flushCount = 100;
const fillCount = 500;
/** Under other UIDs, which are made here. */
const fillUnnamedCount = 100;

/** Starts an attempt: fills the delivery where that is not done, sends what is queued, proves what is sent. */
export function runDelivery(parts: RunParts, deliveryId: string, known: KnownNode, trial: boolean): DeliveryRun {
  const { store, nodes, pool } = parts;
  const { gate, reader } = store;
  let attempt: RunningAttempt | null = null;
  let stopped = false;
  let progressed = 0;
  let waiting: InstanceResult[] = [];
  let timer: NodeJS.Timeout | null = null;
  let writing: Promise<void> | null = null;
  let cursor = { tries: 0, position: -1 };
  let committedTo = -1;
  let finished = false;

  /** Small transactions, with a turn of the loop in between: whoever waits for the window goes first. */
  async function writeWaiting(): Promise<void> {
    while (waiting.length > 0) {
      const batch = waiting.slice(0, flushCount);
      progressed += gate.append(systemAuthor, (tx) => {
        tx.topic('deliveries');
        return applyResults(tx, deliveryId, batch);
      });
      waiting = waiting.slice(batch.length);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Resolves once everything that was heard so far is written. */
  function flush(): Promise<void> {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    writing ??= writeWaiting().finally(() => {
      writing = null;
    });
    return writing;
  }

  /** A full disk must not lose what a peer answered: it stays in memory, and is asked for again after a crash. */
  function flushQuietly(): void {
    flush().catch((error: unknown) => {
      logFault(store, 'what a peer answered could not be written', error);
      if (!finished) timer ??= setTimeout(flushQuietly, 10 * flushMs).unref();
    });
  }

  async function answer(question: Question): Promise<Answers[keyof Answers]> {
    switch (question.kind) {
      case 'queued': {
        await flush();
        const rows = listQueued(reader, deliveryId, cursor, question.atMost);
        const last = rows.at(-1);
        if (last) cursor = { tries: last.tries, position: last.position };
        return rows;
      }
      case 'sentSeries':
        await flush();
        return listSentSeries(reader, deliveryId);
      case 'hasNew':
        await flush();
        return hasNew(reader, deliveryId);
      case 'sentOf':
        return store.readLater<SendItem>(sentOfSql, deliveryId, question.seriesUid);
      case 'uncommitted': {
        await flush();
        const rows = listSent(reader, deliveryId, committedTo, question.atMost);
        committedTo = rows.at(-1)?.position ?? committedTo;
        return rows;
      }
      case 'commitmentAsked':
        gate.append(systemAuthor, (tx) =>
          noteCommitment(
            tx,
            { transactionUid: question.transactionUid, deliveryId, nodeId: known.node.nodeId },
            question.positions,
          ),
        );
        return null;
      case 'committed': {
        // It may answer what was asked for another delivery, or by nobody.
        const asked = findCommitment(reader, question.answer.transactionUid);
        if (asked?.nodeId !== known.node.nodeId) return null;
        const moved = await writeCommitment(store, asked.deliveryId, question.answer);
        if (asked.deliveryId === deliveryId) progressed += moved;
        nodes.learn(known.node.nodeId, 'commitmentAnswer', 'yes');
        return null;
      }
      case 'native':
        return nativeObject(parts.services(), question);
    }
  }

  async function work(): Promise<AttemptEnd> {
    await fillDelivery(store, deliveryId);
    await retake(store, deliveryId);
    const row = findDelivery(reader, deliveryId);
    if (!row || (row.state !== 'queued' && row.state !== 'sent' && row.state !== 'sending')) return notNow();
    if (!known.node.use.send) return notNow('exchange.nodeNotFor');
    if (hasIdentityConflict(store, row.study_uid)) return notNow('imaging.identityConflict');
    countCommitments(parts, row);
    const order = await orderOf(parts, findDelivery(reader, deliveryId) ?? row, known, trial);
    if (stopped) return notNow('jobs.interrupted');
    gate.append(systemAuthor, (tx) => {
      tx.run(
        "UPDATE delivery SET state = 'sending', attempts = attempts + 1 WHERE delivery_id = ? AND state IN ('queued', 'sent', 'sending')",
        deliveryId,
      );
      tx.topic('deliveries');
    });
    attempt = pool.attempt(order, {
      answer,
      results(results) {
        waiting.push(...results);
        if (waiting.length >= flushCount) flushQuietly();
        else timer ??= setTimeout(flushQuietly, flushMs).unref();
      },
      learned: (name, state) => nodes.learn(known.node.nodeId, name, state),
    });
    return attempt.ended;
  }

  async function run(): Promise<RunEnd> {
    let end: AttemptEnd;
    const startedMs = performance.now();
    try {
      end = await work();
      await flush();
    } catch (error) {
      end = notNow(error instanceof Failure ? error.code : 'jobs.failed');
      if (!(error instanceof Failure)) logFault(store, 'an attempt at a delivery failed', error);
    }
    finished = true;
    if (timer !== null) clearTimeout(timer);
    // What ended before a word was spoken, such as a held delivery, was no attempt.
    if (attempt !== null && !stopped)
      tallyOf(store).attemptEnded(known.node.nodeId, end.trouble?.code ?? null, (performance.now() - startedMs) / 1000);
    try {
      // The core is closing: what was under way is taken up at its next start.
      if (end.trouble?.code === 'jobs.interrupted' && stopped) reopen(store, deliveryId);
      else await settleDelivery(store, deliveryId, { ...end, progressed: progressed > 0 }, parts.random());
    } catch (error) {
      logFault(store, 'the outcome of an attempt could not be written', error);
      return { ...end, isUnwritten: true };
    }
    return { ...end, isUnwritten: false };
  }

  return {
    deliveryId,
    ended: run(),
    stop() {
      stopped = true;
      attempt?.stop();
    },
  };
}

export function logFault({ platform }: OpenStore, what: string, error: unknown): void {
  platform.log.error(what, new Error(faultText(error)));
}

function notNow(code?: string): AttemptEnd {
  const trouble = code === undefined ? null : { code, details: {} };
  return { trouble, retryAfterMs: null, reached: false, proof: 'none', provenBy: null };
}

/** Stopped half way, by a person's change or the end of its hours: it goes on when it may. */
function reopen(store: OpenStore, deliveryId: string): void {
  store.gate.append(systemAuthor, (tx) => {
    tx.run(
      `UPDATE delivery SET state = CASE WHEN retakes = 1 OR instances > sent + proven + refused + failed THEN 'queued' ELSE 'sent' END
       WHERE delivery_id = ? AND state = 'sending'`,
      deliveryId,
    );
    tx.topic('deliveries');
  });
}

function hasIdentityConflict(store: OpenStore, studyUid: string): boolean {
  const study = store.reader.get<{ identity_conflict: number }>(
    'SELECT identity_conflict FROM study WHERE study_uid = ?',
    studyUid,
  );
  return study?.identity_conflict === 1;
}

/** Writes the instances of a delivery, some hundreds at a time: a study may have tens of thousands. */
async function fillDelivery(store: OpenStore, deliveryId: string): Promise<void> {
  const row = findDelivery(store.reader, deliveryId);
  if (!row || row.filled === 1) return;
  const scope = JSON.parse(row.scope) as DeliveryScope;
  const isUnnamed = row.deidentify === 1;
  const found = await store.readLater<{ instance_row: number; bytes: number }>(
    scopeSql,
    ...scopeParameters(row.study_uid, row.last_instance_row, scope, isUnnamed),
  );
  const rows = found.map(({ instance_row }) => instance_row);
  const uidOf = isUnnamed ? openPseudonyms(store.archive.access.nameKey).uidOf : null;
  const count = isUnnamed ? fillUnnamedCount : fillCount;
  for (let start = 0; start === 0 || start < rows.length; start += count) {
    const isLast = start + count >= rows.length;
    store.gate.append(systemAuthor, (tx) => {
      fillInstances(tx, deliveryId, rows.slice(start, start + count), start, uidOf);
      if (!isLast) return;
      tx.run(
        'UPDATE delivery SET filled = 1, instances = ?, bytes = ?, sent = 0, proven = 0, refused = 0, failed = 0 WHERE delivery_id = ?',
        rows.length,
        found.reduce((sum, { bytes }) => sum + bytes, 0),
        deliveryId,
      );
      tx.topic('deliveries');
    });
    if (!isLast) await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Puts what was refused or given up back into the queue, where a person wants it; goes on where a core was killed. */
async function retake(store: OpenStore, deliveryId: string): Promise<void> {
  if (findDelivery(store.reader, deliveryId)?.retakes !== 1) return;
  while (store.gate.append(systemAuthor, (tx) => retakeSome(tx, deliveryId, fillCount)) === fillCount) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** A promise that was asked for and did not prove everything is counted: after some of them another way is tried. */
function countCommitments({ store, nodes }: RunParts, row: DeliveryRow): void {
  const { delivery_id: deliveryId } = row;
  const left = store.reader.get(
    `SELECT 1 FROM delivery_instance WHERE delivery_id = ? AND state = 'sent' AND transaction_uid IS NOT NULL LIMIT 1`,
    deliveryId,
  );
  if (!left) return;
  const before = store.platform.clock.nowMs() - commitmentWaitMs;
  const expired = store.gate.append(systemAuthor, (tx) => {
    tx.run('UPDATE delivery SET commitments = commitments + 1 WHERE delivery_id = ?', deliveryId);
    return tx.run(
      "UPDATE commitment SET state = 'expired' WHERE delivery_id = ? AND state = 'asked' AND requested_at <= ?",
      deliveryId,
      before,
    ).changes;
  });
  if (expired > 0) nodes.learn(row.node_id, 'commitmentAnswer', 'no');
}

async function orderOf(parts: RunParts, row: DeliveryRow, known: KnownNode, trial: boolean): Promise<AttemptOrder> {
  const { store, nodes, receiver, times } = parts;
  const kinds = await store.readLater<ObjectKindCount>(kindsSql, row.delivery_id);
  const { proof } = known.node.use;
  const { state, settings } = receiver.state();
  const isHopeful = nodes.knows(known.node.nodeId, 'commitmentAnswer') !== 'no' && row.commitments === 0;
  return {
    known,
    ownAe: settings.aeTitle,
    ...leavingOf(store, row),
    kinds,
    trial,
    asksCommitment: proof !== 'readBack' && row.commitments < mostCommitments,
    awaitsCommitment: state === 'listening' && (isHopeful || proof === 'commitment'),
    readsBack: proof !== 'commitment',
    getsBack: nodes.knows(known.node.nodeId, 'get') !== 'no',
    times,
  };
}

/** Under which UID the study leaves, and whether with the person. @throws Failure('exchange.nothingToSend') */
function leavingOf(store: OpenStore, row: DeliveryRow): Pick<AttemptOrder, 'studyUid' | 'identity'> {
  if (row.deidentify === 0) return { studyUid: row.study_uid, identity: { kind: 'kept' } };
  const study = store.reader.get<{ patient_id: string }>(
    'SELECT patient_id FROM study WHERE study_uid = ?',
    row.study_uid,
  );
  if (!study) throw new Failure('exchange.nothingToSend', 'the study is not here');
  const { uidOf } = openPseudonyms(store.archive.access.nameKey);
  return { studyUid: uidOf(row.study_uid), identity: { kind: 'removed', patientId: study.patient_id } };
}

/** The answer to a storage commitment, some hundreds of instances at a time. Returns how many got further. */
export async function writeCommitment(store: OpenStore, deliveryId: string, answer: CommitmentAnswer): Promise<number> {
  const { transactionUid, stored, missing } = answer;
  const failed = new Set(missing.map(({ sopUid }) => sopUid));
  let moved = 0;
  for (let start = 0; start < Math.max(stored.length, missing.length); start += flushCount) {
    const part: CommitmentAnswer = {
      transactionUid,
      // Said to be there and not there: no proof.
      stored: stored.slice(start, start + flushCount).filter((sopUid) => !failed.has(sopUid)),
      missing: missing.slice(start, start + flushCount),
    };
    moved += store.gate.append(systemAuthor, (tx) => {
      tx.topic('deliveries');
      return applyCommitment(tx, deliveryId, part);
    });
    await new Promise((resolve) => setImmediate(resolve));
  }
  store.gate.append(systemAuthor, (tx) =>
    tx.run(
      "UPDATE commitment SET state = 'answered', answered_at = ? WHERE transaction_uid = ?",
      tx.nowMs,
      transactionUid,
    ),
  );
  return moved;
}

/** An object decoded by the imaging domain; null when that is not possible without loss. */
async function nativeObject(
  services: Services,
  { objectName, transferSyntaxUid }: { objectName: string; transferSyntaxUid: string },
): Promise<Uint8Array | null> {
  try {
    const { body } = await services.imaging.readers.read({ type: 'native', objectName, transferSyntaxUid });
    return body;
  } catch (error) {
    // The decoder's reasons: damaged, unknown compression, more than 8 bits where fewer are claimed. It goes as it is or not at all.
    if (error instanceof Failure && error.code.startsWith('imaging.')) return null;
    throw error;
  }
}
