import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { contradicts, identityText, isMatchable, looksAlike, nameKey, type PatientIdentity } from './patientRules.ts';
import { displayPersonName, tidyPersonName } from './personName.ts';

const anne: PatientIdentity = { identifier: 'A1', issuer: 'HOSP', name: 'Lefèvre^Anne', birthDate: '19600102' };
const same = (left: PatientIdentity, right: PatientIdentity) =>
  identityText(left, '1.2.3') === identityText(right, '4.5.6');

describe('the same patient', () => {
  it('only when issuer, identifier, birth date and name all agree', () => {
    expect(same(anne, { ...anne })).toBe(true);
    expect(same(anne, { ...anne, issuer: 'OTHER' })).toBe(false);
    expect(same(anne, { ...anne, issuer: '' })).toBe(false);
    expect(same(anne, { ...anne, identifier: 'A2' })).toBe(false);
    expect(same(anne, { ...anne, birthDate: '19600103' })).toBe(false);
    expect(same(anne, { ...anne, birthDate: '' })).toBe(false);
    expect(same(anne, { ...anne, name: 'Lefevre^Anne' })).toBe(false);
    expect(same(anne, { ...anne, name: 'Lefèvre^Anna' })).toBe(false);
  });

  it('whatever the padding, the letter case of the name and the dots of an old date', () => {
    expect(same(anne, { identifier: ' A1 ', issuer: 'HOSP ', name: 'LEFÈVRE^ANNE^^', birthDate: '1960.01.02' })).toBe(
      true,
    );
    expect(same(anne, { ...anne, identifier: 'a1' })).toBe(false);
  });

  it('never without an identifier or a name', () => {
    for (const part of ['identifier', 'name'] as const) {
      const unknown = { ...anne, [part]: ' ' };
      expect(isMatchable(unknown)).toBe(false);
      expect(same(unknown, unknown)).toBe(false);
      // Within one study it is of course one record.
      expect(identityText(unknown, '1.2.3')).toBe(identityText({ ...unknown }, '1.2.3'));
    }
  });

  it('no two identities that differ in a part give one text', () => {
    const part = fc.string({ unit: 'grapheme', maxLength: 12 });
    const identity = fc.record({
      identifier: part,
      issuer: part,
      name: part,
      birthDate: fc.string({ unit: fc.constantFrom(...'0123456789'), maxLength: 8 }),
    });
    fc.assert(
      fc.property(identity, identity, (left, right) => {
        if (identityText(left, 's') !== identityText(right, 's')) return;
        expect(left.identifier.trim()).toBe(right.identifier.trim());
        expect(left.issuer.trim()).toBe(right.issuer.trim());
        expect(left.birthDate).toBe(right.birthDate);
      }),
    );
  });
});

describe('two identities in one study', () => {
  it('contradict each other when identifier or name differ, or issuer or birth date are given and differ', () => {
    expect(contradicts(anne, { ...anne, identifier: 'A2' })).toBe(true);
    expect(contradicts(anne, { ...anne, identifier: '' })).toBe(true);
    expect(contradicts(anne, { ...anne, name: 'Martin^Paul' })).toBe(true);
    expect(contradicts(anne, { ...anne, birthDate: '19700102' })).toBe(true);
    expect(contradicts(anne, { ...anne, issuer: 'OTHER' })).toBe(true);
    expect(contradicts(anne, { ...anne, birthDate: '' })).toBe(false);
    expect(contradicts(anne, { ...anne, issuer: '' })).toBe(false);
    expect(contradicts(anne, { ...anne, name: 'LEFÈVRE^ANNE^' })).toBe(false);
  });
});

describe('records that may be one person', () => {
  it('share an identifier that no issuer tells apart, or a name and a birth date', () => {
    expect(looksAlike(anne, { ...anne, name: 'Martin^Anne' })).toBe(true);
    expect(looksAlike(anne, { ...anne, issuer: '' })).toBe(true);
    expect(looksAlike(anne, { ...anne, issuer: 'OTHER', name: 'Martin^Anne' })).toBe(false);
    expect(looksAlike(anne, { identifier: 'Z9', issuer: '', name: 'ANNE^LEFEVRE', birthDate: '19600102' })).toBe(true);
    expect(looksAlike(anne, { identifier: 'Z9', issuer: '', name: 'Lefèvre^Anne', birthDate: '19610102' })).toBe(false);
    expect(looksAlike({ ...anne, birthDate: '', identifier: '' }, { ...anne, birthDate: '', identifier: '' })).toBe(
      false,
    );
  });
});

describe('names', () => {
  it('are shown as FAMILY Given Middle, from the group that says something', () => {
    expect(displayPersonName('Lefèvre^Anne^Marie^Dr^')).toBe('LEFÈVRE Anne Marie');
    expect(displayPersonName('=山田^太郎=やまだ^たろう')).toBe('山田 太郎');
    expect(displayPersonName('^^^^')).toBe('');
    expect(tidyPersonName('Doe^Jane^^ ^ ==')).toBe('Doe^Jane');
    expect(nameKey('Lefèvre^Anne')).toBe(nameKey('ANNE^LEFEVRE'));
  });
});
