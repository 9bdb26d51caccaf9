import { Failure } from '../../../../app/shared/failure.ts';
import { type JsonDataSet, toDicomJson } from '../../../dicom/dicomJson.ts';
import {
  decimalsOf,
  type ElementReader,
  integerOf,
  itemsOf,
  openElements,
  textOf,
  unsignedShortOf,
} from '../../../dicom/elementValues.ts';
import type { DicomHeader } from '../../../dicom/part10.ts';

/** What the index keeps of one object. Texts are decoded; DA and TM stay DICOM text; '' and null mean absent. */
export interface InstanceHeader {
  readonly studyUid: string;
  readonly seriesUid: string;
  readonly sopUid: string;
  readonly sopClassUid: string;
  readonly transferSyntaxUid: string;
  /** True when some text could not be decoded and lost characters. */
  readonly textDamaged: boolean;

  readonly identifier: string;
  readonly issuer: string;
  readonly name: string;
  readonly birthDate: string;
  readonly sex: string;
  /** It says that it names nobody any more: Patient Identity Removed (0012,0062). */
  readonly identityRemoved: boolean;

  readonly studyDate: string;
  readonly studyTime: string;
  readonly studyId: string;
  readonly studyDescription: string;
  readonly accessionNumber: string;
  readonly referringPhysician: string;
  readonly patientAge: string;
  readonly patientWeightKg: number | null;
  readonly institution: string;

  readonly modality: string;
  readonly seriesNumber: number | null;
  readonly seriesDescription: string;
  readonly bodyPart: string;
  readonly laterality: string;
  readonly frameOfReferenceUid: string;

  readonly instanceNumber: number | null;
  /** Frames of an image, 1 when the header does not say; 0 for an object without pixels. */
  readonly frames: number;
  readonly rows: number | null;
  readonly columns: number | null;
  readonly isImage: boolean;
  /** Image Position (Patient), mm, LPS (PS3.3 C.7.6.2); empty unless it is three numbers. */
  readonly positionMm: readonly number[];
  /** Image Orientation (Patient), direction cosines of row and column; empty unless it is six numbers. */
  readonly orientation: readonly number[];
}

const mediaStorageDirectory = '1.2.840.10008.1.3.10';
const uidPattern = /^[0-9.]{1,64}$/;

/**
 * The index entry of a header.
 *
 * @throws Failure('imaging.isDicomdir') for a media directory, Failure('imaging.missingUid' | 'imaging.invalidUid')
 *   naming the attribute (never its value) in `details.attribute`
 */
export function toInstanceHeader(header: DicomHeader): { instance: InstanceHeader; json: JsonDataSet } {
  const reader = openElements(header.bytes, header.elements, header.littleEndian);
  const meta = openElements(header.bytes, header.metaElements, true);
  const sopClassUid = textOf(reader, 'x00080016') || textOf(meta, 'x00020002');
  if (sopClassUid === mediaStorageDirectory || header.elements['x00041220']) {
    throw new Failure('imaging.isDicomdir', 'a media directory, not an instance');
  }
  const studyUid = requireUid(textOf(reader, 'x0020000d'), 'StudyInstanceUID');
  const seriesUid = requireUid(textOf(reader, 'x0020000e'), 'SeriesInstanceUID');
  const sopUid = requireUid(textOf(reader, 'x00080018') || textOf(meta, 'x00020003'), 'SOPInstanceUID');

  const isImage = header.pixelData !== null;
  const { positionMm, orientation } = readGeometry(reader);
  const json = toDicomJson(reader);
  // PS3.18 8.7.3: the syntax the object is stored in, for a client that chooses what to ask for.
  json['00083002'] = { vr: 'UI', Value: [header.transferSyntaxUid] };
  const weight = decimalsOf(reader, 'x00101030')[0] ?? null;
  const frames = integerOf(reader, 'x00280008');
  return {
    instance: {
      studyUid,
      seriesUid,
      sopUid,
      sopClassUid,
      transferSyntaxUid: header.transferSyntaxUid,
      identifier: textOf(reader, 'x00100020'),
      issuer: textOf(reader, 'x00100021'),
      name: textOf(reader, 'x00100010'),
      birthDate: textOf(reader, 'x00100030'),
      sex: textOf(reader, 'x00100040'),
      identityRemoved: textOf(reader, 'x00120062') === 'YES',
      studyDate: textOf(reader, 'x00080020'),
      studyTime: textOf(reader, 'x00080030'),
      studyId: textOf(reader, 'x00200010'),
      studyDescription: textOf(reader, 'x00081030'),
      accessionNumber: textOf(reader, 'x00080050'),
      referringPhysician: textOf(reader, 'x00080090'),
      patientAge: textOf(reader, 'x00101010'),
      patientWeightKg: weight !== null && weight > 0 ? weight : null,
      institution: textOf(reader, 'x00080080'),
      modality: textOf(reader, 'x00080060'),
      seriesNumber: integerOf(reader, 'x00200011'),
      seriesDescription: textOf(reader, 'x0008103e'),
      bodyPart: textOf(reader, 'x00180015'),
      laterality: textOf(reader, 'x00200060') || textOf(reader, 'x00200062'),
      frameOfReferenceUid: textOf(reader, 'x00200052'),
      instanceNumber: integerOf(reader, 'x00200013'),
      frames: isImage ? Math.max(1, frames ?? 1) : 0,
      rows: unsignedShortOf(reader, 'x00280010'),
      columns: unsignedShortOf(reader, 'x00280011'),
      isImage,
      positionMm,
      orientation,
      textDamaged: reader.notes.lossy,
    },
    json,
  };
}

/** Plane of the image: of the instance, or of the first frame's functional groups (PS3.3 C.7.6.16.2.3 and .4). */
function readGeometry(reader: ElementReader): { positionMm: number[]; orientation: number[] } {
  const shared = itemsOf(reader, 'x52009229')[0];
  const first = reader.elements['x00200032'] ? undefined : itemsOf(reader, 'x52009230')[0];
  const from = (sequence: string, tag: string): number[] => {
    const own = decimalsOf(reader, tag);
    if (own.length > 0) return own;
    for (const group of [first, shared]) {
      const item = group && itemsOf(group, sequence)[0];
      const values = item ? decimalsOf(item, tag) : [];
      if (values.length > 0) return values;
    }
    return [];
  };
  const positionMm = from('x00209113', 'x00200032');
  const orientation = from('x00209116', 'x00200037');
  return {
    positionMm: positionMm.length === 3 ? positionMm : [],
    orientation: orientation.length === 6 ? orientation : [],
  };
}

function requireUid(value: string, attribute: string): string {
  if (value === '') throw new Failure('imaging.missingUid', `no ${attribute}`, { attribute });
  if (!uidPattern.test(value)) throw new Failure('imaging.invalidUid', `${attribute} is no UID`, { attribute });
  return value;
}
