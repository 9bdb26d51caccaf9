import type { reportContract } from '../../../app/domains/reports/reportContract.ts';
import type { HandlersOf } from '../../core.ts';

export const reportHandlers: HandlersOf<typeof reportContract> = {
  listTemplates: ({ studyUid }, context) => context.services().reports.listTemplates(studyUid),
  list: (input, context) => context.services().reports.list(input),
  get: ({ reportId }, context) => context.services().reports.get(reportId),
  openDraft: (input, context) => context.services().reports.openDraft(context.author(), input),
  saveDraft: (input, context) => context.services().reports.saveDraft(context.author(), input),
  check: ({ reportId }, context) => context.services().reports.check(reportId),
  preview: ({ reportId }, context) => context.services().reports.preview(context.author(), reportId),
  sign: (input, context) => context.services().reports.sign(context.author(), input),
  startAddendum: ({ reportId }, context) => context.services().reports.startAddendum(context.author(), reportId),
  archiveDraft: ({ reportId, reason }, context) => {
    context.services().reports.archiveDraft(context.author(), reportId, reason);
    return null;
  },
};
