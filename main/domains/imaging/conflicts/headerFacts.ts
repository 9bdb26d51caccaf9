import { inflateRawSync } from 'node:zlib';
import type { PatientIdentity } from '../../../../app/domains/patients/patientRules.ts';
import type { JsonDataSet } from '../../../dicom/dicomJson.ts';

/** What a kept header says of whose it is and of its study: enough to describe a study again without some of its instances. */
export interface HeaderFacts {
  readonly identity: PatientIdentity;
  readonly modality: string;
  readonly bodyPart: string;
  readonly studyDate: string;
  readonly studyTime: string;
  readonly studyId: string;
  readonly description: string;
  readonly accessionNumber: string;
  readonly referringPhysician: string;
  readonly institution: string;
  readonly patientAge: string;
  readonly patientWeightKg: number | null;
  readonly seriesNumber: number | null;
  readonly seriesDescription: string;
  readonly laterality: string;
  readonly frameOfReferenceUid: string;
}

/** The facts of a header as the index keeps it: DICOM JSON (PS3.18 F), UTF-8, raw deflate. */
export function unpackFacts(packed: Uint8Array): HeaderFacts {
  const json = JSON.parse(inflateRawSync(packed).toString('utf8')) as JsonDataSet;
  const text = (tag: string): string => textOfJson(json[tag]?.Value?.[0]);
  const weight = Number(text('00101030'));
  const seriesNumber = text('00200011');
  return {
    identity: {
      identifier: text('00100020'),
      issuer: text('00100021'),
      name: text('00100010'),
      birthDate: text('00100030'),
    },
    modality: text('00080060'),
    bodyPart: text('00180015'),
    studyDate: text('00080020'),
    studyTime: text('00080030'),
    studyId: text('00200010'),
    description: text('00081030'),
    accessionNumber: text('00080050'),
    referringPhysician: text('00080090'),
    institution: text('00080080'),
    patientAge: text('00101010'),
    patientWeightKg: weight > 0 && Number.isFinite(weight) ? weight : null,
    seriesNumber: /^[+-]?\d{1,12}$/.test(seriesNumber) ? Number(seriesNumber) : null,
    seriesDescription: text('0008103E'),
    laterality: text('00200060') || text('00200062'),
    frameOfReferenceUid: text('00200052'),
  };
}

function textOfJson(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return String(value);
  if (typeof value !== 'object' || value === null) return '';
  const name = value as Partial<Record<'Alphabetic' | 'Ideographic' | 'Phonetic', string>>;
  return [name.Alphabetic ?? '', name.Ideographic ?? '', name.Phonetic ?? ''].join('=').replace(/=+$/, '');
}
