import { type JsonDataSet, toDicomJson } from './dicomJson.ts';
import { openElements } from './elementValues.ts';
import { readBareDataSet } from './part10.ts';
import { DatasetError } from './prepareDataset.ts';

/**
 * A data set as it comes over a network (no preamble, no file meta group), as the DICOM JSON model. Up to the pixel
 * data; binary values beyond 2 MiB are left out.
 *
 * @throws DatasetError('malformed') when the bytes end in the middle of an element or are none
 */
export function decodeDataset(bytes: Uint8Array, transferSyntaxUid: string): JsonDataSet {
  const header = readBareDataSet(bytes, transferSyntaxUid);
  if (header.ending !== 'complete')
    throw new DatasetError('malformed', '', 'the data set could not be read to its end');
  return toDicomJson(openElements(header.bytes, header.elements, header.littleEndian));
}
