import type { PixelRepair } from '../../../../app/domains/imaging/pixelRepairs.ts';
import { readJpeg2000Header } from './codecs/jpeg2000Header.ts';
import { hasEndOfImage, readJpegSegments } from './codecs/jpegSegments.ts';
import { assertFrame, decodeFrame, encapsulatedBytes, syntaxOf } from './decodeFrame.ts';
import { asRgb8 } from './displayColours.ts';
import { transformsOfFrame } from './frameTransforms.ts';
import { tableIndex } from './lookupTables.ts';
import { nativeFrameBytes } from './nativeFrames.ts';
import type { DecodedArray, LookupTable, PixelDescription } from './pixelDescription.ts';
import { EXPLICIT_LITTLE_ENDIAN, type PixelCoding } from './transferSyntaxes.ts';

/**
 * What the WADO-RS frames route sends (PS3.18 section 10.4). Read from @cornerstonejs/dicom-image-loader 5.14
 * (decodeImageFrameWorker.js, createImage.js), the viewer decodes these rightly, and they go out as they are stored:
 *
 * - JPEG baseline (.50), 8-bit grey, complete;
 * - JPEG-LS (.80, .81) grey, complete;
 * - HTJ2K, grey with the sign the data set says, or 8-bit RGB, complete.
 *
 * Everything else goes out as explicit VR little endian, decoded here, because there the viewer
 * - gives the pixels of the frame before where its JPEG 2000 decoder (OpenJPEG, kept from frame to frame) refuses a
 *   damaged one, and paints a damaged JPEG lossless scan as if it were whole: another slice, or a false one, under this
 *   slice's name. This decoder refuses both (proven in viewerAgreement.test.ts);
 * - draws 8-bit colour JPEG through an `<img>` (its colour management and guesses, and a `data:` address no strict
 *   content policy allows) and 12-bit JPEG with a coarse inverse DCT;
 * - paints what is missing of a cut RLE, lossless or JPEG stream without a word, where this decoder gives the reason;
 * - does not convert packed YBR_FULL_422, ignores the interleave mode of JPEG-LS and the word order of big-endian OW;
 * - wraps signed 8-bit values, keeps bits above `bitsStored`, ignores the high bit, shows 16-bit colour as noise;
 * - wants palettes as numbers in the metadata and knows no segmented ones, and knows no Modality LUT sequence.
 */
export interface WebFrame {
  /** May be a view of the file's bytes: send it, don't transfer its buffer. */
  readonly bytes: Uint8Array;
  readonly transferSyntaxUid: string;
  /** For the part's header, transfer syntax included. */
  readonly contentType: string;
  /** How it was read otherwise than it is written, so that the viewer can say so. */
  readonly repaired: readonly PixelRepair[];
}

/** Image pixel attributes as `frameForWeb` sends the frames: the metadata route replaces the stored ones by these. */
export interface WebPixelAttributes {
  readonly rows: number;
  readonly columns: number;
  readonly samplesPerPixel: 1 | 3;
  readonly photometricInterpretation: string;
  /** Only for colour. */
  readonly planarConfiguration?: 0;
  readonly bitsAllocated: 8 | 16 | 32;
  readonly bitsStored: number;
  readonly highBit: number;
  /** Absent for floating-point pixels: the viewer then reads 32 bits as float. */
  readonly pixelRepresentation?: 0 | 1;
  /** Attributes (GGGGEEEE) the metadata must not carry any more, their work being done on the pixels. */
  readonly removed: readonly string[];
}

const PALETTE_TAGS = ['1101', '1102', '1103', '1201', '1202', '1203', '1221', '1222', '1223'].map(
  (tag) => `0028${tag}`,
);

function isColour(description: PixelDescription): boolean {
  return description.samplesPerPixel === 3 || description.palette !== undefined;
}

function modalityLutOf(description: PixelDescription, frameIndex: number): LookupTable | undefined {
  const { modality } = transformsOfFrame(description, frameIndex);
  return modality.kind === 'lut' ? modality.lut : undefined;
}

function codedPrecision(coding: PixelCoding, bytes: Uint8Array): number | undefined {
  if (coding === 'jpeg2000' || coding === 'htj2k') return readJpeg2000Header(bytes).precision;
  if (coding === 'jpegLs') return readJpegSegments(bytes).precision;
  if (coding !== 'jpeg') return undefined;
  const { frameMarker, precision } = readJpegSegments(bytes);
  return frameMarker === 0xc3 ? undefined : precision;
}

/** Bits the decoded values may need: more than the data set says where a codec keeps its own depth. */
function neededBits(description: PixelDescription): number {
  const { bitsStored, bitsAllocated, source } = description;
  if (source.pixels.kind !== 'encapsulated') return bitsStored;
  try {
    const bytes = encapsulatedBytes(description, source.pixels, 0);
    const precision = codedPrecision(syntaxOf(description).coding, bytes) ?? bitsStored;
    return Math.min(Math.max(bitsStored, precision), Math.max(8, bitsAllocated));
  } catch (error) {
    // the first frame is unreadable and says so when asked for; the others keep what the data set says
    if (error instanceof Error && error.name === 'Failure') return bitsStored;
    throw error;
  }
}

/** The image pixel attributes that go with `frameForWeb`, the same for all frames of the object. */
export function webPixelAttributes(description: PixelDescription): WebPixelAttributes {
  const { rows, columns, bitsAllocated, sampleFormat, photometricInterpretation, pixelRepresentation } = description;
  const size = { rows, columns };
  if (isColour(description)) {
    return {
      ...size,
      samplesPerPixel: 3,
      photometricInterpretation: 'RGB',
      planarConfiguration: 0,
      bitsAllocated: 8,
      bitsStored: 8,
      highBit: 7,
      pixelRepresentation: 0,
      removed: description.palette ? PALETTE_TAGS : [],
    };
  }
  const grey = { ...size, samplesPerPixel: 1 as const, photometricInterpretation };
  if (sampleFormat !== 'integer')
    return { ...grey, bitsAllocated: 32, bitsStored: 32, highBit: 31, removed: ['00280103'] };
  const lut = modalityLutOf(description, 0);
  if (lut) {
    const bits = lut.bits;
    return {
      ...grey,
      bitsAllocated: 16,
      bitsStored: bits,
      highBit: bits - 1,
      pixelRepresentation: 0,
      removed: ['00283000'],
    };
  }
  if (bitsAllocated === 8 && pixelRepresentation === 1) {
    return { ...grey, bitsAllocated: 16, bitsStored: 16, highBit: 15, pixelRepresentation: 1, removed: [] };
  }
  const bits = neededBits(description);
  const allocated = bitsAllocated === 1 ? 8 : bitsAllocated === 64 ? 32 : bitsAllocated;
  return { ...grey, bitsAllocated: allocated, bitsStored: bits, highBit: bits - 1, pixelRepresentation, removed: [] };
}

/** True when the viewer, which extends the sign from the bits stored it is told, reads a stream of that depth rightly. */
function keepsDepth(description: PixelDescription, precision: number): boolean {
  if (description.pixelRepresentation === 1) return precision === description.bitsStored;
  return precision <= Math.max(8, description.bitsAllocated);
}

/** True when the viewer decodes this compressed frame to the same values as `decodeFrame`. */
function mayGoAsStored(description: PixelDescription, coding: PixelCoding, bytes: Uint8Array): boolean {
  const { rows, columns, samplesPerPixel, bitsAllocated, bitsStored, pixelRepresentation, overlays } = description;
  if (description.palette || bitsAllocated === 1) return false;
  if (bitsAllocated === 8 && pixelRepresentation === 1) return false;
  if (overlays.some((overlay) => overlay.embeddedBit !== undefined)) return false;
  if (coding === 'htj2k') {
    const header = readJpeg2000Header(bytes);
    if (header.rows !== rows || header.columns !== columns || header.components !== samplesPerPixel) return false;
    if (!keepsDepth(description, header.precision)) return false;
    if (samplesPerPixel === 1) return header.signed === (pixelRepresentation === 1);
    const isRgb = header.colourTransform || /^(RGB|YBR_ICT|YBR_RCT)$/.test(description.photometricInterpretation);
    return isRgb && !header.signed && header.precision === 8 && bitsStored === 8 && bitsAllocated === 8;
  }
  if (samplesPerPixel !== 1 || (coding !== 'jpeg' && coding !== 'jpegLs')) return false;
  const segments = readJpegSegments(bytes);
  if (segments.rows !== rows || segments.columns !== columns || segments.components.length !== 1) return false;
  if (!hasEndOfImage(bytes)) return false;
  if (coding === 'jpegLs') return segments.frameMarker === 0xf7 && keepsDepth(description, segments.precision);
  return (
    description.transferSyntaxUid.endsWith('.4.50') &&
    segments.frameMarker === 0xc0 &&
    segments.precision === bitsStored &&
    bitsAllocated === 8
  );
}

/** Repairs of a frame that goes out compressed: those of its header, and a depth that its stream knows better. */
function repairsAsStored(
  description: PixelDescription,
  coding: PixelCoding,
  bytes: Uint8Array,
): readonly PixelRepair[] {
  const isDeeper = (codedPrecision(coding, bytes) ?? 0) > description.bitsStored;
  return isDeeper ? [...description.repaired, 'streamBitsStored'] : description.repaired;
}

/** True when stored little-endian cells already are what `decodeFrame` gives. */
function cellsAreClean(description: PixelDescription, bytes: Uint8Array): boolean {
  const { bitsAllocated, bitsStored, highBit, pixelRepresentation, sampleFormat } = description;
  if (sampleFormat !== 'integer') return true;
  if (highBit !== bitsStored - 1) return false;
  // the viewer extends the sign itself, from bits stored
  if (bitsStored === bitsAllocated || pixelRepresentation === 1) return true;
  // Every slice of a series passes here: one pass over whole cells, of whose bits only the union matters.
  const step = bitsAllocated / 8;
  const aligned = bytes.byteOffset % step === 0 ? bytes : bytes.slice();
  const cells = Math.floor(aligned.length / step);
  const values =
    step === 1
      ? aligned
      : step === 2
        ? new Uint16Array(aligned.buffer, aligned.byteOffset, cells)
        : new Uint32Array(aligned.buffer, aligned.byteOffset, cells);
  let union = 0;
  for (let index = 0; index < cells; index += 1) union |= values[index] as number;
  return union >>> bitsStored === 0;
}

function nativeAsStored(description: PixelDescription, frameIndex: number): Uint8Array | undefined {
  const { source, samplesPerPixel, bitsAllocated, bitsStored, pixelRepresentation } = description;
  if (source.pixels.kind !== 'native' || description.palette || bitsAllocated === 1 || bitsAllocated === 64) {
    return undefined;
  }
  if (bitsAllocated === 8 && pixelRepresentation === 1) return undefined;
  if (samplesPerPixel === 3) {
    const isPlainRgb = description.photometricInterpretation === 'RGB' && description.planarConfiguration === 0;
    if (!isPlainRgb || bitsAllocated !== 8 || bitsStored !== 8) return undefined;
  }
  const bytes = nativeFrameBytes(description, source.pixels, frameIndex);
  return cellsAreClean(description, bytes) ? bytes : undefined;
}

function applyLut(data: DecodedArray, lut: LookupTable): Uint16Array {
  const out = new Uint16Array(data.length);
  for (let i = 0; i < out.length; i++) out[i] = lut.values[tableIndex(lut, data[i] ?? 0)] ?? 0;
  return out;
}

function bytesOf(data: DecodedArray): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

function uncompressed(bytes: Uint8Array, repaired: readonly PixelRepair[]): WebFrame {
  return {
    bytes,
    repaired,
    transferSyntaxUid: EXPLICIT_LITTLE_ENDIAN,
    contentType: `application/octet-stream; transfer-syntax=${EXPLICIT_LITTLE_ENDIAN}`,
  };
}

/**
 * One frame for the frames route, to be read with the attributes of `webPixelAttributes`.
 * @param frameIndex 0-based
 * @throws Failure as decodeFrame
 */
export async function frameForWeb(description: PixelDescription, frameIndex: number): Promise<WebFrame> {
  assertFrame(description, frameIndex);
  const { pixels } = description.source;
  const lut = modalityLutOf(description, frameIndex);
  if (pixels.kind === 'native') {
    const stored = lut ? undefined : nativeAsStored(description, frameIndex);
    if (stored) return uncompressed(stored, description.repaired);
  } else if (!lut) {
    const syntax = syntaxOf(description);
    const bytes = encapsulatedBytes(description, pixels, frameIndex);
    if (mayGoAsStored(description, syntax.coding, bytes)) {
      const contentType = `${syntax.mediaType}; transfer-syntax=${syntax.uid}`;
      return {
        bytes,
        transferSyntaxUid: syntax.uid,
        contentType,
        repaired: repairsAsStored(description, syntax.coding, bytes),
      };
    }
  }
  const frame = await decodeFrame(description, frameIndex);
  const { repaired } = frame;
  if (isColour(description)) return uncompressed(asRgb8(frame, description.palette), repaired);
  if (lut) return uncompressed(bytesOf(applyLut(frame.data, lut)), repaired);
  if (frame.data instanceof Float64Array) return uncompressed(bytesOf(Float32Array.from(frame.data)), repaired);
  if (frame.data instanceof Int8Array) return uncompressed(bytesOf(Int16Array.from(frame.data)), repaired);
  return uncompressed(bytesOf(frame.data), repaired);
}
