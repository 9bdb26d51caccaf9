import type { JsonDataSet } from '../../../dicom/dicomJson.ts';
import {
  code,
  commonModules,
  distinctInstances,
  fitted,
  items,
  type ObjectOrigin,
  type ReferencedImage,
  reference,
  texts,
} from './objectParts.ts';
import type { ObjectUids } from './reportObjectUids.ts';

export const encapsulatedPdfStorage = '1.2.840.10008.5.1.4.1.1.104.1';

export interface PdfObjectInput extends ObjectOrigin {
  readonly uids: ObjectUids;
  readonly title: string;
  readonly seriesDescription: string;
  /** The signed document, byte for byte. */
  readonly pdf: Uint8Array;
  /** The images that the report shows. */
  readonly images: readonly ReferencedImage[];
}

/** Above what a modality numbers its series by, so that reports stand last. */
const seriesNumber = 9901;

/**
 * A signed report as an Encapsulated PDF (PS3.3 A.45.1). An addendum is an object of its own: it takes nothing from the
 * first report, so Predecessor Documents Sequence (C.17.2.2) does not name that one; the title tells.
 *
 * @throws Failure('imaging.identityDamaged')
 */
export function buildPdfObject(input: PdfObjectInput): JsonDataSet {
  const common = commonModules(input, {
    sopClassUid: encapsulatedPdfStorage,
    uids: input.uids,
    // Of a document, whatever it is about (CID 32); OT made viewers look for pixels.
    modality: 'DOC',
    seriesNumber,
    seriesDescription: input.seriesDescription,
  });
  const sources = distinctInstances(input.images);
  return {
    ...common,
    // When somebody began to write is not known of a document that was edited: Type 2, so empty.
    '0008002A': { vr: 'DT' },
    '00080064': texts('CS', 'WSD'),
    // The first page names the patient (C.24.2).
    '00280301': texts('CS', 'YES'),
    '0040A043': code(['18748-4', 'LN', 'Diagnostic imaging report']),
    '0040A493': texts('CS', 'VERIFIED'),
    ...(sources.length > 0 ? { '00420013': items(...sources.map((image) => reference(image, false))) } : {}),
    '00420010': texts('ST', fitted(input.title, 1024)),
    '00420011': { vr: 'OB', InlineBinary: Buffer.from(input.pdf).toString('base64') },
    '00420012': texts('LO', 'application/pdf'),
    // Without the NUL that makes the value even.
    '00420015': texts('UL', input.pdf.length),
  };
}
