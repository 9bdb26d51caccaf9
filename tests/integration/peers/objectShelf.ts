import { type JsonDataSet, toDicomJson } from '../../../main/dicom/dicomJson.ts';
import { openElements, textOf } from '../../../main/dicom/elementValues.ts';
import { readHeader } from '../../../main/dicom/part10.ts';

/** One object as a peer of the tests received it. */
export interface ShelfObject {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly studyUid: string;
  readonly seriesUid: string;
  readonly transferSyntaxUid: string;
  /** Part 10. */
  readonly bytes: Buffer;
  readonly json: JsonDataSet;
}

/** What a peer truly got, whole, in order, and what it truly kept: the truth that receipts are held against. */
export class ObjectShelf {
  readonly got: string[] = [];
  readonly kept = new Map<string, ShelfObject>();

  /** @param keep how it is kept: as it came, not at all, or with its last byte turned round */
  take(object: ShelfObject, keep: 'whole' | 'no' | 'damaged'): void {
    this.got.push(object.sopInstanceUid);
    if (keep === 'no') return;
    const bytes = Buffer.from(object.bytes);
    if (keep === 'damaged') bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 0xff;
    this.kept.set(object.sopInstanceUid, { ...object, bytes });
  }
}

/** @throws Error when these bytes are no whole DICOM object */
export function readShelfObject(bytes: Buffer): ShelfObject {
  const header = readHeader(bytes);
  if (header?.ending !== 'complete') throw new Error('no whole DICOM object');
  const reader = openElements(header.bytes, header.elements, header.littleEndian);
  return {
    sopClassUid: textOf(reader, 'x00080016'),
    sopInstanceUid: textOf(reader, 'x00080018'),
    studyUid: textOf(reader, 'x0020000d'),
    seriesUid: textOf(reader, 'x0020000e'),
    transferSyntaxUid: header.transferSyntaxUid,
    bytes,
    json: toDicomJson(reader),
  };
}
