import type { ruleContract } from '../../../app/domains/exchange/ruleContract.ts';
import type { HandlersOf } from '../../core.ts';

/** What happens by itself: routing and prefetching. */
export const ruleHandlers: HandlersOf<typeof ruleContract> = {
  listRoutingRules: (_input, context) => context.services().exchange.routing.list(),
  saveRoutingRule: (input, context) => context.services().exchange.routing.save(context.author(), input),
  archiveRoutingRule: ({ ruleId }, context) => {
    context.services().exchange.routing.archive(context.author(), ruleId);
    return null;
  },
  tryRoutingMatch: ({ match }, context) => context.services().exchange.routing.tryMatch(match),
  listPrefetchRules: (_input, context) => context.services().exchange.prefetch.list(),
  savePrefetchRule: (input, context) => context.services().exchange.prefetch.save(context.author(), input),
  archivePrefetchRule: ({ ruleId }, context) => {
    context.services().exchange.prefetch.archive(context.author(), ruleId);
    return null;
  },
  listPrefetches: (input, context) => context.services().exchange.prefetch.runs(input),
};
