import type { DicomDataset } from './dicomWriter.ts';
import { writeDicom } from './dicomWriter.ts';
import { issuerOfPatientId, type SampleStudy } from './samplesTruth.ts';
import { seededUid } from './seededRandom.ts';

/** One file of a sample study; the path is relative to the folder the studies go to, with forward slashes. */
export interface SampleFile {
  readonly relativePath: string;
  readonly bytes: Uint8Array;
}

/** What a series of a sample study is. */
export interface SampleSeries {
  readonly uid: string;
  readonly number: number;
  readonly description: string;
  readonly modality: string;
}

/** The modules every sample object shares: patient, general study, general series, equipment, SOP common. */
export function commonModules(study: SampleStudy, series: SampleSeries): DicomDataset {
  const { patient } = study;
  const age = yearsBetween(patient.birthDate, study.date);
  return {
    SpecificCharacterSet: patient.characterSet,
    InstanceCreationDate: study.date,
    InstanceCreationTime: study.time,
    StudyDate: study.date,
    StudyTime: study.time,
    SeriesDate: study.date,
    SeriesTime: study.time,
    AcquisitionDate: study.date,
    AcquisitionTime: study.time,
    ContentDate: study.date,
    ContentTime: study.time,
    AccessionNumber: study.accessionNumber,
    Modality: series.modality,
    Manufacturer: 'Salus',
    InstitutionName: 'Clinique des Fantômes',
    ReferringPhysicianName: study.referringPhysician,
    StationName: `PHANTOM-${series.modality}`,
    StudyDescription: study.description,
    SeriesDescription: series.description,
    ManufacturerModelName: 'Mathematical phantom',
    PatientName: patient.name,
    PatientID: patient.patientId,
    IssuerOfPatientID: issuerOfPatientId,
    PatientBirthDate: patient.birthDate,
    PatientSex: patient.sex,
    PatientAge: `${String(age).padStart(3, '0')}Y`,
    PatientSize: patient.sizeM,
    PatientWeight: patient.weightKg,
    PatientComments: 'Invented person. Images computed from a mathematical phantom; not for diagnosis.',
    DeviceSerialNumber: 'PHANTOM-1',
    SoftwareVersions: '1',
    StudyInstanceUID: study.studyUid,
    SeriesInstanceUID: series.uid,
    StudyID: study.accessionNumber.slice(-6),
    SeriesNumber: series.number,
    LossyImageCompression: '00',
    BurnedInAnnotation: 'NO',
  };
}

/** Pixel description of a grey image in 16-bit words. */
export function greyPixels(rows: number, columns: number, bitsStored: number, signed: boolean): DicomDataset {
  return {
    SamplesPerPixel: 1,
    PhotometricInterpretation: 'MONOCHROME2',
    Rows: rows,
    Columns: columns,
    BitsAllocated: 16,
    BitsStored: bitsStored,
    HighBit: bitsStored - 1,
    PixelRepresentation: signed ? 1 : 0,
  };
}

/** A code sequence item. */
export function code(value: string, scheme: string, meaning: string): DicomDataset {
  return { CodeValue: value, CodingSchemeDesignator: scheme, CodeMeaning: meaning };
}

/** The SOP Instance UID of one object of a series. */
export function instanceUid(seriesUid: string, instanceNumber: number): string {
  return seededUid(`${seriesUid}:${instanceNumber}`);
}

/** Writes one object of a series and names its file `<study>/<series>/<number>.dcm`. */
export function sampleFile(
  folder: string,
  series: SampleSeries,
  sopClassUid: string,
  instanceNumber: number,
  dataset: DicomDataset,
): SampleFile {
  const sopInstanceUid = instanceUid(series.uid, instanceNumber);
  const bytes = writeDicom({
    meta: { sopClassUid, sopInstanceUid },
    dataset: { ...dataset, SOPClassUID: sopClassUid, SOPInstanceUID: sopInstanceUid, InstanceNumber: instanceNumber },
  });
  const number = String(instanceNumber).padStart(4, '0');
  return { relativePath: `${folder}/${String(series.number).padStart(2, '0')}/${number}.dcm`, bytes };
}

function yearsBetween(from: string, to: string): number {
  const years = Number(to.slice(0, 4)) - Number(from.slice(0, 4));
  return to.slice(4) < from.slice(4) ? years - 1 : years;
}
