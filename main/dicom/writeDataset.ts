import { data, log } from 'dcmjs';
import type { JsonDataSet } from './dicomJson.ts';
import { DatasetError, prepareDataset } from './prepareDataset.ts';
import { implementationClassUid, implementationVersion } from './salusImplementation.ts';

/**
 * Writes data sets with dcmjs. Loading dcmjs takes 60 ms and more: a worker imports this module as any other, the
 * thread that answers the window by `await import(…)` where it is needed, so that start-up never pays for it.
 */

// dcmjs prints values that it finds wrong, and a value may name a patient. Its second logger has a level of its own.
log.setLevel('silent', false);
log.getLogger('validation.dcmjs').setLevel('silent', false);

const writable: ReadonlySet<string> = new Set(['1.2.840.10008.1.2', '1.2.840.10008.1.2.1']);

// `prepareDataset` has checked every length already; dcmjs would put the offending value into its error.
const options = { allowInvalidVRLength: true };

/**
 * A data set as bytes, without preamble and file meta group: ascending tags, even values, text in UTF-8 with Specific
 * Character Set ISO_IR 192 as soon as one is not ASCII (PS3.5 sections 6 and 7).
 *
 * @param dataset in the DICOM JSON model (PS3.18 F.2); binary values inline
 * @param transferSyntaxUid implicit or explicit VR little endian
 * @throws DatasetError for what cannot be written as it stands; nothing is cut, rounded or replaced
 */
export function encodeDataset(dataset: JsonDataSet, transferSyntaxUid: string): Uint8Array {
  requireWritable(transferSyntaxUid);
  const dict = prepareDataset(dataset);
  return withoutValues(() => {
    const stream = new data.WriteBufferStream(4096, true);
    data.DicomMessage.write(dict, stream, transferSyntaxUid, options);
    return new Uint8Array(stream.getBuffer(0, stream.size));
  });
}

/** What `encodePart10` is given. */
export interface Part10Input {
  /** With SOPClassUID and SOPInstanceUID: the file meta group repeats them. */
  readonly dataset: JsonDataSet;
  /** Implicit or explicit VR little endian. */
  readonly transferSyntaxUid: string;
}

/**
 * A whole DICOM file: preamble, file meta group (PS3.10 section 7.1) and data set.
 *
 * @throws DatasetError as `encodeDataset`, and when the SOP class or instance UID is missing
 */
export function encodePart10({ dataset, transferSyntaxUid }: Part10Input): Uint8Array {
  requireWritable(transferSyntaxUid);
  const meta = prepareDataset(
    {
      '00020001': { vr: 'OB', InlineBinary: 'AAE=' },
      '00020002': { vr: 'UI', Value: [requiredUid(dataset, '00080016')] },
      '00020003': { vr: 'UI', Value: [requiredUid(dataset, '00080018')] },
      '00020010': { vr: 'UI', Value: [transferSyntaxUid] },
      '00020012': { vr: 'UI', Value: [implementationClassUid] },
      '00020013': { vr: 'SH', Value: [implementationVersion] },
    },
    'meta',
  );
  const dict = prepareDataset(dataset);
  return withoutValues(() => {
    const file = new data.DicomDict(meta);
    file.dict = dict;
    return new Uint8Array(file.write(options));
  });
}

function requireWritable(transferSyntaxUid: string): void {
  if (!writable.has(transferSyntaxUid)) {
    throw new DatasetError('syntax', '', 'data sets are written in implicit or explicit VR little endian');
  }
}

function requiredUid(dataset: JsonDataSet, tag: string): string {
  const value = dataset[tag]?.Value?.[0];
  if (typeof value !== 'string' || value === '') throw new DatasetError('missing', tag, 'a file needs this UID');
  return value;
}

/** Whatever dcmjs still objects to is told without its words, which may repeat a value. */
function withoutValues<Result>(write: () => Result): Result {
  try {
    return write();
  } catch {
    throw new DatasetError('unwritable', '', 'dcmjs refused a data set that had passed every check');
  }
}
