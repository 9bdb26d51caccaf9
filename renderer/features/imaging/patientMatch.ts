import type { FrameAttributes } from '../../../app/domains/imaging/frameAttributes.ts';
import { contradicts } from '../../../app/domains/patients/patientRules.ts';
import type { Patient } from '../../../app/domains/patients/patientSchema.ts';

/**
 * True when nothing an image says contradicts the patient a screen is about, by the rule the host keeps people apart
 * with (app/domains/patients/patientRules.ts): identifier and name must agree, a birth date may be absent but not
 * differ. This is the second look, at the bytes that are about to be drawn.
 */
export function namesPatient(
  image: Pick<FrameAttributes, 'patient'>,
  patient: Pick<Patient, 'identifier' | 'name' | 'birthDate'>,
): boolean {
  return !contradicts(identityOf(image.patient), identityOf(patient));
}

/** Of a name only the alphabetic group: some objects of a study carry the ideographic one, some don't. */
function identityOf({ identifier, name, birthDate }: Pick<Patient, 'identifier' | 'name' | 'birthDate'>) {
  return { identifier, name: name.split('=')[0] ?? '', birthDate, issuer: '' };
}

/** Two records that may stand side by side: the same one, or two that a person linked. */
export function isSamePerson(
  a: Pick<Patient, 'patientId' | 'linkGroupId'>,
  b: Pick<Patient, 'patientId' | 'linkGroupId'>,
): boolean {
  return a.patientId === b.patientId || (a.linkGroupId !== null && a.linkGroupId === b.linkGroupId);
}

/**
 * Why a study on the screen is to be taken off it by now: an import found it to be of two people, or it is no longer one
 * of this person's (a link was taken back).
 *
 * @param present the study being read and its priors, as the host has them now
 */
export function studyRefusal(
  present: readonly { readonly studyUid: string; readonly identityConflict: boolean }[],
  studyUid: string,
): 'imaging.identityConflict' | 'imaging.patientDiffers' | undefined {
  const known = present.find((each) => each.studyUid === studyUid);
  if (!known) return 'imaging.patientDiffers';
  return known.identityConflict ? 'imaging.identityConflict' : undefined;
}
