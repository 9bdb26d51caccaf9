import * as z from 'zod';

/**
 * A patient as the studies on this machine describe them. Two studies share a patient only when issuer, identifier,
 * birth date and name all agree (see patientRules.ts); anything less makes a separate patient and an open question.
 */
export const patientSchema = z.object({
  patientId: z.uuid(),
  /** Patient ID (0010,0020) as received, and its issuer (0010,0021); empty when absent. */
  identifier: z.string(),
  issuer: z.string(),
  /** Patient's Name (0010,0010), decoded, with ^ and = kept: 'family^given^middle^prefix^suffix'. */
  name: z.string(),
  /** For people: 'FAMILY Given'. */
  displayName: z.string(),
  /** DICOM DA text, YYYYMMDD, or empty. */
  birthDate: z.string(),
  sex: z.enum(['F', 'M', 'O', '']),
  /** Hue in degrees, from the patient id: the banner wears it so that two patients never look alike by accident. */
  hue: z.number().int().min(0).max(359),
  studyCount: z.number().int(),
  /** Id of the group this patient was linked into by a person, or null. */
  linkGroupId: z.string().nullable(),
  /** True while another patient record looks like the same person and nobody has decided. */
  needsLinkDecision: z.boolean(),
});
export type Patient = z.infer<typeof patientSchema>;

export const linkCandidateSchema = z.object({
  patient: patientSchema,
  /** What differs between the two records. */
  differs: z.array(z.enum(['identifier', 'issuer', 'birthDate', 'name', 'sex'])),
  /** What a person last decided about the two; `open` while nobody has. */
  decision: z.enum(['open', 'same', 'notSame']),
});
export type LinkCandidate = z.infer<typeof linkCandidateSchema>;
