import * as z from 'zod';
import { op } from '../../shared/operation.ts';
import { uidSchema } from '../imaging/imagingSchema.ts';
import { worklistFilterSchema, worklistRowSchema, worklistSortSchema } from './worklistSchema.ts';

export const worklistContract = {
  /** One page of the list. Nothing is ever hidden but by a filter the person set. */
  list: op({ shape: 'query', permission: 'studies.read', reads: ['worklist'], audit: false })
    .input(
      z.object({
        filter: worklistFilterSchema,
        sort: worklistSortSchema,
        offset: z.number().int().min(0).default(0),
        limit: z.number().int().min(1).max(500).default(100),
      }),
    )
    .output(z.object({ total: z.number().int(), rows: z.array(worklistRowSchema) })),
  /** How many studies each chip would show. */
  counts: op({ shape: 'query', permission: 'studies.read', reads: ['worklist'], audit: false }).output(
    z.object({
      all: z.number().int(),
      unread: z.number().int(),
      drafts: z.number().int(),
      signed: z.number().int(),
      mine: z.number().int(),
      conflicts: z.number().int(),
      modalities: z.array(z.object({ modality: z.string(), count: z.number().int() })),
    }),
  ),
  assign: op({ shape: 'command', permission: 'worklist.assign', changes: ['worklist'], audit: true })
    .input(z.object({ studyUid: uidSchema, operatorName: z.string().max(64).nullable() }))
    .output(z.null()),
};
