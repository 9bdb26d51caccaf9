import { isConnectionTrouble, nodeTroubles } from '../../../../app/domains/exchange/deliveryRules.ts';
import { systemAuthor } from '../../../database/openWriteGate.ts';
import type { KnownNode } from '../exchangeParts.ts';
import { forPersonSql } from './deliveryRows.ts';
import { type DeliveryRun, logFault, type RunParts, runDelivery } from './deliveryRun.ts';
import { type NodeGates, openNodeGates } from './nodeGates.ts';
import { archiveEnd } from './settleDelivery.ts';
import { openTidying } from './tidyDeliveries.ts';

export interface QueueParts extends RunParts {
  minuteOfDay(nowMs: number): number;
  /** Longest wait before the queues are looked at again: a machine may sleep, and its clock may be set. */
  readonly lookMs: number;
  /** Nodes that are sent to at once. */
  readonly nodesAtOnce: number;
}

export interface DeliveryQueue {
  start(): void;
  /** Something became due. */
  wake(): void;
  /** Breaks off what runs of a delivery. */
  stop(deliveryId: string): void;
  /** Resolves once nothing runs of a delivery, at once when nothing does. */
  ended(deliveryId: string): Promise<void>;
  /** Before then the node is not called, epoch ms; null when nothing keeps it. */
  opensAt(known: KnownNode): number | null;
  nodeChanged(nodeId: string): void;
  close(): Promise<void>;
}

const shortestLookMs = 1;
/** How long a node is left alone when what it answered could not be written here. */
const unwrittenMs = 60_000;
/** Deliveries that one turn of the loop ends, or takes up: whoever waits for the window goes first. */
const cancelledAtOnce = 5;
const takenUpAtOnce = 200;

/** For each node the earliest time; from node to node by the index, however many deliveries wait. */
const waitingSql = `WITH RECURSIVE n (node_id) AS (
    SELECT (SELECT min(node_id) FROM delivery INDEXED BY delivery_due WHERE next_attempt_at IS NOT NULL)
    UNION ALL SELECT (SELECT min(d.node_id) FROM delivery d INDEXED BY delivery_due
      WHERE d.next_attempt_at IS NOT NULL AND d.node_id > n.node_id) FROM n WHERE n.node_id IS NOT NULL)
  SELECT node_id, (SELECT min(d.next_attempt_at) FROM delivery d INDEXED BY delivery_due
    WHERE d.node_id = n.node_id AND d.next_attempt_at IS NOT NULL) AS at FROM n WHERE node_id IS NOT NULL`;

/**
 * The queues: one attempt at a time for each node, what is due the longest first, several nodes side by side. A delivery that
 * waits for its next attempt holds up none behind it; a node that does not answer holds up its own queue alone.
 */
export function openDeliveryQueue(parts: QueueParts): DeliveryQueue {
  const { store, nodes, lookMs, nodesAtOnce } = parts;
  const { reader, gate } = store;
  const nowMs = () => store.platform.clock.nowMs();
  const gates: NodeGates = openNodeGates({ nowMs, random: parts.random, minuteOfDay: parts.minuteOfDay });
  const running = new Map<string, DeliveryRun>();
  let timer: NodeJS.Timeout | null = null;
  let started = false;
  let closed = false;
  let tookUp = false;
  /** Nodes that were saved or put away, and whose deliveries are still to be looked at. */
  const changed = new Set<string>();
  const tidying = openTidying(store);

  function plan(delayMs: number): void {
    if (closed || !started) return;
    if (timer !== null) clearTimeout(timer);
    timer = setTimeout(lookSafely, Math.max(shortestLookMs, Math.min(delayMs, lookMs))).unref();
  }

  function lookSafely(): void {
    timer = null;
    try {
      plan(look());
    } catch (error) {
      logFault(store, 'the queues could not be looked at', error);
      plan(lookMs);
    }
  }

  /** Starts what is due. Returns how long until something else may be, ms. */
  function look(): number {
    if (closed || !started) return lookMs;
    takeUpInterrupted();
    const now = nowMs();
    let soonest = now + lookMs;
    if (lookAtChanged()) soonest = now;
    const waiting = reader.all<{ node_id: string; at: number }>(waitingSql);
    for (const { node_id: nodeId, at } of waiting) {
      if (running.has(nodeId)) continue;
      if (at > now) {
        soonest = Math.min(soonest, at);
        continue;
      }
      const known = nodes.find(nodeId);
      if (!known || isArchived(nodeId)) {
        cancelSome(nodeId);
        soonest = now;
        continue;
      }
      const gateAnswer = gates.ask(nodeId, known.node.use);
      if ('opensAt' in gateAnswer) {
        soonest = Math.min(soonest, gateAnswer.opensAt);
        continue;
      }
      if (running.size >= nodesAtOnce) break;
      const due = reader.get<{ delivery_id: string }>(
        `SELECT delivery_id FROM delivery WHERE node_id = ? AND next_attempt_at <= ?
         ORDER BY next_attempt_at, created_at, delivery_id LIMIT 1`,
        nodeId,
        now,
      );
      if (due) begin(known, due.delivery_id, gateAnswer.answer === 'trial');
    }
    if (tidying.tidySome()) soonest = now;
    return soonest - now;
  }

  /** True when there is more to be done. */
  function lookAtChanged(): boolean {
    for (const nodeId of changed) {
      const isMore = isArchived(nodeId) ? cancelSome(nodeId) : takeUpPaused(nodeId);
      if (!isMore) changed.delete(nodeId);
    }
    return changed.size > 0;
  }

  function isArchived(nodeId: string): boolean {
    return !nodes.list().some((node) => node.nodeId === nodeId);
  }

  function begin(known: KnownNode, deliveryId: string, trial: boolean): void {
    const { nodeId, use } = known.node;
    const run = runDelivery(parts, deliveryId, known, trial);
    running.set(nodeId, run);
    const closesIn = gates.closesInMs(use);
    const closing = closesIn === null ? null : setTimeout(() => run.stop(), Math.min(closesIn, 2 ** 31 - 1)).unref();
    void run.ended.then(({ reached, trouble, isUnwritten }) => {
      if (closing !== null) clearTimeout(closing);
      running.delete(nodeId);
      if (isUnwritten) gates.pause(nodeId, unwrittenMs);
      if (reached) gates.reached(nodeId);
      else if (trouble !== null && isConnectionTrouble(trouble.code)) gates.failed(nodeId);
      plan(0);
    });
  }

  /** A node that was put away is sent nothing any more, which is a person's decision. True when there are more. */
  function cancelSome(nodeId: string): boolean {
    running.get(nodeId)?.stop();
    const rows = reader.all<{ delivery_id: string }>(
      `SELECT delivery_id FROM delivery INDEXED BY delivery_open
       WHERE node_id = ? AND ended_at IS NULL AND state IN ('queued', 'sending', 'sent') LIMIT ?`,
      nodeId,
      cancelledAtOnce,
    );
    for (const { delivery_id: deliveryId } of rows) {
      gate.write(systemAuthor, 'exchange.deliver', (tx) => {
        tx.run(
          `UPDATE delivery SET state = 'cancelled', next_attempt_at = NULL, ended_at = ?, trouble_code = 'exchange.nodeUnknown',
             trouble_details = '{}', trouble_at = ?, version = version + 1 WHERE delivery_id = ?`,
          tx.nowMs,
          tx.nowMs,
          deliveryId,
        );
        archiveEnd(tx, deliveryId, { code: 'exchange.nodeUnknown', details: {} });
        tx.topic('deliveries');
      });
    }
    return rows.length === cancelledAtOnce;
  }

  /** What waited for a person to change the node goes on with what was changed. True when there are more. */
  function takeUpPaused(nodeId: string): boolean {
    const rows = reader.all<{ delivery_id: string }>(
      `SELECT delivery_id FROM delivery INDEXED BY delivery_for_person
       WHERE ${forPersonSql} AND node_id = ? AND state IN ('queued', 'sent')
         AND trouble_code IN (SELECT value FROM json_each(?)) LIMIT ?`,
      nodeId,
      JSON.stringify(nodeTroubles),
      takenUpAtOnce,
    );
    if (rows.length === 0) return false;
    gate.append(systemAuthor, (tx) => {
      for (const { delivery_id: deliveryId } of rows) {
        tx.run('UPDATE delivery SET next_attempt_at = ?, failures = 0 WHERE delivery_id = ?', tx.nowMs, deliveryId);
      }
      tx.topic('deliveries');
    });
    return rows.length === takenUpAtOnce;
  }

  /**
   * What a core that was killed had under way is due again, before anything else; what was not answered is sent once
   * more. Nothing is sent before that could be written.
   */
  function takeUpInterrupted(): void {
    if (tookUp) return;
    if (reader.get("SELECT 1 FROM delivery WHERE state = 'sending' LIMIT 1")) {
      gate.append(systemAuthor, (tx) => {
        tx.run(
          `UPDATE delivery SET state = CASE WHEN retakes = 1 OR instances > sent + proven + refused + failed THEN 'queued' ELSE 'sent' END,
             next_attempt_at = min(coalesce(next_attempt_at, ?), ?) WHERE state = 'sending'`,
          tx.nowMs,
          tx.nowMs,
        );
        tx.topic('deliveries');
      });
    }
    tookUp = true;
  }

  return {
    start() {
      if (started || closed) return;
      started = true;
      try {
        takeUpInterrupted();
      } catch (error) {
        // A full disk must not keep the store from opening: each look tries again.
        logFault(store, 'deliveries that were interrupted could not be taken up', error);
      }
      plan(0);
    },
    wake: () => plan(0),
    stop(deliveryId) {
      for (const run of running.values()) if (run.deliveryId === deliveryId) run.stop();
    },
    async ended(deliveryId) {
      await [...running.values()].find((run) => run.deliveryId === deliveryId)?.ended;
    },
    opensAt({ node }) {
      const answer = gates.ask(node.nodeId, node.use);
      return 'opensAt' in answer ? answer.opensAt : null;
    },
    nodeChanged(nodeId) {
      gates.forget(nodeId);
      if (!started || closed) return;
      changed.add(nodeId);
      try {
        lookAtChanged();
      } catch (error) {
        // What the person saved is saved; the next look tries again.
        logFault(store, 'the deliveries of a changed node could not be taken up', error);
      }
      plan(0);
    },
    async close() {
      closed = true;
      if (timer !== null) clearTimeout(timer);
      for (const run of running.values()) run.stop();
      await Promise.all([...running.values()].map(({ ended }) => ended));
    },
  };
}
