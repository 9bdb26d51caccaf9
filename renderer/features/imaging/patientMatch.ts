import type { FrameAttributes } from '../../../app/domains/imaging/frameAttributes.ts';
import type { Patient } from '../../../app/domains/patients/patientSchema.ts';

/** The first component group of a person name, without empty components at its end. */
function plainName(name: string): string {
  return (name.split('=')[0] ?? '')
    .replace(/[\s^]+$/, '')
    .trim()
    .toUpperCase();
}

/**
 * True when an image names the patient a screen is about: identifier, birth date and name as received. The host keeps
 * people apart; this is the second look, at the bytes that are about to be drawn.
 */
export function namesPatient(
  image: Pick<FrameAttributes, 'patient'>,
  patient: Pick<Patient, 'identifier' | 'name' | 'birthDate'>,
): boolean {
  return (
    image.patient.identifier.trim() === patient.identifier.trim() &&
    plainName(image.patient.name) === plainName(patient.name) &&
    image.patient.birthDate.trim() === patient.birthDate.trim()
  );
}

/** Two records that may stand side by side: the same one, or two that a person linked. */
export function isSamePerson(
  a: Pick<Patient, 'patientId' | 'linkGroupId'>,
  b: Pick<Patient, 'patientId' | 'linkGroupId'>,
): boolean {
  return a.patientId === b.patientId || (a.linkGroupId !== null && a.linkGroupId === b.linkGroupId);
}
