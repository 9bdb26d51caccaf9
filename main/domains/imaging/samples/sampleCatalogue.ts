import { seededUid } from './seededRandom.ts';

/** Who and what the sample studies are. All persons are invented. */

export const sampleNames = [
  'chest-ct',
  'chest-ct-prior',
  'head-mr',
  'chest-radiograph',
  'mammogram',
  'ultrasound',
] as const;

export type SampleName = (typeof sampleNames)[number];

/** An invented person; `name` is the DICOM PN value. */
export interface SamplePatient {
  readonly name: string;
  readonly patientId: string;
  readonly birthDate: string;
  readonly sex: 'F' | 'M';
  /** SpecificCharacterSet of the person's objects. */
  readonly characterSet: 'ISO_IR 100' | 'ISO_IR 192';
  readonly weightKg: number;
  readonly sizeM: number;
}

/** One sample study as a worklist would show it. */
export interface SampleStudy {
  readonly name: SampleName;
  readonly patient: SamplePatient;
  readonly studyUid: string;
  readonly date: string;
  readonly time: string;
  readonly description: string;
  readonly accessionNumber: string;
  readonly referringPhysician: string;
  readonly modality: string;
}

export const issuerOfPatientId = 'SALUS-SAMPLES';

const jeanne: SamplePatient = {
  name: 'LEFÈVRE^Jeanne',
  patientId: 'SAL-100271',
  birthDate: '19580417',
  sex: 'F',
  characterSet: 'ISO_IR 192',
  weightKg: 64,
  sizeM: 1.63,
};
const anneSophie: SamplePatient = {
  name: 'BEAUMONT-DESROCHERS DE SAINT-EXUPÉRY^Anne-Sophie^Éléonore^Mme',
  patientId: 'SAL-100358',
  birthDate: '19810923',
  sex: 'F',
  characterSet: 'ISO_IR 192',
  weightKg: 59,
  sizeM: 1.7,
};
const francois: SamplePatient = {
  name: 'GARÇON^François',
  patientId: 'SAL-100412',
  birthDate: '19490205',
  sex: 'M',
  characterSet: 'ISO_IR 100',
  weightKg: 82,
  sizeM: 1.76,
};
const maria: SamplePatient = {
  name: 'NÚÑEZ GARCÍA^María José',
  patientId: 'SAL-100467',
  birthDate: '19720630',
  sex: 'F',
  characterSet: 'ISO_IR 192',
  weightKg: 68,
  sizeM: 1.61,
};
const sian: SamplePatient = {
  name: "O'BRIEN^Siân",
  patientId: 'SAL-100503',
  birthDate: '19950112',
  sex: 'F',
  characterSet: 'ISO_IR 192',
  weightKg: 63,
  sizeM: 1.68,
};

/** The studies in the order they are made. Descriptions are French and English, as they come in a mixed archive. */
export const sampleStudies: Readonly<Record<SampleName, SampleStudy>> = {
  'chest-ct': study(
    'chest-ct',
    jeanne,
    '20261109',
    '091523',
    'TDM thorax avec injection',
    'A26110901',
    'MÉNARD^Hélène^^Dr',
    'CT',
  ),
  'chest-ct-prior': study(
    'chest-ct-prior',
    jeanne,
    '20260311',
    '143205',
    'TDM thorax sans injection',
    'A26031107',
    'MÉNARD^Hélène^^Dr',
    'CT',
  ),
  'head-mr': study(
    'head-mr',
    anneSophie,
    '20261112',
    '104410',
    'MR brain without contrast',
    'A26111204',
    'OKAFOR^Chidi^^Dr',
    'MR',
  ),
  'chest-radiograph': study(
    'chest-radiograph',
    francois,
    '20261116',
    '081702',
    'Radiographie thorax face et profil',
    'A26111611',
    'BÉRANGER^Noël^^Dr',
    'DX',
  ),
  mammogram: study(
    'mammogram',
    maria,
    '20261105',
    '153348',
    'Mammographie bilatérale',
    'A26110519',
    'LÓPEZ^Inés^^Dra',
    'MG',
  ),
  ultrasound: study(
    'ultrasound',
    sian,
    '20261118',
    '112956',
    'US abdomen limited',
    'A26111802',
    'EVANS^Rhys^^Dr',
    'US',
  ),
};

function study(
  name: SampleName,
  patient: SamplePatient,
  date: string,
  time: string,
  description: string,
  accessionNumber: string,
  referringPhysician: string,
  modality: string,
): SampleStudy {
  const studyUid = seededUid(`${name}:study`);
  return { name, patient, studyUid, date, time, description, accessionNumber, referringPhysician, modality };
}
