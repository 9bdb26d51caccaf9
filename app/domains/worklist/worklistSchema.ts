import * as z from 'zod';
import { uidSchema } from '../imaging/imagingSchema.ts';

export const reportStates = ['none', 'draft', 'signed', 'addendum'] as const;
export const reportStateSchema = z.enum(reportStates);
export type ReportState = (typeof reportStates)[number];

export const worklistRowSchema = z.object({
  studyUid: uidSchema,
  patientId: z.uuid(),
  displayName: z.string(),
  /** In an identity conflict, whom else the instances name: the study is found under every one of these names too. */
  otherNames: z.array(z.string()),
  identifier: z.string(),
  sex: z.enum(['F', 'M', 'O', '']),
  birthDate: z.string(),
  /** Age in years on the study date, or null when either date is missing. */
  ageYears: z.number().int().nullable(),
  modalities: z.array(z.string()),
  description: z.string(),
  studyDate: z.string(),
  studyTime: z.string(),
  accessionNumber: z.string(),
  referringPhysician: z.string(),
  seriesCount: z.number().int(),
  instanceCount: z.number().int(),
  frameCount: z.number().int(),
  receivedAt: z.number(),
  reportState: reportStateSchema,
  signedAt: z.number().nullable(),
  /** Instances that arrived after the report was signed: 'new images unread'. */
  unreadInstances: z.number().int(),
  assignedTo: z.string().nullable(),
  source: z.string(),
  identityConflict: z.boolean(),
  conflictCount: z.number().int(),
  /** True while an import is bringing the study in, or was cut off or cancelled while it did: instances may be missing. */
  arriving: z.boolean().optional(),
  /** A rule brought it to compare with: it is not unread work, whoever may read it. */
  prior: z.boolean().optional(),
  needsLinkDecision: z.boolean(),
});
export type WorklistRow = z.infer<typeof worklistRowSchema>;

export const worklistFilterSchema = z.object({
  /** Words in any order, accent- and case-insensitive; each must match a name, an identifier, an accession number or a description, from any position in identifiers. */
  text: z.string().max(200).default(''),
  modalities: z.array(z.string().max(16)).default([]),
  reportStates: z.array(reportStateSchema).default([]),
  /** DICOM DA text, inclusive; '' means open. */
  dateFrom: z.string().max(8).default(''),
  dateTo: z.string().max(8).default(''),
  assignedTo: z.string().max(64).nullable().default(null),
  /** Only the studies of this patient record; null means everybody's. */
  patientId: z.uuid().nullable().default(null),
  conflictsOnly: z.boolean().default(false),
});
export type WorklistFilter = z.infer<typeof worklistFilterSchema>;

export const worklistSortSchema = z.object({
  key: z.enum([
    'receivedAt',
    'studyDate',
    'patient',
    'modality',
    'description',
    'instances',
    'reportState',
    'age',
    'source',
  ]),
  direction: z.enum(['ascending', 'descending']),
});
export type WorklistSort = z.infer<typeof worklistSortSchema>;
