import { create } from 'zustand';
import type { DeliveryState } from '../../../app/domains/exchange/exchangeSchema.ts';
import { onLock } from '../../api/lockRegistry.ts';

/** The places of the screen. */
export type ExchangePlace = 'queues' | 'search' | 'nodes' | 'receiving' | 'schedule' | 'rules' | 'conflicts';

/** What happens by itself: what leaves, and what is brought here. */
export type RulePart = 'routing' | 'prefetch';

/** Deliveries by what a person has to do about them; `attention` is asked for by itself, for it is no one state. */
export type QueueChip = 'all' | 'waiting' | 'unproven' | 'attention' | 'proven' | 'cancelled';

const statesOfChip: Readonly<Record<QueueChip, readonly DeliveryState[]>> = {
  all: [],
  waiting: ['queued', 'sending'],
  unproven: ['sent'],
  attention: [],
  proven: ['proven'],
  cancelled: ['cancelled'],
};

/** What a chip asks the host for. */
export function questionOfChip(chip: QueueChip): { states: DeliveryState[]; needsPerson: boolean } {
  return { states: [...statesOfChip[chip]], needsPerson: chip === 'attention' };
}

interface ExchangeView {
  readonly chip: QueueChip;
  readonly queueNodeId: string | null;
  readonly deliveryId: string | null;
  readonly nodeId: string | null;
  readonly associationId: string | null;
  readonly rulePart: RulePart;
  readonly ruleId: string | null;
  readonly prefetchId: string | null;
  setChip(chip: QueueChip): void;
  setQueueNodeId(nodeId: string | null): void;
  chooseDelivery(deliveryId: string | null): void;
  chooseNode(nodeId: string | null): void;
  chooseAssociation(associationId: string | null): void;
  setRulePart(part: RulePart): void;
  chooseRule(ruleId: string | null): void;
  choosePrefetch(prefetchId: string | null): void;
}

const initial = {
  chip: 'all' as QueueChip,
  queueNodeId: null,
  deliveryId: null,
  nodeId: null,
  associationId: null,
  rulePart: 'routing' as RulePart,
  ruleId: null,
  prefetchId: null,
};

/** Where the hands are in the exchange; kept while other screens are open, gone with a lock. */
export const useExchangeStore = create<ExchangeView>()((set) => ({
  ...initial,
  // Another question has no row chosen: Retry must never be for a delivery that the list no longer shows.
  setChip: (chip) => set({ chip, deliveryId: null }),
  setQueueNodeId: (queueNodeId) => set({ queueNodeId, deliveryId: null }),
  chooseDelivery: (deliveryId) => set({ deliveryId }),
  chooseNode: (nodeId) => set({ nodeId }),
  chooseAssociation: (associationId) => set({ associationId }),
  setRulePart: (rulePart) => set({ rulePart, ruleId: null, prefetchId: null }),
  // A rule or one of its looks: the panel beside the list shows one of them.
  chooseRule: (ruleId) => set({ ruleId, prefetchId: null }),
  choosePrefetch: (prefetchId) => set({ prefetchId, ruleId: null }),
}));

onLock(() => useExchangeStore.setState(initial));
