import { foldText } from '../../shared/foldText.ts';
import { tidyPersonName } from './personName.ts';

/** What an object says about whose it is: issuer (0010,0021), identifier (0010,0020), name (0010,0010), birth date (0010,0030). */
export interface PatientIdentity {
  readonly identifier: string;
  readonly issuer: string;
  readonly name: string;
  /** DICOM DA text, YYYYMMDD, or empty. */
  readonly birthDate: string;
}

export type IdentityPart = 'identifier' | 'issuer' | 'birthDate' | 'name';

/**
 * An identity as it is compared. Only what carries no meaning is taken away: padding, doubled spaces, empty trailing
 * name components, the dots of an ACR-NEMA date, and the letter case of the name (consoles write one person as both
 * 'Martin' and 'MARTIN'). Identifier and issuer keep their case; accents, hyphens and every digit count.
 */
export function normaliseIdentity(identity: PatientIdentity): PatientIdentity {
  return {
    identifier: identity.identifier.trim(),
    issuer: identity.issuer.trim(),
    name: tidyPersonName(identity.name.normalize('NFC')).toLowerCase(),
    birthDate: identity.birthDate.replace(/[^0-9]/g, ''),
  };
}

/**
 * True when an identity can be matched with another study's at all. Without an identifier or without a name nothing is
 * proven: such a study has a patient record of its own.
 */
export function isMatchable(identity: PatientIdentity): boolean {
  const { identifier, name } = normaliseIdentity(identity);
  return identifier !== '' && name !== '';
}

/**
 * The one text that stands for a patient: two studies share a patient record exactly when their texts are equal, that
 * is when issuer, identifier, birth date and name all agree. An identity that can't be matched is bound to its study.
 */
export function identityText(identity: PatientIdentity, studyUid: string): string {
  const { identifier, issuer, name, birthDate } = normaliseIdentity(identity);
  return JSON.stringify([issuer, identifier, birthDate, name, isMatchable(identity) ? '' : studyUid]);
}

/**
 * True when two instances of one study name two people. Identifier and name must be equal; an issuer or a birth date
 * that one of the two leaves out contradicts nothing (derived objects often do), one that differs does.
 */
export function contradicts(left: PatientIdentity, right: PatientIdentity): boolean {
  const a = normaliseIdentity(left);
  const b = normaliseIdentity(right);
  if (a.identifier !== b.identifier || a.name !== b.name) return true;
  return differ(a.issuer, b.issuer) || differ(a.birthDate, b.birthDate);
}

/**
 * True when two separate records may be one person, so that a person should decide: the same identifier where the
 * issuers do not tell them apart, or the same name (accents, case and order of words aside) with the same birth date.
 */
export function looksAlike(left: PatientIdentity, right: PatientIdentity): boolean {
  const a = normaliseIdentity(left);
  const b = normaliseIdentity(right);
  if (a.identifier !== '' && a.identifier.toLowerCase() === b.identifier.toLowerCase() && !differ(a.issuer, b.issuer)) {
    return true;
  }
  const name = nameKey(a.name);
  return name !== '' && name === nameKey(b.name) && a.birthDate !== '' && a.birthDate === b.birthDate;
}

/** The words of a name, folded and sorted: equal for 'Lefèvre^Anne' and 'ANNE^LEFEVRE'. */
export function nameKey(name: string): string {
  return foldText(name.split('=')[0] || name)
    .split(' ')
    .sort()
    .join(' ');
}

/** What two records say differently, for a person who decides about linking them. */
export function identityDifferences(
  left: PatientIdentity & { readonly sex: string },
  right: PatientIdentity & { readonly sex: string },
): (IdentityPart | 'sex')[] {
  const a = normaliseIdentity(left);
  const b = normaliseIdentity(right);
  const parts: (IdentityPart | 'sex')[] = [];
  for (const part of ['identifier', 'issuer', 'birthDate', 'name'] as const) if (a[part] !== b[part]) parts.push(part);
  if (left.sex !== right.sex) parts.push('sex');
  return parts;
}

/** Hue of a patient's banner in degrees, 0 … 359: a 32-bit FNV-1a hash of the patient id. */
export function patientHue(patientId: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < patientId.length; index += 1) {
    hash = Math.imul(hash ^ patientId.charCodeAt(index), 0x01000193);
  }
  return (hash >>> 0) % 360;
}

/** Patient's Sex (0010,0040) as the contract knows it; anything else than F, M and O is unknown. */
export function parseSex(value: string): 'F' | 'M' | 'O' | '' {
  const sex = value.trim().toUpperCase();
  return sex === 'F' || sex === 'M' || sex === 'O' ? sex : '';
}

function differ(left: string, right: string): boolean {
  return left !== '' && right !== '' && left !== right;
}
