import * as z from 'zod';
import { op } from '../../shared/operation.ts';
import { patientSchema } from '../patients/patientSchema.ts';
import { conflictContract } from './conflictContract.ts';
import {
  annotationSchema,
  importSummarySchema,
  instanceSchema,
  keyImageSchema,
  seriesSchema,
  studyLineSchema,
  studySchema,
  uidSchema,
} from './imagingSchema.ts';

const identitySchema = z.object({
  identifier: z.string(),
  issuer: z.string(),
  name: z.string(),
  birthDate: z.string(),
});
const studyRef = z.object({ studyUid: uidSchema });
/** Two studies may hold series of the same UID: a series is named by both. */
const seriesRef = studyRef.extend({ seriesUid: uidSchema });

export const imagingContract = {
  ...conflictContract,
  /** Opens a study for reading: its patient, series and priors. One audit entry per call; a study with two identities is refused. */
  openStudy: op({ shape: 'query', permission: 'studies.read', reads: ['studies', 'patients'], audit: true })
    .input(studyRef)
    .output(
      z.object({
        study: studySchema,
        patient: patientSchema,
        series: z.array(seriesSchema),
        priors: z.array(studySchema),
        /** Other spellings of this person on images of this study, which somebody decided to be one person. */
        alsoNamed: z.array(identitySchema),
      }),
    ),
  /** A study for a list or a preview, without opening it. */
  getStudy: op({ shape: 'query', permission: 'studies.read', reads: ['studies', 'patients'], audit: false })
    .input(studyRef)
    .output(
      z.object({
        study: studySchema,
        patient: patientSchema,
        series: z.array(seriesSchema),
        priors: z.array(studySchema),
      }),
    ),
  /** The same of many studies, as briefly as a line says it; of one that is not here, nothing. */
  listStudyLines: op({ shape: 'query', permission: 'studies.read', reads: ['studies', 'patients'], audit: false })
    .input(z.object({ studyUids: z.array(uidSchema).min(1).max(500) }))
    .output(z.array(studyLineSchema)),
  listInstances: op({ shape: 'query', permission: 'studies.read', reads: ['studies'], audit: false })
    .input(seriesRef)
    .output(z.array(instanceSchema)),
  listAnnotations: op({ shape: 'query', permission: 'studies.read', reads: ['annotations'], audit: false })
    .input(studyRef)
    .output(z.array(annotationSchema)),
  /** Appends a version. `baseVersion` is the version the person saw (0 for a new annotation); a newer one on the host is a failure that loses neither. */
  saveAnnotation: op({ shape: 'command', permission: 'annotations.write', changes: ['annotations'], audit: false })
    .input(
      annotationSchema
        .omit({ version: true, author: true, at: true })
        .extend({ baseVersion: z.number().int().min(0), revision: z.number().int().optional() }),
    )
    .output(annotationSchema),
  listKeyImages: op({ shape: 'query', permission: 'studies.read', reads: ['keyImages'], audit: false })
    .input(studyRef)
    .output(z.array(keyImageSchema)),
  setKeyImage: op({ shape: 'command', permission: 'annotations.write', changes: ['keyImages'], audit: false })
    .input(
      keyImageSchema
        .omit({ author: true, at: true })
        .extend({ marked: z.boolean(), revision: z.number().int().optional() }),
    )
    .output(z.array(keyImageSchema)),
  /** Imports files, folders, zip archives or DICOMDIR media by path on the host's machine. */
  importPaths: op({ shape: 'job', permission: 'studies.import', changes: ['imports', 'jobs'], audit: true })
    .input(z.object({ paths: z.array(z.string().min(1).max(4096)).min(1).max(1000) }))
    .output(z.object({ jobId: z.uuid() })),
  /** Opens an import that a window feeds with `POST /imports/<jobId>/files`; ended by finishUpload. */
  startUpload: op({ shape: 'job', permission: 'studies.import', changes: ['imports', 'jobs'], audit: true })
    .input(z.object({ files: z.number().int().min(0), bytes: z.number().min(0) }))
    .output(z.object({ jobId: z.uuid() })),
  finishUpload: op({ shape: 'command', permission: 'studies.import', changes: ['imports', 'jobs'], audit: false })
    /** `complete`: every file that the window could read was sent. False when it was cut off: the import then counts as interrupted. */
    .input(z.object({ jobId: z.uuid(), complete: z.boolean().default(true) }))
    .output(z.null()),
  /** The folders and media of the host's machine, for choosing what to import. */
  browse: op({ shape: 'query', permission: 'studies.import', audit: false })
    .input(z.object({ path: z.string().max(4096).nullable() }))
    .output(
      z.object({
        path: z.string(),
        parent: z.string().nullable(),
        entries: z.array(
          z.object({
            name: z.string(),
            path: z.string(),
            kind: z.enum(['folder', 'file', 'medium']),
            bytes: z.number(),
          }),
        ),
      }),
    ),
  getImportSummary: op({ shape: 'query', permission: 'studies.import', reads: ['imports'], audit: false })
    .input(z.object({ jobId: z.uuid() }))
    .output(importSummarySchema),
  /** Writes the original bytes of a study to a folder on the host's machine. */
  exportStudy: op({ shape: 'job', permission: 'studies.export', changes: ['jobs'], audit: true })
    .input(studyRef.extend({ directory: z.string().min(1).max(4096) }))
    .output(z.object({ jobId: z.uuid() })),
};
