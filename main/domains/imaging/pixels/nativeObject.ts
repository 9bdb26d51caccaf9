import { Failure } from '../../../../app/shared/failure.ts';
import { readHeader } from '../../../dicom/part10.ts';
import { DatasetError } from '../../../dicom/prepareDataset.ts';
import { type Replacement, rewriteDataset } from '../../../dicom/rewriteDataset.ts';
import { decodeFrame } from './decodeFrame.ts';
import { openDicomPixels } from './openDicomPixels.ts';
import type { DecodedFrame, PixelDescription } from './pixelDescription.ts';
import { EXPLICIT_LITTLE_ENDIAN, IMPLICIT_LITTLE_ENDIAN } from './transferSyntaxes.ts';

/** Decoded pixels are held in memory at once. */
const longestNative = 2 * 1024 ** 3;

/**
 * An object without compression, as a bare data set: for a peer that does not take it as it is. The pixels are those
 * that the decoder shows, every other value stays bit for bit, and so does what is said of earlier lossy compression.
 *
 * @param transferSyntaxUid explicit or implicit VR little endian
 * @throws Failure of the decoder; imaging.unsupportedPixelFormat where something would be lost, imaging.tooLarge
 */
export async function nativeObject(file: Uint8Array, transferSyntaxUid: string): Promise<Uint8Array> {
  if (transferSyntaxUid !== EXPLICIT_LITTLE_ENDIAN && transferSyntaxUid !== IMPLICIT_LITTLE_ENDIAN)
    throw new Failure('imaging.unsupportedTransferSyntax', 'objects are decoded to native little endian alone');
  const header = readHeader(file);
  if (header?.ending !== 'complete') throw new Failure('imaging.truncated', 'the object is not whole');
  const replaced = header.pixelData?.encapsulated ? await decodedPixels(openDicomPixels(file)) : new Map();
  const start = header.deflated
    ? 0
    : Object.values(header.metaElements).reduce(
        (last, element) => Math.max(last, element.dataOffset + element.length),
        header.hasPreamble ? 132 : 0,
      );
  const { bytes, littleEndian } = header;
  // As the reader does: some writers say explicit and write implicit.
  const looksExplicit = /^[A-Z]{2}$/.test(String.fromCharCode(bytes[start + 4] ?? 0, bytes[start + 5] ?? 0));
  const explicit = header.transferSyntaxUid !== IMPLICIT_LITTLE_ENDIAN && (looksExplicit || !littleEndian);
  try {
    const toExplicit = transferSyntaxUid === EXPLICIT_LITTLE_ENDIAN;
    return rewriteDataset(bytes, start, { explicit, littleEndian }, toExplicit, replaced);
  } catch (error) {
    if (!(error instanceof DatasetError)) throw error;
    throw new Failure('imaging.unsupportedPixelFormat', 'the data set cannot be written again', {
      reason: error.reason,
      tag: error.tag,
    });
  }
}

/** The elements that say how the pixels are coded, and the pixels (PS3.3 C.7.6.3). */
async function decodedPixels(description: PixelDescription): Promise<Map<number, Replacement>> {
  if (description.overlays.some(({ embeddedBit }) => embeddedBit !== undefined))
    throw new Failure('imaging.unsupportedPixelFormat', 'an overlay in the pixel cells would be lost');
  const frames: DecodedFrame[] = [];
  let bytes = 0;
  for (let index = 0; index < description.numberOfFrames; index += 1) {
    const frame = await decodeFrame(description, index);
    // What had to be mended to be shown is not what was stored.
    if (frame.repaired.some((repair) => repair !== 'streamBitsStored'))
      throw new Failure('imaging.damagedPixelData', 'the pixel data had to be repaired');
    bytes += frame.data.byteLength;
    if (bytes > longestNative) throw new Failure('imaging.tooLarge', 'the decoded pixels are too long', { bytes });
    frames.push(frame);
  }
  const first = frames[0];
  if (!first) throw new Failure('imaging.emptyPixelData', 'the object has no frame');
  const isBits = description.bitsAllocated === 1;
  const allocated = isBits ? 1 : first.data.BYTES_PER_ELEMENT * 8;
  const stored = isBits ? 1 : Math.max(...frames.map(({ bitsStored }) => bitsStored));
  const pixels = isBits ? packedBits(frames) : joinedFrames(frames, bytes);
  const replaced = new Map<number, Replacement>([
    [0x0028_0004, { vr: 'CS', value: text(first.photometricInterpretation) }],
    [0x0028_0006, first.samplesPerPixel === 3 ? unsignedShort(0) : null],
    [0x0028_0100, unsignedShort(allocated)],
    [0x0028_0101, unsignedShort(stored)],
    [0x0028_0102, unsignedShort(stored - 1)],
    [0x0028_0103, unsignedShort(first.signed ? 1 : 0)],
    // Offsets of fragments that are no more.
    [0x7fe0_0001, null],
    [0x7fe0_0002, null],
    [0x7fe0_0010, { vr: allocated > 8 ? 'OW' : 'OB', value: pixels }],
  ]);
  if (frames.some(({ lossy }) => lossy)) replaced.set(0x0028_2110, { vr: 'CS', value: text('01') });
  return replaced;
}

function joinedFrames(frames: readonly DecodedFrame[], bytes: number): Uint8Array {
  const joined = new Uint8Array(bytes + (bytes % 2));
  let at = 0;
  for (const { data } of frames) {
    joined.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return joined;
}

/** One bit to a pixel, frames behind each other without padding (PS3.5 8.1.1). */
function packedBits(frames: readonly DecodedFrame[]): Uint8Array {
  const count = frames.reduce((sum, { data }) => sum + data.length, 0);
  const bytes = Math.ceil(count / 8);
  const packed = new Uint8Array(bytes + (bytes % 2));
  let bit = 0;
  for (const { data } of frames) {
    for (const value of data) {
      if (value !== 0) packed[bit >> 3] = (packed[bit >> 3] ?? 0) | (1 << (bit & 7));
      bit += 1;
    }
  }
  return packed;
}

function unsignedShort(value: number): { vr: string; value: Uint8Array } {
  return { vr: 'US', value: Uint8Array.of(value & 0xff, value >> 8) };
}

function text(value: string): Uint8Array {
  return Buffer.from(value.length % 2 === 0 ? value : `${value} `, 'latin1');
}
