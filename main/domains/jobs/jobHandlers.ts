import type { jobContract } from '../../../app/domains/jobs/jobContract.ts';
import type { Permission } from '../../../app/domains/security/securityRules.ts';
import { Failure } from '../../../app/shared/failure.ts';
import type { HandlersOf } from '../../core.ts';

export const jobHandlers: HandlersOf<typeof jobContract> = {
  list: (_input, context) => context.store().jobs.list(),
  get: ({ jobId }, context) => context.store().jobs.get(jobId),
  watch({ jobId }, context) {
    // Thrown here, before the first pull, for a job that is not there.
    context.store().jobs.get(jobId);
    return context.store().jobs.watch(jobId, context.signal);
  },
  /** One's own job, or any job of a kind one may start. */
  cancel({ jobId }, context) {
    const author = context.author();
    const { operatorId, permission } = context.store().jobs.ownerOf(jobId);
    if (operatorId !== author.operatorId && !context.can(permission as Permission)) {
      throw new Failure('security.notAllowed', 'this job belongs to another operator');
    }
    context.store().jobs.cancel(jobId, author);
    return null;
  },
};
