import * as z from 'zod';
import { uidSchema } from '../imaging/imagingSchema.ts';
import { troubleSchema } from './exchangeSchema.ts';
import { studyMatchSchema } from './routingSchema.ts';

/** What makes a rule look for priors: a study arrives, or one is planned for the next hours on the own list. */
export const prefetchTriggers = ['arrival', 'planned'] as const;

/** Which earlier studies of the same patient are worth having here. */
export const wantedPriorsSchema = z.object({
  /** Only studies that share a modality with the new one. */
  sameModality: z.boolean(),
  /** Besides or instead: any of these; empty with `sameModality` false means every modality. */
  modalities: studyMatchSchema.shape.modalities,
  /** The newest so many for each new study, all nodes together. */
  atMost: z.number().int().min(1).max(20),
  /** Not older than so many years before the new study. */
  years: z.number().int().min(1).max(50),
});
export type WantedPriors = z.infer<typeof wantedPriorsSchema>;

const prefetchFieldsSchema = z.object({
  name: z.string().trim().min(1).max(64),
  enabled: z.boolean(),
  triggers: z.array(z.enum(prefetchTriggers)).min(1).max(prefetchTriggers.length),
  /** The new study, or the planned one: of that only its modality is known, and other conditions do not hold it back. */
  match: studyMatchSchema.pick({ modalities: true, bodyParts: true }),
  nodeIds: z.array(z.uuid()).min(1).max(16),
  priors: wantedPriorsSchema,
});
export const newPrefetchRuleSchema = prefetchFieldsSchema;
export type NewPrefetchRule = z.infer<typeof newPrefetchRuleSchema>;

export const prefetchRuleSchema = prefetchFieldsSchema.extend({
  ruleId: z.uuid(),
  version: z.number().int(),
  lastAt: z.number().nullable(),
  lastTrouble: troubleSchema.nullable(),
});
export type PrefetchRule = z.infer<typeof prefetchRuleSchema>;

/**
 * One look for priors. waiting → searching → fetching → done; `nothing`: no node has an earlier study that is not here;
 * `failed`: a node could not be asked or did not hand over what it has, or whose priors to look for is not certain, and
 * nothing more happens by itself. While it is tried again it is `waiting`, with its last trouble.
 */
export const prefetchStates = ['waiting', 'searching', 'fetching', 'done', 'nothing', 'failed'] as const;
export const prefetchRunSchema = z.object({
  prefetchId: z.uuid(),
  ruleId: z.uuid(),
  ruleName: z.string(),
  /** The new study; null for a planned one. */
  studyUid: uidSchema.nullable(),
  /** The planned entry; null for a study that is here. */
  entryId: z.uuid().nullable(),
  state: z.enum(prefetchStates),
  at: z.number(),
  /** Earlier studies that nodes have of this patient and that the rule wants: those it chose. */
  found: z.number().int(),
  /** Of these: here whole now. */
  fetched: z.number().int(),
  /** Answers that named the same number but another person: they are never fetched. */
  otherPerson: z.number().int(),
  /** The newest; its details name the node (`nodeId`) where it was one. */
  lastTrouble: troubleSchema.nullable(),
  /** When it is looked or fetched next; null once nothing more happens by itself. */
  nextAttemptAt: z.number().nullable(),
});
export type PrefetchRun = z.infer<typeof prefetchRunSchema>;
