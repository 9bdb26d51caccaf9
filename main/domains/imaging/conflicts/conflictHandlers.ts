import type { conflictContract } from '../../../../app/domains/imaging/conflictContract.ts';
import type { HandlersOf } from '../../../core.ts';

export const conflictHandlers: HandlersOf<typeof conflictContract> = {
  listConflicts: (question, context) => context.services().imaging.conflicts.listConflicts(question),
  getConflict: ({ conflictId, studyUid }, context) =>
    context.services().imaging.conflicts.getConflict(conflictId, studyUid),
  compareConflict: ({ conflictId, studyUid, objectName }, context) =>
    context.services().imaging.conflicts.compareConflict(conflictId, studyUid, objectName, context.signal),
  settleConflict: (input, context) => context.services().imaging.conflicts.settleConflict(context.author(), input),
};
