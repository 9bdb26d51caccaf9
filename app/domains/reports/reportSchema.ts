import * as z from 'zod';
import { uidSchema, voiWindowSchema } from '../imaging/imagingSchema.ts';
import { languageSchema } from '../security/securitySchema.ts';

/** A piece of report text: words, or a chip that stays linked to what it was made from. */
export const reportInlineSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('text'),
    text: z.string().max(20_000),
    bold: z.boolean().optional(),
    italic: z.boolean().optional(),
  }),
  z.object({
    kind: z.literal('measurement'),
    annotationId: z.uuid(),
    /** The version whose numbers are printed; a newer one on the host makes the chip stale. */
    annotationVersion: z.number().int().min(1),
    text: z.string().max(200),
  }),
  z.object({
    kind: z.literal('keyImage'),
    sopUid: uidSchema,
    frame: z.number().int().min(1),
    text: z.string().max(200),
  }),
]);
export type ReportInline = z.infer<typeof reportInlineSchema>;

export const reportParagraphSchema = z.object({
  list: z.boolean().optional(),
  content: z.array(reportInlineSchema).max(500),
});
export type ReportParagraph = z.infer<typeof reportParagraphSchema>;

export const reportSectionSchema = z.object({
  /** Stable key of the template's section: indication, technique, comparison, findings, conclusion … */
  key: z.string().max(64),
  title: z.string().max(120),
  required: z.boolean(),
  paragraphs: z.array(reportParagraphSchema).max(500),
});
export type ReportSection = z.infer<typeof reportSectionSchema>;

export const reportKeyImageSchema = z.object({
  seriesUid: uidSchema,
  sopUid: uidSchema,
  frame: z.number().int().min(1),
  window: voiWindowSchema.nullable(),
  caption: z.string().max(200),
});

export const reportSchema = z.object({
  reportId: z.uuid(),
  studyUid: uidSchema,
  patientId: z.uuid(),
  state: z.enum(['draft', 'signed', 'archived']),
  /** Null for a first report; the report this one adds to for an addendum. */
  addendumTo: z.uuid().nullable(),
  language: languageSchema,
  templateId: z.string(),
  title: z.string(),
  version: z.number().int().min(1),
  sections: z.array(reportSectionSchema),
  keyImages: z.array(reportKeyImageSchema).max(24),
  author: z.string(),
  createdAt: z.number(),
  savedAt: z.number(),
  signedBy: z.string().nullable(),
  signedAt: z.number().nullable(),
  /** The signed PDF, at /documents/<documentId>; null while a draft. */
  documentId: z.uuid().nullable(),
});
export type Report = z.infer<typeof reportSchema>;

/** A report in a list: what it is and how it stands, without a word of its text. */
export const reportSummarySchema = reportSchema.omit({ sections: true, keyImages: true });
export type ReportSummary = z.infer<typeof reportSummarySchema>;

/** SHA-256 in lower-case hex over everything that a report's page shows but its signing time, signer and document number. */
export const pageDigestSchema = z.string().regex(/^[0-9a-f]{64}$/);

export const reportTemplateSchema = z.object({
  templateId: z.string().regex(/^[a-z0-9-]{1,64}$/),
  version: z.string(),
  modalities: z.array(z.string()),
  bodyParts: z.array(z.string()),
  title: z.record(languageSchema, z.string()),
  sections: z.array(
    z.object({
      key: z.string(),
      required: z.boolean(),
      title: z.record(languageSchema, z.string()),
      /** Text a person starts from, one entry a paragraph; may be empty. */
      text: z.record(languageSchema, z.array(z.string())),
    }),
  ),
});
export type ReportTemplate = z.infer<typeof reportTemplateSchema>;

/** What the checks found before signing. A blocking one stops the signature. */
export const reportCheckSchema = z.object({
  code: z.enum([
    'sectionEmpty',
    'measurementStale',
    'measurementMissing',
    'keyImageMissing',
    'keyImageRenumbered',
    'lateralityDiffers',
    'patientDiffers',
    'studyConflict',
    'studyIncomplete',
    'newImages',
  ]),
  blocking: z.boolean(),
  sectionKey: z.string().nullable(),
  detail: z.string(),
});
export type ReportCheck = z.infer<typeof reportCheckSchema>;
