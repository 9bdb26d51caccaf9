import type { patientContract } from '../../../app/domains/patients/patientContract.ts';
import type { HandlersOf } from '../../core.ts';

export const patientHandlers: HandlersOf<typeof patientContract> = {
  get: ({ patientId }, context) => context.services().patients.getPatient(patientId),
  list: (input, context) => context.services().patients.list(input),
  listLinkCandidates: ({ patientId }, context) => context.services().patients.listLinkCandidates(patientId),
  decideLink(input, context) {
    context.services().patients.decideLink(context.author(), input);
    return null;
  },
};
