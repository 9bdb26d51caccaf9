import * as z from 'zod';
import { op } from '../../shared/operation.ts';
import { uidSchema } from '../imaging/imagingSchema.ts';
import { languageSchema } from '../security/securitySchema.ts';
import {
  pageDigestSchema,
  reportCheckSchema,
  reportKeyImageSchema,
  reportSchema,
  reportSectionSchema,
  reportSummarySchema,
  reportTemplateSchema,
} from './reportSchema.ts';

export const reportContract = {
  listTemplates: op({ shape: 'query', permission: 'reports.read', audit: false })
    .input(z.object({ studyUid: uidSchema.optional() }))
    /** Best match for the study first. */
    .output(z.array(reportTemplateSchema)),
  /** What reports there are. Their text comes from `get`, one audit entry each. */
  list: op({ shape: 'query', permission: 'reports.read', reads: ['reports'], audit: false })
    .input(
      z.object({
        studyUid: uidSchema.optional(),
        state: z.enum(['draft', 'signed', 'archived']).optional(),
        limit: z.number().int().min(1).max(1000).default(200),
      }),
    )
    .output(z.array(reportSummarySchema)),
  get: op({ shape: 'query', permission: 'reports.read', reads: ['reports'], audit: true })
    .input(z.object({ reportId: z.uuid() }))
    .output(reportSchema),
  /** Gives the study's open draft, or makes one from the template; what follows a signed report is an addendum. */
  openDraft: op({ shape: 'command', permission: 'reports.write', changes: ['reports', 'worklist'], audit: true })
    .input(z.object({ studyUid: uidSchema, templateId: z.string().max(64).optional(), language: languageSchema }))
    .output(reportSchema),
  /**
   * Appends a version of the draft; `baseVersion` older than the host's is a failure and loses neither text. Sections are
   * those of the draft, and a measurement's text is that of the annotation version it names, or the save is refused.
   */
  saveDraft: op({ shape: 'command', permission: 'reports.write', changes: ['reports'], audit: false })
    .input(
      z.object({
        reportId: z.uuid(),
        baseVersion: z.number().int().min(1),
        sections: z.array(reportSectionSchema).max(40),
        keyImages: z.array(reportKeyImageSchema).max(24),
      }),
    )
    .output(reportSchema),
  check: op({ shape: 'query', permission: 'reports.read', reads: ['reports', 'annotations', 'studies'], audit: false })
    .input(z.object({ reportId: z.uuid() }))
    .output(z.array(reportCheckSchema)),
  /**
   * Renders the draft as it would be signed, marked as a draft, to be read at /documents/<documentId> for ten minutes;
   * never stored. `digest` names exactly what the page shows.
   */
  preview: op({ shape: 'command', permission: 'reports.write', audit: true })
    .input(z.object({ reportId: z.uuid() }))
    .output(z.object({ documentId: z.uuid(), version: z.number().int(), digest: pageDigestSchema })),
  /**
   * Signs the page the person saw in the preview (`digest`), as the patient the person saw, with the operator's password:
   * makes the PDF, archives both, and from then on only an addendum can follow. What no longer prints as it was seen is
   * refused with `reports.previewChanged`.
   */
  sign: op({ shape: 'command', permission: 'reports.sign', changes: ['reports', 'worklist', 'documents'], audit: true })
    .input(
      z.object({
        reportId: z.uuid(),
        version: z.number().int().min(1),
        digest: pageDigestSchema,
        patientId: z.uuid(),
        studyUid: uidSchema,
        password: z.string().min(1).max(512),
      }),
    )
    .output(reportSchema),
  startAddendum: op({ shape: 'command', permission: 'reports.write', changes: ['reports', 'worklist'], audit: true })
    .input(z.object({ reportId: z.uuid() }))
    .output(reportSchema),
  /** Puts a draft aside with a reason. It stays readable; nothing is deleted. */
  archiveDraft: op({ shape: 'command', permission: 'reports.write', changes: ['reports', 'worklist'], audit: true })
    .input(z.object({ reportId: z.uuid(), reason: z.string().trim().min(3).max(500) }))
    .output(z.null()),
};
