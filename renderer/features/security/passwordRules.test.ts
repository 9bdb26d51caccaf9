import { describe, expect, it } from 'vitest';
import { operatorNameSchema } from '../../../app/domains/security/securitySchema.ts';
import { passwordProblem, suggestOperatorName } from './passwordRules.ts';

describe('a new password', () => {
  it('is refused when short or mistyped', () => {
    expect(passwordProblem('short', 'short')).toBe('tooShort');
    expect(passwordProblem('long enough 1', 'long enough 2')).toBe('differs');
    expect(passwordProblem('long enough 1', 'long enough 1')).toBeNull();
  });
});

describe('a suggested sign-in name', () => {
  it.each([
    ['Dr Élodie Le Goff', 'elodie.legoff'],
    ['C. Lambert', 'c.lambert'],
    ['Aïssata OUEDRAOGO', 'aissata.ouedraogo'],
    ['Nguyễn', 'nguyen'],
  ])('%s → %s, which the host accepts', (fullName, expected) => {
    expect(suggestOperatorName(fullName)).toBe(expected);
    expect(operatorNameSchema.safeParse(expected).success).toBe(true);
  });
  it('is empty for an empty name', () => {
    expect(suggestOperatorName('  ')).toBe('');
  });
});
