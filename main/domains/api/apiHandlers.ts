import type { apiContract } from '../../../app/domains/api/apiContract.ts';
import type { HandlersOf } from '../../core.ts';

export const apiHandlers: HandlersOf<typeof apiContract> = {
  state: (_input, context) => context.services().api.state(),
  save: ({ settings, privateKey }, context) => context.services().api.save(context.author(), settings, privateKey),
  listTokens: (_input, context) => context.services().api.tokens.list(),
  createToken: (input, context) => context.services().api.tokens.create(context.author(), input),
  revokeToken: ({ tokenId }, context) => context.services().api.tokens.revoke(context.author(), tokenId),
  health: (_input, context) => context.services().api.health(),
  dicomStatus: (_input, context) => context.services().api.dicomStatus(),
  metrics: (_input, context) => context.services().api.metrics(),
};
