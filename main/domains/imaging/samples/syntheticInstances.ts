import { pixelBytes, writeDicom } from './dicomWriter.ts';
import type { SampleFile } from './sampleModules.ts';
import { seededUid } from './seededRandom.ts';

/** What load tests want of a pile of small instances. */
export interface SyntheticOptions {
  readonly count: number;
  readonly rows?: number;
  readonly columns?: number;
  /** Instances per series; 100 unless said. */
  readonly perSeries?: number;
  /** Series per study; 2 unless said. */
  readonly perStudy?: number;
  /** Studies per patient; 2 unless said. */
  readonly perPatient?: number;
  /** Another seed gives other UIDs and patients. */
  readonly seed?: string;
}

/** A small instance and what it says of itself. */
export interface SyntheticInstance extends SampleFile {
  readonly patientId: string;
  readonly studyUid: string;
  readonly seriesUid: string;
  readonly sopInstanceUid: string;
}

const secondaryCapture = '1.2.840.10008.5.1.4.1.1.7';
const familyNames = [
  'BERNARD',
  'PETIT',
  'MOREAU',
  'LEFEBVRE',
  'ÇELIK',
  'NÚÑEZ',
  'ØSTERGÅRD',
  'KOWALSKI',
  'DIALLO',
  'TRAN',
];
const givenNames = ['Anaïs', 'Marc', 'Zoé', 'Émile', 'Inès', 'Björn', 'Aminata', 'José'];

/**
 * Makes `count` small grey images (64² unless said) spread over patients, studies and series; every one differs from
 * the others in its pixels too. Deterministic.
 */
export function* syntheticInstances(options: SyntheticOptions): Generator<SyntheticInstance> {
  const { count, rows = 64, columns = 64, perSeries = 100, perStudy = 2, perPatient = 2, seed = 'load' } = options;
  const pixels = new Uint16Array(rows * columns);
  let series = -1;
  let ids = { patientId: '', studyUid: '', seriesUid: '' };
  for (let index = 0; index < count; index++) {
    const seriesIndex = Math.floor(index / perSeries);
    const studyIndex = Math.floor(seriesIndex / perStudy);
    const patientIndex = Math.floor(studyIndex / perPatient);
    if (seriesIndex !== series) {
      series = seriesIndex;
      ids = {
        patientId: `LOAD-${seed}-${String(patientIndex).padStart(6, '0')}`,
        studyUid: seededUid(`${seed}:study:${studyIndex}`),
        seriesUid: seededUid(`${seed}:series:${seriesIndex}`),
      };
    }
    const sopInstanceUid = seededUid(`${seed}:instance:${index}`);
    for (let i = 0; i < pixels.length; i++) pixels[i] = (i * 13 + (i >> 6) * 7 + index * 31) & 0xfff;
    pixels[0] = index & 0xffff;
    const number = (index % perSeries) + 1;
    const family = familyNames[patientIndex % familyNames.length]!;
    const given = givenNames[Math.floor(patientIndex / familyNames.length) % givenNames.length]!;
    const day = String((studyIndex % 28) + 1).padStart(2, '0');
    const bytes = writeDicom({
      meta: { sopClassUid: secondaryCapture, sopInstanceUid },
      dataset: {
        SpecificCharacterSet: 'ISO_IR 192',
        SOPClassUID: secondaryCapture,
        SOPInstanceUID: sopInstanceUid,
        StudyDate: `202610${day}`,
        StudyTime: '080000',
        ContentDate: `202610${day}`,
        ContentTime: '080000',
        AccessionNumber: `L${String(studyIndex).padStart(7, '0')}`,
        Modality: 'OT',
        BodyPartExamined: 'HEAD',
        ConversionType: 'SYN',
        ReferringPhysicianName: '',
        StudyDescription: 'Load test',
        PatientName: `${family}^${given}`,
        PatientID: ids.patientId,
        PatientBirthDate: `19${String(30 + (patientIndex % 70)).padStart(2, '0')}0101`,
        PatientSex: patientIndex % 2 === 0 ? 'F' : 'M',
        StudyInstanceUID: ids.studyUid,
        SeriesInstanceUID: ids.seriesUid,
        StudyID: String(studyIndex + 1),
        SeriesNumber: (seriesIndex % perStudy) + 1,
        InstanceNumber: number,
        PatientOrientation: '',
        SamplesPerPixel: 1,
        PhotometricInterpretation: 'MONOCHROME2',
        Rows: rows,
        Columns: columns,
        BitsAllocated: 16,
        BitsStored: 16,
        HighBit: 15,
        PixelRepresentation: 0,
        PixelData: pixelBytes(pixels),
      },
    });
    const folder = `synthetic/${String(studyIndex).padStart(6, '0')}/${String(seriesIndex % perStudy).padStart(2, '0')}`;
    yield { relativePath: `${folder}/${String(number).padStart(6, '0')}.dcm`, bytes, ...ids, sopInstanceUid };
  }
}
