import { deflateRawSync } from 'node:zlib';
import { Failure } from '../../../../app/shared/failure.ts';
import type { JsonDataSet } from '../../../dicom/dicomJson.ts';
import { type DicomHeader, readHeader } from '../../../dicom/part10.ts';
import { type InstanceHeader, toInstanceHeader } from '../header/instanceHeader.ts';
import { webPixelAttributes } from '../pixels/frameForWeb.ts';
import { openDicomPixels } from '../pixels/openDicomPixels.ts';

/** An object fit to be kept: its index entry, and its header as DICOM JSON in UTF-8, raw deflate. */
export interface ExaminedObject {
  readonly header: InstanceHeader;
  readonly json: Uint8Array;
}

/**
 * Says whether a whole file is an object to be kept. Kept as received is everything whose UIDs are there and whose
 * bytes are all there: dimensions and pixel values are the viewport's business.
 *
 * @throws Failure('imaging.emptyFile' | 'imaging.notDicom' | 'imaging.truncated' | 'imaging.missingUid' |
 *   'imaging.invalidUid' | 'imaging.isDicomdir')
 */
export function examineObject(bytes: Uint8Array): ExaminedObject {
  if (bytes.length === 0) throw new Failure('imaging.emptyFile', 'the file is empty');
  const dicom = readHeader(bytes);
  const { instance, json } = examineHeader(dicom);
  if (dicom !== null && isCut(dicom, Math.max(1, instance.frames)))
    throw new Failure('imaging.truncated', 'the file ends inside its pixel data');
  if (dicom !== null && instance.isImage && !goesAsStored(dicom, json)) describeFrames(json, bytes);
  return packExamined(instance, json);
}

/** What `examineObject` says of a header, which may be all that is in memory. Throws as it does. */
export function examineHeader(dicom: DicomHeader | null): { instance: InstanceHeader; json: JsonDataSet } {
  if (dicom === null) throw new Failure('imaging.notDicom', 'no DICOM prefix and no DICOM data set');
  if (dicom.ending === 'cut') throw new Failure('imaging.truncated', 'the file ends inside its header');
  if (dicom.ending === 'malformed') throw new Failure('imaging.notDicom', 'the data set cannot be read');
  return toInstanceHeader(dicom);
}

export function packExamined(header: InstanceHeader, json: JsonDataSet): ExaminedObject {
  const packed = deflateRawSync(JSON.stringify(json), { level: 1 });
  // A copy of its own: a view would drag zlib's whole buffer along when it is posted to another thread.
  return { header, json: new Uint8Array(packed) };
}

const plainSyntaxes: readonly string[] = ['1.2.840.10008.1.2', '1.2.840.10008.1.2.1'];

/**
 * True for plain grey words, whose attributes `describeFrames` would write as they are: spares the commonest objects,
 * CT and MR slices, a second reading of their header.
 */
export function goesAsStored(dicom: DicomHeader, json: JsonDataSet): boolean {
  const one = (tag: string, vr: string): unknown => {
    const attribute = json[tag];
    return attribute?.vr === vr && attribute.Value?.length === 1 ? attribute.Value[0] : undefined;
  };
  const number = (tag: string): number => {
    const value = one(tag, 'US');
    return typeof value === 'number' ? value : Number.NaN;
  };
  const allocated = number('00280100');
  const stored = number('00280101');
  const representation = number('00280103');
  const photometric = one('00280004', 'CS');
  return (
    dicom.pixelData?.tag === 'x7fe00010' &&
    plainSyntaxes.includes(dicom.transferSyntaxUid) &&
    number('00280002') === 1 &&
    (photometric === 'MONOCHROME1' || photometric === 'MONOCHROME2') &&
    ((allocated === 16 && (representation === 0 || representation === 1)) ||
      (allocated === 8 && representation === 0)) &&
    stored >= 1 &&
    stored <= allocated &&
    number('00280102') === stored - 1 &&
    number('00280010') >= 1 &&
    number('00280011') >= 1 &&
    // A modality LUT, of the object or of a frame, is applied to what is sent.
    !('00283000' in json || '52009229' in json || '52009230' in json)
  );
}

/**
 * Puts the image pixel attributes into the metadata as the frames route sends the frames, which is not always how they
 * are stored: palettes are applied, big endian is turned round, odd depths are unpacked.
 */
export function describeFrames(json: JsonDataSet, bytes: Uint8Array): void {
  let web: ReturnType<typeof webPixelAttributes>;
  try {
    web = webPixelAttributes(openDicomPixels(bytes));
  } catch (error) {
    // Pixels nobody can show keep what their header says; asking for a frame gives the reason.
    if (error instanceof Failure) return;
    throw error;
  }
  for (const tag of web.removed) delete json[tag];
  const set = (tag: string, vr: string, value: string | number | undefined) => {
    if (value !== undefined) json[tag] = { vr, Value: [value] };
  };
  set('00280002', 'US', web.samplesPerPixel);
  set('00280004', 'CS', web.photometricInterpretation);
  set('00280006', 'US', web.planarConfiguration);
  set('00280010', 'US', web.rows);
  set('00280011', 'US', web.columns);
  set('00280100', 'US', web.bitsAllocated);
  set('00280101', 'US', web.bitsStored);
  set('00280102', 'US', web.highBit);
  set('00280103', 'US', web.pixelRepresentation);
}

/**
 * True when the file ends before its pixel data does.
 * - Native: the declared length reaches past the end of the file.
 * - Encapsulated (PS3.5 A.4): the end of the file lies inside a fragment; or it lies between two fragments, without
 *   the sequence delimiter, and there are fewer fragments than frames. A stream that lacks nothing but the delimiter
 *   is complete and is kept: some writers leave it out. What a fragment's own codestream lacks is not looked at here.
 */
export function isCut(dicom: DicomHeader, frames: number): boolean {
  const { pixelData, bytes } = dicom;
  if (pixelData === null) return false;
  if (!pixelData.encapsulated) return pixelData.offset + pixelData.length > bytes.length;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let position = pixelData.offset;
  let items = 0;
  while (position + 8 <= bytes.length) {
    const tag = (view.getUint16(position, true) << 16) | view.getUint16(position + 2, true);
    const length = view.getUint32(position + 4, true);
    if (tag >>> 0 === 0xfffee0dd) return false;
    // Anything else than an item here is damage, not a missing end: the object is kept and the viewport says what is wrong.
    if (tag >>> 0 !== 0xfffee000) return false;
    position += 8 + length;
    items += 1;
    if (position > bytes.length) return true;
  }
  // The first item is the Basic Offset Table.
  return items - 1 < frames;
}
