import { statfs } from 'node:fs/promises';
import type { DicomStatus, Health } from '../../../../app/domains/api/restSchema.ts';
import type { OpenStore } from '../../../core.ts';
import type { Services } from '../../../domainServices.ts';

export interface QueueDepth {
  readonly nodeId: string;
  readonly state: 'queued' | 'sending' | 'sent';
  readonly count: number;
  /** Epoch milliseconds of the one that was asked for first. */
  readonly oldestMs: number;
}

/** Deliveries under way, by node and state: the same condition, word for word, as of the index `delivery_open`. */
export function readQueues(store: OpenStore): Promise<QueueDepth[]> {
  return store.readLater<QueueDepth>(
    `SELECT node_id AS nodeId, state, count(*) AS count, min(created_at) AS oldestMs FROM delivery
     WHERE ended_at IS NULL AND state IN ('queued', 'sending', 'sent') GROUP BY node_id, state ORDER BY node_id, state`,
  );
}

/** Deliveries that nothing will happen to by itself, by node: as of the index `delivery_for_person`. */
export function readForPerson(store: OpenStore): Promise<{ nodeId: string; count: number }[]> {
  return store.readLater<{ nodeId: string; count: number }>(
    `SELECT node_id AS nodeId, count(*) AS count FROM delivery
     WHERE state IN ('refused', 'failed') OR (state IN ('queued', 'sent') AND next_attempt_at IS NULL) GROUP BY node_id`,
  );
}

export async function readFreeBytes({ platform }: OpenStore): Promise<number> {
  const { bavail, bsize } = await statfs(platform.home);
  return bavail * bsize;
}

/** Below this nothing can be written for long. */
const leastFreeBytes = 256 * 1024 ** 2;

/** Whether the archive does its work, in few words and without a name of anybody. */
export async function readHealth(store: OpenStore, services: Services, version: string): Promise<Health> {
  const receiver = services.exchange.receiver.state();
  const [freeBytes, forPerson] = await Promise.all([readFreeBytes(store), readForPerson(store)]);
  const problems = new Set<string>();
  if (receiver.failure !== null) problems.add(receiver.failure);
  if (freeBytes < leastFreeBytes) problems.add('storage.diskFull');
  for (const { failure } of receiver.folders) if (failure !== null) problems.add(failure);
  return {
    status: problems.size === 0 ? 'ok' : 'failing',
    version,
    problems: [...problems],
    receiver: receiver.state,
    freeBytes,
    deliveriesForPerson: forPerson.reduce((sum, { count }) => sum + count, 0),
  };
}

/** Other systems without their addresses and secrets. */
export async function readDicomStatus(store: OpenStore, services: Services): Promise<DicomStatus> {
  const { settings, state, failure, port, openAssociations } = services.exchange.receiver.state();
  const [queues, forPerson] = await Promise.all([readQueues(store), readForPerson(store)]);
  const waiting = new Map(forPerson.map(({ nodeId, count }) => [nodeId, count]));
  return {
    receiver: {
      state,
      failure,
      aeTitle: settings.aeTitle,
      port,
      tls: settings.tls.enabled,
      stow: settings.stow,
      openAssociations,
    },
    nodes: services.exchange.nodes.list().map(({ nodeId, name, settings: { kind }, use, lastTest }) => {
      const own = queues.filter((queue) => queue.nodeId === nodeId);
      const depth = (wanted: QueueDepth['state']) => own.find((queue) => queue.state === wanted)?.count ?? 0;
      const oldestMs = own.length === 0 ? null : Math.min(...own.map((queue) => queue.oldestMs));
      return {
        nodeId,
        name,
        kind,
        use: { send: use.send, search: use.search, receive: use.receive },
        lastTest: lastTest && {
          at: new Date(lastTest.at).toISOString(),
          ok: lastTest.steps.every(({ ok }) => ok),
        },
        queue: {
          queued: depth('queued'),
          sending: depth('sending'),
          sent: depth('sent'),
          forPerson: waiting.get(nodeId) ?? 0,
          oldestAt: oldestMs === null ? null : new Date(oldestMs).toISOString(),
        },
      };
    }),
  };
}
