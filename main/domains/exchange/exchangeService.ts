import type { OpenStore } from '../../core.ts';
import type { Services } from '../../domainServices.ts';
import type { Deliveries, Finding, NodeRegistry, Receiver } from './exchangeParts.ts';
import { type ExchangeFigures, tallyOf } from './exchangeTally.ts';
import { openFinding } from './finding/finding.ts';
import { openNodeRegistry } from './nodes/nodeRegistry.ts';
import { openPrefetch, type Prefetch } from './prefetch/prefetch.ts';
import { openReceiver } from './receiving/receiver.ts';
import { openRouting, type Routing } from './routing/routing.ts';
import { openSchedule, type Schedule } from './schedule/schedule.ts';
import { openDeliveries } from './sending/deliveries.ts';

export type { ExchangeFigures } from './exchangeTally.ts';
export { checkTls, daysLeft, readCertificates } from './nodes/certificates.ts';

/** Talking to other systems: whom we know, what they send, what is sent to them, what they have. */
export interface ExchangeService {
  readonly nodes: NodeRegistry;
  readonly receiver: Receiver;
  readonly deliveries: Deliveries;
  readonly finding: Finding;
  /** The clinic's own entries of the modality worklist. */
  readonly schedule: Schedule;
  readonly routing: Routing;
  readonly prefetch: Prefetch;
  /** What was counted since the store was opened. */
  figures(): ExchangeFigures;
  /** Starts listening and sending, on a core with background work. Never throws: the states say what is wrong. */
  start(): Promise<void>;
  close(): Promise<void>;
}

export function openExchangeService(store: OpenStore, services: () => Services): ExchangeService {
  const nodes = openNodeRegistry(store);
  const receiver = openReceiver(store, services, nodes);
  const deliveries = openDeliveries(store, services, nodes, receiver);
  const finding = openFinding(store, services, nodes, receiver);
  const schedule = openSchedule(store);
  const routing = openRouting(store, services, nodes, deliveries);
  const prefetch = openPrefetch(store, services, nodes, finding, schedule);
  return {
    nodes,
    receiver,
    deliveries,
    finding,
    schedule,
    routing,
    prefetch,
    figures: () => tallyOf(store).read(),
    async start() {
      try {
        deliveries.start();
        routing.start();
        prefetch.start();
        await receiver.start();
      } catch (error) {
        // The store is open whatever becomes of the exchange: people read on.
        store.platform.log.error('the exchange could not be started', error);
      }
    },
    async close() {
      await Promise.all([routing.close(), prefetch.close()]);
      await Promise.all([receiver.close(), deliveries.close(), finding.close()]);
    },
  };
}
