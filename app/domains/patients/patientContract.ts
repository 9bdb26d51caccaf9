import * as z from 'zod';
import { op } from '../../shared/operation.ts';
import { linkCandidateSchema, patientSchema } from './patientSchema.ts';

export const patientContract = {
  get: op({ shape: 'query', permission: 'patients.read', reads: ['patients'], audit: true })
    .input(z.object({ patientId: z.uuid() }))
    .output(patientSchema),
  list: op({ shape: 'query', permission: 'patients.read', reads: ['patients'], audit: false })
    .input(
      z.object({
        text: z.string().max(200).default(''),
        offset: z.number().int().min(0).default(0),
        limit: z.number().int().min(1).max(500).default(100),
      }),
    )
    .output(z.object({ total: z.number().int(), rows: z.array(patientSchema) })),
  /** Records that may be, or were decided to be, the same person as this one; what differs, and what was decided. Open questions first. */
  listLinkCandidates: op({ shape: 'query', permission: 'patients.read', reads: ['patients'], audit: false })
    .input(z.object({ patientId: z.uuid() }))
    .output(z.array(linkCandidateSchema)),
  /** A person says two records are the same patient (or, with same=false, that they are not). Nothing is merged or rewritten. */
  decideLink: op({
    shape: 'command',
    permission: 'patients.link',
    changes: ['patients', 'worklist', 'studies'],
    audit: true,
  })
    .input(
      z.object({
        patientId: z.uuid(),
        otherPatientId: z.uuid(),
        same: z.boolean(),
        reason: z.string().trim().min(3).max(500),
      }),
    )
    .output(z.null()),
};
