import { describe, expect, it } from 'vitest';
import { isSamePerson, namesPatient, studyRefusal } from './patientMatch.ts';

const patient = { identifier: '40221873', name: 'NDIAYE^Amadou', birthDate: '19810302' };
const image = (more: object = {}) => ({ patient: { ...patient, sex: 'M', ...more } });

describe('the patient an image names', () => {
  it('is the screen’s when identifier, name and birth date agree', () => {
    expect(namesPatient(image(), patient)).toBe(true);
    expect(namesPatient(image({ name: 'Ndiaye^Amadou^^ ' }), patient)).toBe(true);
    expect(namesPatient(image({ name: 'NDIAYE^Amadou=漢字' }), { ...patient, name: 'NDIAYE^Amadou' })).toBe(true);
  });
  it('is another when one of them differs', () => {
    expect(namesPatient(image({ identifier: '40221874' }), patient)).toBe(false);
    expect(namesPatient(image({ name: 'NDIAYE^Aminata' }), patient)).toBe(false);
    expect(namesPatient(image({ birthDate: '19810303' }), patient)).toBe(false);
  });
  it('is drawable when the host says so: a derived object may leave the birth date out', () => {
    expect(namesPatient(image({ birthDate: '' }), patient)).toBe(true);
    expect(namesPatient(image({ birthDate: '1981.03.02' }), patient)).toBe(true);
  });
});

describe('two records', () => {
  it('stand side by side only when they are one, or a person linked them', () => {
    const a = { patientId: 'a', linkGroupId: null };
    expect(isSamePerson(a, a)).toBe(true);
    expect(isSamePerson(a, { patientId: 'b', linkGroupId: null })).toBe(false);
    expect(isSamePerson({ patientId: 'a', linkGroupId: 'g' }, { patientId: 'b', linkGroupId: 'g' })).toBe(true);
    expect(isSamePerson({ patientId: 'a', linkGroupId: 'g' }, { patientId: 'b', linkGroupId: 'h' })).toBe(false);
  });
});

describe('a study on the screen', () => {
  it('is taken off it once it names two people or is nobody’s prior any more, the one being read and any other', () => {
    const present = [
      { studyUid: '1.1', identityConflict: false },
      { studyUid: '1.2', identityConflict: true },
    ];
    expect(studyRefusal(present, '1.1')).toBeUndefined();
    expect(studyRefusal(present, '1.2')).toBe('imaging.identityConflict');
    expect(studyRefusal(present, '1.3')).toBe('imaging.patientDiffers');
  });
});
