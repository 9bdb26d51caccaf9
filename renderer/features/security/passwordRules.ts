import { minimumPasswordLength } from '../../../app/domains/security/securityRules.ts';

export type PasswordProblem = 'tooShort' | 'differs';

/** What keeps a new password from being taken, or null. The host checks the length again. */
export function passwordProblem(password: string, again: string): PasswordProblem | null {
  if (password.length < minimumPasswordLength) return 'tooShort';
  if (password !== again) return 'differs';
  return null;
}

/** A sign-in name made from a full name: 'Dr Élodie Le Goff' → 'elodie.legoff'. At most 64 characters. */
export function suggestOperatorName(fullName: string): string {
  const words = fullName
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== '' && !['dr', 'pr', 'prof', 'mme', 'mr', 'mrs', 'ms'].includes(word));
  const [first, ...rest] = words;
  if (first === undefined) return '';
  return (rest.length > 0 ? `${first}.${rest.join('')}` : first).slice(0, 64);
}
