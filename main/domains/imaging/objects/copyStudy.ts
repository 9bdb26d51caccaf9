import { Failure } from '../../../../app/shared/failure.ts';
import type { JsonAttribute, JsonDataSet } from '../../../dicom/dicomJson.ts';
import { DatasetError, prepareDataset } from '../../../dicom/prepareDataset.ts';

/** Who somebody is: what of this cannot be copied whole stops the object. */
const identifying: Readonly<Record<string, string>> = {
  '00080050': 'SH', // Accession Number
  '00100010': 'PN', // Patient's Name
  '00100020': 'LO', // Patient ID
  '00100021': 'LO', // Issuer of Patient ID
};

/** Type 2 of the Patient and General Study modules (PS3.3 C.7.1.1, C.7.2.1): there, though perhaps empty. */
const alwaysThere: Readonly<Record<string, string>> = {
  '00080020': 'DA', // Study Date
  '00080030': 'TM', // Study Time
  '00080050': 'SH',
  '00080090': 'PN', // Referring Physician's Name
  '00100010': 'PN',
  '00100020': 'LO',
  '00100030': 'DA', // Patient's Birth Date
  '00100040': 'CS', // Patient's Sex
  '0020000D': 'UI', // Study Instance UID
  '00200010': 'SH', // Study ID
};

/** What else of the two modules goes along where the source has it. Nothing of an acquisition does. */
const copied: readonly string[] = [
  ...Object.keys(alwaysThere),
  '00080051', // Issuer of Accession Number Sequence
  '00080096', // Referring Physician Identification Sequence
  '00081030', // Study Description
  '00081032', // Procedure Code Sequence
  '00081048', // Physician(s) of Record
  '00081049',
  '00081060', // Name of Physician(s) Reading Study
  '00081062',
  '00081110', // Referenced Study Sequence
  '00100021',
  '00100022', // Type of Patient ID
  '00100024', // Issuer of Patient ID Qualifiers Sequence
  '00100032', // Patient's Birth Time
  '00101000', // Other Patient IDs
  '00101001', // Other Patient Names
  '00101002', // Other Patient IDs Sequence
  '00102160', // Ethnic Group
  '00102201', // Patient Species Description
  '00102202',
  '00102292',
  '00102293',
  '00102294',
  '00102297', // Responsible Person
  '00102298',
  '00102299',
  '00120062', // Patient Identity Removed
  '00120063',
  '00120064',
];

/**
 * The Patient and General Study modules of an object that joins a study, from the header of one that is in it: never
 * typed again from lists of ours, which know less. What is no name and cannot be written lawfully stays empty or away.
 *
 * @param source header of an instance of the study, in the DICOM JSON model
 * @throws Failure('imaging.identityDamaged') when a name or an identifier is damaged there, or could not be written as
 *   it is; `details.attribute` is its tag
 */
export function copyStudy(source: JsonDataSet): JsonDataSet {
  const dataset: JsonDataSet = {};
  for (const tag of copied) {
    const attribute = source[tag];
    const vr = alwaysThere[tag];
    if (attribute !== undefined && (vr === undefined || attribute.vr === vr)) {
      const plain = attribute.vr === 'DA' || attribute.vr === 'TM' ? modernised(attribute) : attribute;
      if (isWhole(tag, plain)) {
        dataset[tag] = plain;
        continue;
      }
    }
    if (attribute !== undefined && tag in identifying) {
      throw new Failure('imaging.identityDamaged', 'a name or an identifier of the study cannot be copied', {
        attribute: tag,
      });
    }
    if (vr !== undefined) dataset[tag] = { vr };
  }
  return dataset;
}

/** True for an attribute without a lost character that can be written as it stands. */
function isWhole(tag: string, attribute: JsonAttribute): boolean {
  // What could not be decoded was replaced by U+FFFD when the header was read.
  if (JSON.stringify(attribute).includes('\ufffd')) return false;
  try {
    prepareDataset({ [tag]: attribute });
    return true;
  } catch (error) {
    if (error instanceof DatasetError) return false;
    throw error;
  }
}

/** Dates and times as they were written before 1993 (PS3.5 table 6.2-1, notes) in today's form; what is none becomes empty. */
function modernised(attribute: JsonAttribute): JsonAttribute {
  const [value] = attribute.Value ?? [];
  if (typeof value !== 'string') return { vr: attribute.vr };
  const digits =
    attribute.vr === 'DA' ? value.replace(/^(\d{4})\.(\d\d)\.(\d\d)$/, '$1$2$3') : value.replaceAll(':', '');
  const pattern = attribute.vr === 'DA' ? /^\d{8}$/ : /^\d{2}(\d{2}(\d{2}(\.\d{1,6})?)?)?$/;
  return pattern.test(digits) ? { vr: attribute.vr, Value: [digits] } : { vr: attribute.vr };
}
