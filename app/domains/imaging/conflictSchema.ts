import * as z from 'zod';
import { uidSchema } from './imagingSchema.ts';

/** 'instance': one SOP Instance UID, several contents. 'identity': one study, several people. */
export const conflictKindSchema = z.enum(['instance', 'identity']);
export const conflictStateSchema = z.enum(['open', 'settled']);

export const conflictDecisionSchema = z.enum([
  /** The content that is shown stays; the others stay in the archive. */
  'keep',
  /** Another content becomes the instance; the one before stays in the archive. */
  'take',
  /** Two spellings of one person: the study may be read. */
  'onePerson',
  /** Who contradicts the study's patient is set aside: archived, no part of the study. */
  'keepApart',
  /** A decision is taken back: the conflict waits again. */
  'reopen',
]);
export type ConflictDecision = z.infer<typeof conflictDecisionSchema>;

/** What identifies a conflict, with the study it is about. */
export const conflictRefSchema = z.object({
  conflictId: z.string().regex(/^(instance|study):[0-9.]{1,64}$/),
  studyUid: uidSchema,
});

export const conflictLineSchema = conflictRefSchema.extend({
  kind: conflictKindSchema,
  state: conflictStateSchema,
  /** Null for a conflict of identities. */
  sopUid: uidSchema.nullable(),
  /** When the newest of what contradicts came, epoch ms. */
  newestAt: z.number(),
  /** How many contents, or how many identities. */
  sides: z.number().int(),
  /** Another one whenever what is known of it changes otherwise: by a decision, or by more objects of the same people. */
  mark: z.string(),
  /** Whose study it is here. */
  displayName: z.string(),
  identifier: z.string(),
  studyDate: z.string(),
  studyDescription: z.string(),
  modalities: z.array(z.string()),
});
export type ConflictLine = z.infer<typeof conflictLineSchema>;

export const settlementSchema = z.object({
  version: z.number().int(),
  decision: conflictDecisionSchema,
  reason: z.string(),
  author: z.string(),
  /** Epoch ms. */
  at: z.number(),
});
export type Settlement = z.infer<typeof settlementSchema>;

/** One content of an instance. */
export const conflictVersionSchema = z.object({
  /** Its name in the archive. */
  objectName: z.string(),
  /** True for the one that is shown in the study. */
  isShown: z.boolean(),
  receivedAt: z.number(),
  /** An import, a node or an AE title; '' where that was not noted yet. */
  source: z.string(),
  author: z.string(),
  bytes: z.number().int(),
  transferSyntaxUid: z.string(),
  frames: z.number().int(),
  isImage: z.boolean(),
  /** Who its header names. */
  name: z.string(),
  identifier: z.string(),
  birthDate: z.string(),
  /** To be shown with side by side, in modality units; null: the picture's own. */
  window: z.object({ centre: z.number(), width: z.number() }).nullable(),
  /** Why it cannot take the place of the one shown: a failure's code; null when it may. */
  refusal: z.string().nullable(),
  /** False where a picture would be one of another person, or of a study that may not be drawn. */
  mayShow: z.boolean(),
});
export type ConflictVersion = z.infer<typeof conflictVersionSchema>;

/** One person whom instances of a study name. */
export const conflictIdentitySchema = z.object({
  identifier: z.string(),
  issuer: z.string(),
  name: z.string(),
  birthDate: z.string(),
  /** The record such an identity stands for; null when none was made. */
  patientId: z.uuid().nullable(),
  /** 'study': the study's patient. 'agrees': contradicts nothing of it. 'other': somebody else. 'unclear': agrees with both. */
  stands: z.enum(['study', 'agrees', 'other', 'unclear']),
  /** What differs from the study's patient. */
  differs: z.array(z.enum(['identifier', 'issuer', 'birthDate', 'name'])),
  instances: z.number().int(),
  aside: z.number().int(),
  series: z.number().int(),
  source: z.string(),
  /** Epoch ms; 0 where that was not noted yet. */
  firstAt: z.number(),
});
export type ConflictIdentity = z.infer<typeof conflictIdentitySchema>;

export const conflictSchema = conflictLineSchema.extend({
  /** Stands for everything shown here; a decision names it, and is refused when something changed since. */
  stand: z.string(),
  settlements: z.array(settlementSchema),
  versions: z.array(conflictVersionSchema),
  identities: z.array(conflictIdentitySchema),
  /** What may be decided now: null where it may, else the code of the reason why not. Not offered: not named. */
  decisions: z.partialRecord(conflictDecisionSchema, z.string().nullable()),
});
export type Conflict = z.infer<typeof conflictSchema>;

export const elementDifferenceSchema = z.object({
  /** Tags from the outside in, items counted from 1: '00081140[1].00081155'. */
  path: z.string(),
  /** The keyword of the innermost tag (PS3.6), or '' for a private one. */
  keyword: z.string(),
  vr: z.string(),
  /** Values as text, cut when long; null: not there. */
  shown: z.string().nullable(),
  other: z.string().nullable(),
});
export type ElementDifference = z.infer<typeof elementDifferenceSchema>;

export const comparisonSchema = z.object({
  differences: z.array(elementDifferenceSchema),
  /** How many there are; the list ends after some hundreds. */
  total: z.number().int(),
  pixels: z.object({
    /** 'equal': bit by bit, or decoded; 'shape': other dimensions; 'unknown': one cannot be decoded; 'none': no pixels. */
    state: z.enum(['equal', 'different', 'shape', 'unknown', 'none']),
    framesCompared: z.number().int(),
    frames: z.number().int(),
    differing: z.number().int(),
    compared: z.number().int(),
    /** In stored values. */
    greatest: z.number(),
  }),
});
export type Comparison = z.infer<typeof comparisonSchema>;
