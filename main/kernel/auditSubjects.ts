import type { AuditSubject } from '../database/writeGate.ts';

/** Input properties that name what a call is about, the most specific first. */
const subjectFields: readonly (readonly [string, AuditSubject['type']])[] = [
  ['reportId', 'report'],
  ['documentId', 'document'],
  ['annotationId', 'annotation'],
  ['sopUid', 'instance'],
  ['instanceUid', 'instance'],
  ['seriesUid', 'series'],
  ['studyUid', 'study'],
  ['patientId', 'patient'],
  ['operatorId', 'operator'],
  ['jobId', 'job'],
];

const idPattern = /^([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9.]{1,64})$/i;

export interface CallSubject {
  readonly subject: AuditSubject | undefined;
  readonly detail: Record<string, string>;
}

/**
 * What a call says it is about: the ids among the properties of its input. Read before the input is checked, so that a
 * refused call is recorded too: only what has the form of a DICOM UID or a UUID is taken, never other text.
 */
export function readCallSubject(input: unknown): CallSubject {
  let subject: AuditSubject | undefined;
  const detail: Record<string, string> = {};
  if (typeof input !== 'object' || input === null) return { subject, detail };
  const values = input as Record<string, unknown>;
  for (const [field, type] of subjectFields) {
    const id = values[field];
    if (typeof id !== 'string' || !idPattern.test(id)) continue;
    if (subject) detail[field] = id;
    else subject = { type, id };
  }
  const other = values['otherPatientId'];
  if (typeof other === 'string' && idPattern.test(other)) detail['otherPatientId'] = other;
  return { subject, detail };
}
