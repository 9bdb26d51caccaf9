import * as z from 'zod';

/** A DICOM UID: digits and dots, at most 64 characters (PS3.5 section 9.1). */
export const uidSchema = z.string().regex(/^[0-9.]{1,64}$/);

export const seriesSchema = z.object({
  seriesUid: uidSchema,
  modality: z.string(),
  seriesNumber: z.number().nullable(),
  description: z.string(),
  bodyPart: z.string(),
  laterality: z.string(),
  instanceCount: z.number().int(),
  /** Sum of frames over the image instances; 0 when the series holds no image. */
  frameCount: z.number().int(),
  /** The instance and frame (1-based) that stands for the series; null when nothing can be shown. */
  representative: z
    .object({
      sopUid: uidSchema,
      frame: z.number().int(),
      /** There once another content of this instance was taken: what was kept of the picture before is out of date. */
      version: z.number().int().optional(),
    })
    .nullable(),
  frameOfReferenceUid: z.string(),
});
export type Series = z.infer<typeof seriesSchema>;

export const studySchema = z.object({
  studyUid: uidSchema,
  patientId: z.uuid(),
  /** DICOM DA and TM text, or empty. */
  studyDate: z.string(),
  studyTime: z.string(),
  description: z.string(),
  accessionNumber: z.string(),
  referringPhysician: z.string(),
  modalities: z.array(z.string()),
  bodyParts: z.array(z.string()),
  /** Patient's Age (0010,1010) as received, e.g. '045Y', or empty. */
  patientAge: z.string(),
  patientWeightKg: z.number().nullable(),
  seriesCount: z.number().int(),
  instanceCount: z.number().int(),
  frameCount: z.number().int(),
  bytes: z.number().int(),
  source: z.string(),
  receivedAt: z.number(),
  /** True when instances with this Study Instance UID name two different people: such a study is never drawn. */
  identityConflict: z.boolean(),
  /** True while an import is bringing this study in, or was cut off or cancelled while it did: instances may be missing. */
  arriving: z.boolean().optional(),
  /** It came from a sender that ends each connection by abort and was not waited for any longer: nobody said it is whole. */
  isSenderAborted: z.boolean().optional(),
  /** Contents kept aside under a SOP Instance UID that has another one, and that nobody settled yet. */
  conflictCount: z.number().int(),
  /** Instances of another person that were set aside: archived, no part of this study. */
  asideCount: z.number().int().optional(),
  /** Rises when a settled conflict changed what is shown: what was opened before must not be read on. */
  revision: z.number().int().optional(),
});
export type Study = z.infer<typeof studySchema>;

/** What a line of another list says of a study: whose, and what. */
export const studyLineSchema = studySchema
  .pick({ studyUid: true, modalities: true, description: true, studyDate: true })
  .extend({ patientName: z.string() });
export type StudyLine = z.infer<typeof studyLineSchema>;

export const instanceSchema = z.object({
  sopUid: uidSchema,
  sopClassUid: z.string(),
  instanceNumber: z.number().nullable(),
  frames: z.number().int(),
  rows: z.number().int().nullable(),
  columns: z.number().int().nullable(),
  transferSyntaxUid: z.string(),
  /** True when the instance holds pixels Salus tries to show. */
  isImage: z.boolean(),
});
export type Instance = z.infer<typeof instanceSchema>;

/** Where an annotation lies: an image frame, in pixels of that frame (column, row; centre of the first pixel is 0,0) and, when the geometry is proven, in patient millimetres (LPS, PS3.3 C.7.6.2.1.1). */
export const annotationSchema = z.object({
  annotationId: z.uuid(),
  version: z.number().int().min(1),
  studyUid: uidSchema,
  seriesUid: uidSchema,
  sopUid: uidSchema,
  frame: z.number().int().min(1),
  tool: z.enum(['length', 'angle', 'ellipse', 'rectangle', 'probe', 'bidirectional', 'freehand', 'arrow']),
  /** Handle points in image pixels [column, row]; sub-pixel. */
  points: z
    .array(z.tuple([z.number(), z.number()]))
    .min(1)
    .max(4096),
  /** The same points in patient mm, or empty when the geometry is not proven. */
  pointsMm: z.array(z.tuple([z.number(), z.number(), z.number()])),
  label: z.string().max(200),
  /** The numbers as shown to the person, with UCUM units; kept so that a report says what was seen. */
  measurements: z.array(
    z.object({
      kind: z.enum([
        'length',
        'width',
        'angle',
        'area',
        'mean',
        'standardDeviation',
        'minimum',
        'maximum',
        'value',
        'count',
      ]),
      value: z.number(),
      /** UCUM: mm, deg, mm2, [hnsf'U], px … and '{px}' where millimetres are not proven. */
      unit: z.string(),
      /** Where the millimetres come from: 'patient' plane, 'detector', 'ultrasound' region, 'none'. */
      calibration: z.enum(['patient', 'detector', 'ultrasound', 'none']),
    }),
  ),
  /** State the viewer needs to draw it again exactly; opaque to the host, at most 64 KiB. */
  viewState: z.record(z.string(), z.unknown()),
  author: z.string(),
  at: z.number(),
  archived: z.boolean(),
});
export type Annotation = z.infer<typeof annotationSchema>;

/** A window in modality values and the curve it stands for (PS3.3 C.11.2.1.2 and C.11.2.1.3): one without the other is another picture. */
export const voiWindowSchema = z.object({
  centre: z.number(),
  width: z.number(),
  function: z.enum(['LINEAR', 'LINEAR_EXACT', 'SIGMOID']),
});

export const keyImageSchema = z.object({
  studyUid: uidSchema,
  seriesUid: uidSchema,
  sopUid: uidSchema,
  frame: z.number().int().min(1),
  author: z.string(),
  at: z.number(),
  /** Window used when the image was marked, so that the report prints what was seen; null: the image's own. */
  window: voiWindowSchema.nullable(),
});
export type KeyImage = z.infer<typeof keyImageSchema>;

export const importSummarySchema = z.object({
  imported: z.number().int(),
  duplicates: z.number().int(),
  conflicts: z.number().int(),
  rejected: z.array(z.object({ path: z.string(), reason: z.string() })),
  bytes: z.number(),
  seconds: z.number(),
});
export type ImportSummary = z.infer<typeof importSummarySchema>;
