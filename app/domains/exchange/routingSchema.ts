import * as z from 'zod';
import { uidSchema } from '../imaging/imagingSchema.ts';
import { troubleSchema } from './exchangeSchema.ts';

/** A code string: upper case, digits, space and underscore (PS3.5 6.2, VR CS). */
const codeSchema = z
  .string()
  .trim()
  .regex(/^[A-Z0-9 _]{1,16}$/);

/** An AE title in which * stands for any characters and ? for one. */
const aePatternSchema = z
  .string()
  .trim()
  .min(1)
  .max(16)
  .regex(/^[\x20-\x5b\x5d-\x7e]+$/);

/** How a study came here. */
export const arrivalSources = ['dimse', 'stow', 'watch', 'import', 'fetch'] as const;
export type ArrivalSource = (typeof arrivalSources)[number];

/** Which studies a rule means: all conditions hold; an empty list is no condition. */
export const studyMatchSchema = z.object({
  /** Any of the study's modalities. */
  modalities: z.array(codeSchema).max(32).default([]),
  /** Any of the study's body parts examined (0018,0015). */
  bodyParts: z.array(codeSchema).max(32).default([]),
  sources: z.array(z.enum(arrivalSources)).max(arrivalSources.length).default([]),
  /** Titles the sender called itself by. What came neither over DIMSE nor from a node has none and never matches. */
  callingAes: z.array(aePatternSchema).max(32).default([]),
});
export type StudyMatch = z.infer<typeof studyMatchSchema>;

export const routingTriggers = ['arrival', 'sign'] as const;
/** What goes: every image and object of the study, the objects of the signed report, or both. */
export const routingContents = ['study', 'report', 'studyAndReport'] as const;

const routingFieldsSchema = z.object({
  name: z.string().trim().min(1).max(64),
  enabled: z.boolean(),
  /** `arrival`: once a study has come whole, and again for what of it comes later. `sign`: once a report's objects exist. */
  trigger: z.enum(routingTriggers),
  match: studyMatchSchema,
  /** Where it goes. */
  nodeId: z.uuid(),
  content: z.enum(routingContents),
  /** Leaves this machine without the person: PS3.15 Annex E, basic profile, under other UIDs. */
  deidentify: z.boolean(),
});

/** A report names the patient on its page: nothing of it goes where the person must not be known. */
export const newRoutingRuleSchema = routingFieldsSchema
  .refine(({ trigger, content }) => trigger === 'sign' || content === 'study', { path: ['content'] })
  .refine(({ deidentify, content }) => !deidentify || content === 'study', { path: ['deidentify'] });
export type NewRoutingRule = z.infer<typeof newRoutingRuleSchema>;

export const routingRuleSchema = routingFieldsSchema.extend({
  ruleId: z.uuid(),
  version: z.number().int(),
  /** Deliveries it has asked for. */
  deliveries: z.number().int(),
  lastAt: z.number().nullable(),
  /** Why the last study that matched is not on its way; null when it is. */
  lastTrouble: troubleSchema.nullable(),
});
export type RoutingRule = z.infer<typeof routingRuleSchema>;

/** What a rule would have meant among the studies that are here: for who writes one. */
export const ruleTrialSchema = z.object({
  /** Of so many of the newest studies … */
  looked: z.number().int(),
  /** … so many match. */
  matched: z.number().int(),
  /** The newest that match. */
  studyUids: z.array(uidSchema).max(20),
});
