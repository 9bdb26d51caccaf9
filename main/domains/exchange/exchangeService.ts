import type { OpenStore } from '../../core.ts';
import type { Services } from '../../domainServices.ts';
import type { Deliveries, Finding, NodeRegistry, Receiver } from './exchangeParts.ts';
import { openFinding } from './finding/finding.ts';
import { openNodeRegistry } from './nodes/nodeRegistry.ts';
import { openReceiver } from './receiving/receiver.ts';
import { openSchedule, type Schedule } from './schedule/schedule.ts';
import { openDeliveries } from './sending/deliveries.ts';

/** Talking to other systems: whom we know, what they send, what is sent to them, what they have. */
export interface ExchangeService {
  readonly nodes: NodeRegistry;
  readonly receiver: Receiver;
  readonly deliveries: Deliveries;
  readonly finding: Finding;
  /** The clinic's own entries of the modality worklist. */
  readonly schedule: Schedule;
  /** Starts listening and sending, on a core with background work. Never throws: the states say what is wrong. */
  start(): Promise<void>;
  close(): Promise<void>;
}

export function openExchangeService(store: OpenStore, services: () => Services): ExchangeService {
  const nodes = openNodeRegistry(store);
  const receiver = openReceiver(store, services, nodes);
  const deliveries = openDeliveries(store, services, nodes, receiver);
  const finding = openFinding(store, services, nodes, receiver);
  return {
    nodes,
    receiver,
    deliveries,
    finding,
    schedule: openSchedule(store),
    async start() {
      try {
        deliveries.start();
        await receiver.start();
      } catch (error) {
        // The store is open whatever becomes of the exchange: people read on.
        store.platform.log.error('the exchange could not be started', error);
      }
    },
    async close() {
      await Promise.all([receiver.close(), deliveries.close(), finding.close()]);
    },
  };
}
