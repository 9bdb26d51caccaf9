import { Failure } from '../../../../app/shared/failure.ts';
import type { OpenStore } from '../../../core.ts';
import type { Author } from '../../../database/writeGate.ts';
import type { Services } from '../../../domainServices.ts';
import type { Deliveries, NodeRegistry, Receiver, RuleRequest } from '../exchangeParts.ts';
import { findCommitment, scopeParameters, scopeSizeSql } from './deliveryProgress.ts';
import { openDeliveryQueue } from './deliveryQueue.ts';
import type { AskedPayload, RetriedPayload } from './deliveryReplay.ts';
import {
  countKeptBack,
  type DeliveryRow,
  type DeliveryScope,
  deliveryFromRow,
  findDelivery,
  insertDelivery,
  listDeliveries,
  listInstances,
  noteRule,
} from './deliveryRows.ts';
import { logFault, writeCommitment } from './deliveryRun.ts';
import { localMinuteOfDay } from './nodeGates.ts';
import { openSenderPool } from './senderPool.ts';
import type { SendTimes } from './sendMessages.ts';
import { archiveEnd, settleDelivery } from './settleDelivery.ts';

/** Clocks and chances of the queues, for tests. */
export interface DeliveryOptions {
  readonly random?: () => number;
  readonly minuteOfDay?: (nowMs: number) => number;
  readonly lookMs?: number;
  readonly nodesAtOnce?: number;
  readonly times?: SendTimes;
}

interface Size {
  readonly instances: number;
  readonly bytes: number | null;
}

const mostCounted = 5_000;

/** Storage Commitment Push Model (PS3.4 J.3). */
const commitmentClassUid = '1.2.840.10008.1.20.1';

export function openDeliveries(
  store: OpenStore,
  services: () => Services,
  nodes: NodeRegistry,
  receiver: Receiver,
  options: DeliveryOptions = {},
): Deliveries {
  const { reader, gate } = store;
  const random = options.random ?? Math.random;
  const pool = openSenderPool(store.archive.access, store.platform.resourcesDirectory, store.platform.log);
  const queue = openDeliveryQueue({
    store,
    services,
    nodes,
    receiver,
    pool,
    random,
    times: options.times ?? {},
    minuteOfDay: options.minuteOfDay ?? localMinuteOfDay,
    lookMs: options.lookMs ?? 30_000,
    nodesAtOnce: options.nodesAtOnce ?? 4,
  });

  nodes.onChange((nodeId) => queue.nodeChanged(nodeId));
  const stopHearing = receiver.onEvent(async ({ sopClassUid, transferSyntaxUid, information }) => {
    if (sopClassUid !== commitmentClassUid) return;
    const answer = await pool.readEvent(transferSyntaxUid, information);
    const asked = answer === null ? undefined : findCommitment(reader, answer.transactionUid);
    if (answer === null || !asked) {
      store.platform.log.warn('a storage commitment was answered that nobody asked for');
      return;
    }
    await writeCommitment(store, asked.deliveryId, answer);
    nodes.learn(asked.nodeId, 'commitmentAnswer', 'yes');
    // What is under way writes its own end first.
    queue
      .ended(asked.deliveryId)
      .then(() => settleAnswered(asked.deliveryId))
      .catch(noted);
  });

  function noted(error: unknown): void {
    logFault(store, 'the answer to a storage commitment could not be taken up', error);
  }

  /** Once every part of a commitment was answered: is it proven, or is something to be sent again? */
  async function settleAnswered(deliveryId: string): Promise<void> {
    const row = findDelivery(reader, deliveryId);
    if (row?.state !== 'sent' || isAwaiting(deliveryId)) return;
    const nothing = { trouble: null, retryAfterMs: null, progressed: true };
    await settleDelivery(store, deliveryId, { ...nothing, proof: 'none', provenBy: 'commitment' }, random());
    queue.wake();
  }

  /** Another part of it is still to be answered. */
  function isAwaiting(deliveryId: string): boolean {
    return (
      reader.get(
        `SELECT 1 FROM commitment c WHERE c.delivery_id = ? AND c.state = 'asked' AND EXISTS (SELECT 1 FROM delivery_instance d
           WHERE d.delivery_id = c.delivery_id AND d.transaction_uid = c.transaction_uid AND d.state = 'sent')`,
        deliveryId,
      ) !== undefined
    );
  }

  function get(deliveryId: string): DeliveryRow {
    const row = findDelivery(reader, deliveryId);
    if (!row) throw new Failure('exchange.deliveryUnknown', 'no such delivery');
    return row;
  }

  function shown(row: DeliveryRow) {
    const known = nodes.find(row.node_id);
    return deliveryFromRow(row, known?.node.name ?? '', known ? queue.opensAt(known) : null);
  }

  /** Series and instances that a request means. @throws Failure('exchange.nothingToSend') */
  function scopeOf(input: Parameters<Deliveries['send']>[1]): DeliveryScope {
    if (input.reportId === null) return { seriesUids: input.seriesUids, sopUids: input.sopUids ?? null };
    const report = services().reports.get(input.reportId);
    const sopUids =
      report.state === 'signed' && report.studyUid === input.studyUid
        ? services().imaging.findReportObjects(report)
        : [];
    if (sopUids.length === 0) throw new Failure('exchange.nothingToSend', 'the report has no objects yet');
    return { seriesUids: [], sopUids };
  }

  /**
   * Of a whole study the study knows it: counting tens of thousands takes longer than a window may wait. Of so many, where
   * only images go, the attempt that lists them says how many they were.
   */
  function sizeOf(studyUid: string, last: number, scope: DeliveryScope, onlyImages: boolean): Size | undefined {
    const counted = () => reader.get<Size>(scopeSizeSql, ...scopeParameters(studyUid, last, scope, onlyImages));
    if (scope.seriesUids.length > 0 || scope.sopUids !== null) return counted();
    const whole = 'SELECT instance_count AS instances, bytes FROM study WHERE study_uid = ?';
    const size = reader.get<Size>(whole, studyUid);
    return size && onlyImages && size.instances <= mostCounted ? counted() : size;
  }

  /** As opening the study does, which reads more of it than a window may wait for. */
  function requireOnePerson(studyUid: string): void {
    const study = reader.get<{ identity_conflict: number }>(
      'SELECT identity_conflict FROM study WHERE study_uid = ?',
      studyUid,
    );
    if (!study) throw new Failure('imaging.studyUnknown', 'no such study');
    if (study.identity_conflict === 1)
      throw new Failure('imaging.identityConflict', 'instances of this study name two people');
  }

  function send(author: Author, input: Parameters<Deliveries['send']>[1], byRule?: RuleRequest) {
    const { node } = nodes.get(input.nodeId);
    if (!node.use.send) throw new Failure('exchange.nodeNotFor', 'nothing is sent to this node');
    const { deidentify } = input;
    if (deidentify && input.reportId !== null)
      throw new Failure('exchange.reportNamesPatient', 'a report names the patient');
    requireOnePerson(input.studyUid);
    const what = byRule?.what ?? null;
    const scope = what === null ? scopeOf(input) : { seriesUids: [], sopUids: what.sopUids };
    const newest = reader.get<{ row: number | null }>('SELECT max(instance_row) AS row FROM instance')?.row ?? 0;
    const last = what?.lastInstanceRow ?? newest;
    const size = what ?? sizeOf(input.studyUid, last, scope, deidentify);
    if (!size || size.instances === 0) throw new Failure('exchange.nothingToSend', 'nothing of that is here');
    const deliveryId = store.newId();
    const { nodeId, studyUid, reportId } = input;
    const createdBy = byRule?.ruleName ?? author.operatorName ?? '';
    const ruleId = byRule?.ruleId;
    gate.write(author, byRule ? 'exchange.route' : 'exchange.send', (tx) => {
      const { instances } = size;
      const bytes = size.bytes ?? 0;
      const kind = deidentify ? 'askedDeidentified' : 'asked';
      const asked: AskedPayload = { kind, nodeId, studyUid, reportId, scope, createdBy, instances, bytes };
      const payload: AskedPayload = ruleId === undefined ? asked : { ...asked, ruleId };
      tx.statement({ type: 'delivery', id: deliveryId, version: 1, payload });
      insertDelivery(
        tx,
        { ...payload, deidentify, deliveryId, lastInstanceRow: last },
        { hlc: tx.hlc, siteId: tx.siteId, at: tx.nowMs, author },
      );
      if (ruleId !== undefined) noteRule(tx, deliveryId, ruleId);
      byRule?.within(tx);
      tx.subject(
        { type: 'delivery', id: deliveryId },
        {
          ...{ nodeId, studyUid, instances },
          ...(reportId === null ? {} : { reportId }),
          ...(deidentify ? { deidentify } : {}),
          ...(ruleId === undefined ? {} : { ruleId }),
        },
      );
      tx.topic('deliveries');
    });
    queue.wake();
    return shown(get(deliveryId));
  }

  function retry(author: Author, deliveryId: string) {
    nodes.get(get(deliveryId).node_id);
    gate.write(author, 'exchange.retryDelivery', (tx) => {
      const row = findDelivery(tx, deliveryId);
      if (!row || row.state === 'proven') throw new Failure('exchange.deliveryEnded', 'every object of it is proven');
      // The rows of its instances follow with the next attempt, some hundreds at a time.
      tx.run(
        `UPDATE delivery SET state = CASE WHEN state = 'sending' THEN state WHEN instances > sent + proven THEN 'queued' ELSE 'sent' END,
           retakes = refused + failed > 0, next_attempt_at = ?, since = ?, failures = 0, commitments = 0, ended_at = NULL, version = version + 1
         WHERE delivery_id = ?`,
        tx.nowMs,
        tx.nowMs,
        deliveryId,
      );
      const payload: RetriedPayload = { kind: 'retried' };
      tx.statement({ type: 'delivery', id: deliveryId, version: row.version + 1, payload });
      tx.subject({ type: 'delivery', id: deliveryId }, { nodeId: row.node_id, studyUid: row.study_uid });
      tx.topic('deliveries');
    });
    queue.wake();
    return shown(get(deliveryId));
  }

  function cancel(author: Author, deliveryId: string) {
    get(deliveryId);
    gate.write(author, 'exchange.cancelDelivery', (tx) => {
      const row = findDelivery(tx, deliveryId);
      // What was refused or given up may be left too: else it would ask for a person for ever.
      if (!row || row.state === 'proven' || row.state === 'cancelled')
        throw new Failure('exchange.deliveryEnded', 'this delivery has ended');
      tx.run(
        "UPDATE delivery SET state = 'cancelled', next_attempt_at = NULL, ended_at = ?, version = version + 1 WHERE delivery_id = ?",
        tx.nowMs,
        deliveryId,
      );
      archiveEnd(tx, deliveryId, null);
      tx.topic('deliveries');
    });
    queue.stop(deliveryId);
    return shown(get(deliveryId));
  }

  return {
    send,
    list(question) {
      const { total, rows } = listDeliveries(reader, question);
      return { total, rows: rows.map(shown) };
    },
    get(question) {
      const row = get(question.deliveryId);
      return { ...shown(row), keptBack: countKeptBack(reader, row), rows: listInstances(reader, question) };
    },
    retry,
    cancel,
    start: () => queue.start(),
    async close() {
      stopHearing();
      await queue.close();
      await pool.close();
    },
  };
}
