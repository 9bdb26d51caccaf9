import type { worklistContract } from '../../../app/domains/worklist/worklistContract.ts';
import type { HandlersOf } from '../../core.ts';

export const worklistHandlers: HandlersOf<typeof worklistContract> = {
  list: (input, context) => context.services().worklist.list(input),
  counts: (_input, context) => context.services().worklist.counts(context.author().operatorName),
  assign({ studyUid, operatorName }, context) {
    context.services().worklist.assign(context.author(), studyUid, operatorName);
    return null;
  },
};
