import * as z from 'zod';
import { uidSchema } from '../imaging/imagingSchema.ts';
import { reportStateSchema } from '../worklist/worklistSchema.ts';

/** What leaves over /api/v1: a shape of its own, so that a window may change and programs elsewhere go on. */

const moment = z.iso.datetime();
/** DICOM DA text, YYYYMMDD, or empty. */
const day = z.string();

export const healthSchema = z.object({
  status: z.enum(['ok', 'failing']),
  version: z.string(),
  /** Failure codes of what is wrong; empty when nothing is. */
  problems: z.array(z.string()),
  receiver: z.enum(['off', 'listening', 'failed']),
  freeBytes: z.number(),
  /** Deliveries that wait for a person. */
  deliveriesForPerson: z.number().int(),
});
export type Health = z.infer<typeof healthSchema>;

/** All that somebody without a token learns. */
export const bareHealthSchema = healthSchema.pick({ status: true });

export const dicomStatusSchema = z.object({
  receiver: z.object({
    state: z.enum(['off', 'listening', 'failed']),
    failure: z.string().nullable(),
    aeTitle: z.string(),
    port: z.number().nullable(),
    tls: z.boolean(),
    stow: z.boolean(),
    openAssociations: z.number().int(),
  }),
  nodes: z.array(
    z.object({
      nodeId: z.uuid(),
      name: z.string(),
      kind: z.string(),
      use: z.object({ send: z.boolean(), search: z.boolean(), receive: z.boolean() }),
      /** How its last test ended; null when it was never tried. */
      lastTest: z.object({ at: moment, ok: z.boolean() }).nullable(),
      queue: z.object({
        queued: z.number().int(),
        sending: z.number().int(),
        sent: z.number().int(),
        forPerson: z.number().int(),
        oldestAt: moment.nullable(),
      }),
    }),
  ),
});
export type DicomStatus = z.infer<typeof dicomStatusSchema>;

const restPatientSchema = z.object({
  patientId: z.uuid(),
  /** For people: 'FAMILY Given'. */
  name: z.string(),
  /** Patient ID (0010,0020) as received. */
  identifier: z.string(),
  birthDate: day,
  sex: z.enum(['F', 'M', 'O', '']),
});

const restStudySchema = z.object({
  studyUid: uidSchema,
  patient: restPatientSchema,
  studyDate: day,
  studyTime: z.string(),
  accessionNumber: z.string(),
  description: z.string(),
  referringPhysician: z.string(),
  modalities: z.array(z.string()),
  seriesCount: z.number().int(),
  instanceCount: z.number().int(),
  frameCount: z.number().int(),
  receivedAt: moment,
  /** Its instances name two people: it is found, and nothing of it is given out. */
  identityConflict: z.boolean(),
  /** An import is bringing it in, or was cut off while it did: instances may be missing. */
  arriving: z.boolean(),
});
export type RestStudy = z.infer<typeof restStudySchema>;

export const restStudyRowSchema = restStudySchema.extend({ reportState: reportStateSchema });
export type RestStudyRow = z.infer<typeof restStudyRowSchema>;

export const restStudyPageSchema = z.object({
  total: z.number().int(),
  offset: z.number().int(),
  limit: z.number().int(),
  studies: z.array(restStudyRowSchema),
});

export const restStudyDetailSchema = restStudySchema.extend({
  series: z.array(
    z.object({
      seriesUid: uidSchema,
      modality: z.string(),
      seriesNumber: z.number().nullable(),
      description: z.string(),
      bodyPart: z.string(),
      laterality: z.string(),
      instanceCount: z.number().int(),
      frameCount: z.number().int(),
    }),
  ),
  priorStudyUids: z.array(uidSchema),
});

const restReportSummarySchema = z.object({
  reportId: z.uuid(),
  studyUid: uidSchema,
  /** The report this one adds to. */
  addendumTo: z.uuid().nullable(),
  language: z.enum(['en', 'fr']),
  title: z.string(),
  signedBy: z.string(),
  signedAt: moment,
});
export type RestReportSummary = z.infer<typeof restReportSummarySchema>;

export const restReportListSchema = z.object({ reports: z.array(restReportSummarySchema) });

export const restReportSchema = restReportSummarySchema.extend({
  sections: z.array(
    z.object({
      key: z.string(),
      title: z.string(),
      /** Plain text, a paragraph each. */
      paragraphs: z.array(z.string()),
    }),
  ),
});

/** How a request that failed is answered. */
export const restFailureSchema = z.object({
  /** `domain.reason`, or `internal` with an incident id. */
  code: z.string(),
  details: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  incidentId: z.string().optional(),
});

const count = (most: number, usual: number) => z.coerce.number().int().min(0).max(most).default(usual);
const dayOrOpen = z
  .string()
  .regex(/^(\d{8})?$/)
  .default('');

/** Listing more at once would hold up windows, which are served on the same thread. */
const mostStudiesAtOnce = 100;

/** The query of GET /api/v1/studies. */
export const studySearchSchema = z.strictObject({
  /** Words in any order; each matches a name, an identifier, an accession number or a description. */
  text: z.string().max(200).default(''),
  modality: z.string().max(16).optional(),
  reportState: reportStateSchema.optional(),
  /** Study date, inclusive. */
  dateFrom: dayOrOpen,
  dateTo: dayOrOpen,
  patientId: z.uuid().optional(),
  offset: count(10_000_000, 0),
  limit: z.coerce.number().int().min(1).max(mostStudiesAtOnce).default(mostStudiesAtOnce),
});
