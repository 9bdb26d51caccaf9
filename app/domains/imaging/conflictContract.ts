import * as z from 'zod';
import { op } from '../../shared/operation.ts';
import {
  comparisonSchema,
  conflictDecisionSchema,
  conflictLineSchema,
  conflictRefSchema,
  conflictSchema,
  conflictStateSchema,
} from './conflictSchema.ts';
import { uidSchema } from './imagingSchema.ts';

const objectNameSchema = z.string().regex(/^[0-9a-f]{16,128}$/);

/** What arrived in two versions, and studies that name two people: listed, laid side by side, settled by a person. Part of `imaging`. */
export const conflictContract = {
  /** Newest first. */
  listConflicts: op({ shape: 'query', permission: 'studies.read', reads: ['studies'], audit: false })
    .input(
      z.object({
        state: conflictStateSchema.nullable().default('open'),
        /** Only of this study. */
        studyUid: uidSchema.nullable().default(null),
        offset: z.number().int().min(0).default(0),
        limit: z.number().int().min(1).max(500).default(100),
      }),
    )
    .output(z.object({ total: z.number().int(), rows: z.array(conflictLineSchema) })),
  /** Both sides. Audited as opening the study. */
  getConflict: op({ shape: 'query', permission: 'studies.read', reads: ['studies', 'patients'], audit: true })
    .input(conflictRefSchema)
    .output(conflictSchema),
  /** Every data element and every pixel in which another content differs from the one that is shown. */
  compareConflict: op({ shape: 'query', permission: 'studies.read', reads: ['studies'], audit: false })
    .input(conflictRefSchema.extend({ objectName: objectNameSchema }))
    .output(comparisonSchema),
  /** A person's decision, with a reason. Refused when anything changed since `stand` was seen. */
  settleConflict: op({
    shape: 'command',
    permission: 'conflicts.settle',
    changes: ['studies', 'worklist', 'patients'],
    audit: true,
  })
    .input(
      conflictRefSchema.extend({
        stand: z.string().max(128),
        decision: conflictDecisionSchema,
        /** For 'take': which. */
        objectName: objectNameSchema.nullable().default(null),
        reason: z.string().trim().min(3).max(1000),
      }),
    )
    .output(conflictSchema),
};
