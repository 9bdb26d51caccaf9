import { useExchangeStore } from './exchangeStore.ts';
import { PrefetchRulesPart } from './PrefetchRulesPart.tsx';
import { RoutingRulesPart } from './RoutingRulesPart.tsx';
import './rules.css';

interface RulesPlaceProps {
  readonly onNodes: () => void;
  readonly onQueues: () => void;
}

/** What happens by itself, each as a sentence: what leaves, and what is brought here. */
export function RulesPlace({ onNodes, onQueues }: RulesPlaceProps) {
  const part = useExchangeStore((state) => state.rulePart);
  return part === 'routing' ? (
    <RoutingRulesPart onNodes={onNodes} onQueues={onQueues} />
  ) : (
    <PrefetchRulesPart onNodes={onNodes} />
  );
}
