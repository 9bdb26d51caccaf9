import { foldMarks } from '../../shared/foldText.ts';

/**
 * Age in whole years on a day, both DICOM DA text (YYYYMMDD); null when either is no full date or the birth lies later.
 */
export function ageInYears(birthDate: string, onDate: string): number | null {
  if (!/^\d{8}$/.test(birthDate) || !/^\d{8}$/.test(onDate)) return null;
  const years = Number(onDate.slice(0, 4)) - Number(birthDate.slice(0, 4));
  const beforeBirthday = onDate.slice(4) < birthDate.slice(4);
  const age = beforeBirthday ? years - 1 : years;
  return age >= 0 && age <= 150 ? age : null;
}

/** The words of a search as they are looked for: folded, without the separators people type between names. */
export function searchWords(text: string): string[] {
  const words = foldMarks(text)
    .split(/[\s,;^=]+/)
    .filter((word) => word !== '');
  return [...new Set(words)].slice(0, 12);
}

/** Instances that came after the report was signed; 0 while nothing is signed. */
export function unreadInstances(instanceCount: number, signedInstanceCount: number | null): number {
  return signedInstanceCount === null ? 0 : Math.max(0, instanceCount - signedInstanceCount);
}
