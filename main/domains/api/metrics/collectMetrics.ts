import type { OpenStore } from '../../../core.ts';
import { inReadLane } from '../../../database/readLane.ts';
import type { Services } from '../../../domainServices.ts';
import type { ExchangeFigures } from '../../exchange/exchangeService.ts';
import type { RestFigures } from '../rest/restApi.ts';
import { type QueueDepth, readForPerson, readFreeBytes, readQueues } from './archiveStatus.ts';
import { MetricsText } from './metricsText.ts';

/** The size of the archive is summed over all studies: not more often than this. */
const sizeEveryMs = 60_000;
const queueStates = ['queued', 'sending', 'sent'] as const;

interface StoreSize {
  readonly studies: number;
  readonly instances: number;
  readonly bytes: number;
}

/** Figures for Prometheus. Labels are nodes, codes and states: nothing of a patient, and never more than a few hundred. */
export function openMetrics(
  store: OpenStore,
  services: () => Services,
  version: string,
  rest: RestFigures,
): () => Promise<string> {
  let size: { readonly atMs: number; readonly read: Promise<StoreSize> } | null = null;

  function readSize(): Promise<StoreSize> {
    if (size === null || performance.now() - size.atMs >= sizeEveryMs) {
      // For everybody who asks meanwhile: it does not end with whoever came first.
      const read = inReadLane(null, () =>
        store.readLater<StoreSize>(
          'SELECT count(*) AS studies, coalesce(sum(instance_count), 0) AS instances, coalesce(sum(bytes), 0) AS bytes FROM study',
        ),
      ).then(([row]) => row ?? { studies: 0, instances: 0, bytes: 0 });
      size = { atMs: performance.now(), read };
      read.catch(() => {
        size = null;
      });
    }
    return size.read;
  }

  return async () => {
    const { exchange } = services();
    const [queues, forPerson, freeBytes, held] = await Promise.all([
      readQueues(store),
      readForPerson(store),
      readFreeBytes(store),
      readSize(),
    ]);
    const text = new MetricsText();
    const names = new Map(exchange.nodes.list().map(({ nodeId, name }) => [nodeId, name]));
    // One that is out of use may still have deliveries behind it.
    const labelsOf = (nodeId: string) => ({
      node_id: nodeId,
      node: names.get(nodeId) ?? exchange.nodes.find(nodeId)?.node.name ?? '',
    });
    const receiver = exchange.receiver.state();
    text.family('salus_build_info', 'gauge', 'Version of the program.', [[{ version }, 1]]);
    text.single(
      'salus_receiver_up',
      'gauge',
      'Whether the DICOM receiver listens.',
      receiver.state === 'listening' ? 1 : 0,
    );
    text.single('salus_associations_open', 'gauge', 'Associations open now.', receiver.openAssociations);
    writeExchange(text, exchange.figures(), labelsOf);
    writeQueues(text, queues, [...names.keys()], labelsOf, store.platform.clock.nowMs());
    text.family(
      'salus_deliveries_for_person',
      'gauge',
      'Deliveries that wait for a person: refused, given up or held.',
      forPerson.map(({ nodeId, count }) => [labelsOf(nodeId), count] as const),
    );
    text.family(
      'salus_rest_requests_total',
      'counter',
      'Requests of other programs by route and status.',
      pairs(rest.requests.map, ['route', 'status']),
    );
    text.histogram('salus_rest_request_duration_seconds', 'How long such requests took.', rest.seconds);
    writeMachine(text, held, freeBytes);
    return text.toString();
  };
}

function writeExchange(
  text: MetricsText,
  figures: ExchangeFigures,
  labelsOf: (nodeId: string) => Record<string, string>,
): void {
  const perNode = (counts: ReadonlyMap<string, number>, second?: string) =>
    [...counts].map(([key, value]) => {
      const [nodeId = '', other = ''] = key.split('\t');
      return [{ ...labelsOf(nodeId), ...(second ? { [second]: other } : {}) }, value] as const;
    });
  const { received } = figures;
  const { associationsByChannelAndEnding: ended, refusedByReason: refused } = figures;
  text.family(
    'salus_associations_total',
    'counter',
    'Associations, STOW-RS requests and looks at watched folders, by how they ended.',
    pairs(ended, ['channel', 'ending']),
  );
  text.single('salus_received_objects_total', 'counter', 'Objects received.', received.objects);
  text.single('salus_received_bytes_total', 'counter', 'Bytes received.', received.bytes);
  text.single('salus_received_duplicates_total', 'counter', 'Received objects that were here.', received.duplicates);
  text.single(
    'salus_received_conflicts_total',
    'counter',
    'Received objects that were here with other bytes, and kept aside.',
    received.conflicts,
  );
  text.family('salus_refused_objects_total', 'counter', 'Objects refused, by reason.', pairs(refused, ['reason']));
  text.histogram('salus_association_duration_seconds', 'How long associations took.', figures.associationSeconds);
  text.family(
    'salus_delivery_attempts_total',
    'counter',
    'Attempts at sending, by node.',
    perNode(figures.attemptsByNode),
  );
  text.family(
    'salus_delivery_failures_total',
    'counter',
    'Attempts at sending that ended in trouble, by node and reason.',
    perNode(figures.failuresByNodeAndCode, 'reason'),
  );
  text.family(
    'salus_deliveries_ended_total',
    'counter',
    'Deliveries that came to their end, by node and state.',
    perNode(figures.endedByNodeAndState, 'state'),
  );
  text.histogram(
    'salus_delivery_attempt_duration_seconds',
    'How long attempts at sending took.',
    figures.attemptSeconds,
  );
  text.histogram(
    'salus_delivery_duration_seconds',
    'From the wish to send to the end of the delivery.',
    figures.deliverySeconds,
  );
}

function writeQueues(
  text: MetricsText,
  queues: readonly QueueDepth[],
  nodeIds: readonly string[],
  labelsOf: (nodeId: string) => Record<string, string>,
  nowMs: number,
): void {
  const all = [...new Set([...nodeIds, ...queues.map(({ nodeId }) => nodeId)])];
  const own = (nodeId: string) => queues.filter((queue) => queue.nodeId === nodeId);
  text.family(
    'salus_delivery_queue_depth',
    'gauge',
    'Deliveries under way, by node and state; sent is not yet proven.',
    all.flatMap((nodeId) =>
      queueStates.map(
        (state) =>
          [{ ...labelsOf(nodeId), state }, own(nodeId).find((queue) => queue.state === state)?.count ?? 0] as const,
      ),
    ),
  );
  text.family(
    'salus_delivery_oldest_age_seconds',
    'gauge',
    'Age of the oldest delivery under way; 0 without one.',
    all.map((nodeId) => {
      const oldestMs = Math.min(nowMs, ...own(nodeId).map((queue) => queue.oldestMs));
      return [labelsOf(nodeId), (nowMs - oldestMs) / 1000] as const;
    }),
  );
}

function writeMachine(text: MetricsText, held: StoreSize, freeBytes: number): void {
  const { rss, heapUsed } = process.memoryUsage();
  const { user, system } = process.cpuUsage();
  text.single('salus_store_studies', 'gauge', 'Studies in the archive.', held.studies);
  text.single('salus_store_instances', 'gauge', 'Instances in the archive.', held.instances);
  text.single('salus_store_bytes', 'gauge', 'Bytes of the instances in the archive.', held.bytes);
  text.single('salus_disk_free_bytes', 'gauge', 'Free room where the archive lies.', freeBytes);
  text.single('process_resident_memory_bytes', 'gauge', 'Memory of the process.', rss);
  text.single('nodejs_heap_size_used_bytes', 'gauge', 'Heap of the main thread in use.', heapUsed);
  text.single('process_cpu_seconds_total', 'counter', 'Processor time of the process.', (user + system) / 1e6);
  text.single(
    'process_start_time_seconds',
    'gauge',
    'When the process started, epoch seconds.',
    Math.round(performance.timeOrigin) / 1000,
  );
}

function pairs(
  counts: ReadonlyMap<string, number>,
  names: readonly string[],
): (readonly [Record<string, string>, number])[] {
  return [...counts].map(([key, value]) => {
    const parts = key.split('\t');
    return [Object.fromEntries(names.map((name, at) => [name, parts[at] ?? ''])), value] as const;
  });
}
