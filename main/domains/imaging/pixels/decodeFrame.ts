import { type CodedSamples, decodeCodedFrame } from './codedFrames.ts';
import { expand422, interleavePlanes, ybrFullToRgb, ybrPartialToRgb } from './colourSpaces.ts';
import { joinFragments } from './encapsulatedFrames.ts';
import { nativeBits, nativeFrameBytes, nativeSampleCount, typedSamples } from './nativeFrames.ts';
import type {
  DecodedArray,
  DecodedFrame,
  EncapsulatedPixels,
  OverlayPlane,
  PixelDescription,
} from './pixelDescription.ts';
import { pixelFailure } from './pixelFailures.ts';
import { findTransferSyntax, type TransferSyntax } from './transferSyntaxes.ts';

/** A failure unless the frame (0-based) is one the object claims to have. */
export function assertFrame(description: PixelDescription, frameIndex: number): void {
  if (!Number.isInteger(frameIndex) || frameIndex < 0 || frameIndex >= description.numberOfFrames) {
    throw pixelFailure('imaging.frameUnknown', 'the object has no such frame', {
      frameIndex,
      numberOfFrames: description.numberOfFrames,
    });
  }
}

export function syntaxOf(description: PixelDescription): TransferSyntax {
  const syntax = findTransferSyntax(description.transferSyntaxUid);
  if (!syntax) {
    throw pixelFailure('imaging.unsupportedTransferSyntax', 'no decoder for the transfer syntax', {
      transferSyntaxUid: description.transferSyntaxUid,
    });
  }
  return syntax;
}

/** The compressed bytes of one frame, joined from its fragments. */
export function encapsulatedBytes(
  description: PixelDescription,
  pixels: EncapsulatedPixels,
  frameIndex: number,
): Uint8Array {
  const fragments = pixels.frames[frameIndex];
  if (!fragments || fragments.some((fragment) => fragment.cut)) {
    throw pixelFailure('imaging.truncatedPixelData', 'the file ends before the frame does', { frameIndex });
  }
  return joinFragments(description.source.bytes, fragments);
}

/** Stored samples of a frame before masking, sign extension and colour conversion, in a buffer of their own. */
async function readSamples(
  description: PixelDescription,
  frameIndex: number,
): Promise<CodedSamples & { packed422: boolean }> {
  const { pixels } = description.source;
  if (pixels.kind === 'encapsulated') {
    const bytes = encapsulatedBytes(description, pixels, frameIndex);
    const coded = await decodeCodedFrame(syntaxOf(description), bytes, description);
    return { ...coded, packed422: false };
  }
  const { rows, columns, samplesPerPixel, bitsAllocated, bitsStored } = description;
  const packed422 = nativeSampleCount(description, pixels.available) !== rows * columns * samplesPerPixel;
  const data =
    bitsAllocated === 1
      ? nativeBits(description, pixels, frameIndex)
      : typedSamples(nativeFrameBytes(description, pixels, frameIndex).slice(), description);
  const rgb = /^(RGB|YBR_ICT|YBR_RCT)$/.test(description.photometricInterpretation);
  return { data, precision: bitsStored, rgb, lossy: false, repaired: [], packed422 };
}

/**
 * True when every sample of a stream of `precision` bits needs no more than `bits`: what is above them is zero, or
 * repeats the sign.
 */
function fitsBits(data: DecodedArray, precision: number, bits: number, signed: boolean): boolean {
  const up = 32 - precision;
  const low = signed ? -(2 ** (bits - 1)) : 0;
  const high = 2 ** bits - 1;
  for (let i = 0; i < data.length; i++) {
    const stored = data[i] ?? 0;
    const value = signed ? (stored << up) >> up : stored;
    if (value < low || value > high) return false;
  }
  return true;
}

/**
 * Bits that hold the value, counted from bit 0. Codecs that store their own depth (JPEG-LS, JPEG 2000) are believed
 * when the data set claims less and the values need more; everywhere else bits above `bitsStored` are not image
 * (PS3.5 8.1.1: overlays lived there).
 */
function valueBits(description: PixelDescription, coded: CodedSamples, syntax: TransferSyntax): number {
  const { bitsStored, overlays, pixelRepresentation } = description;
  if (coded.precision <= bitsStored) return coded.precision;
  // a lossy coder may overshoot the claimed depth; masking would turn the brightest pixels black
  const ownsDepth = coded.lossy || /^(jpegLs|jpeg2000|htj2k)$/.test(syntax.coding);
  const hasEmbeddedOverlay = overlays.some((overlay) => overlay.embeddedBit !== undefined);
  if (!ownsDepth || hasEmbeddedOverlay || fitsBits(coded.data, coded.precision, bitsStored, pixelRepresentation === 1))
    return bitsStored;
  return coded.precision;
}

/** Shifts, masks and sign-extends samples to `bits` bits, in place where the array's type allows. */
function normalise(data: DecodedArray, bits: number, shift: number, signed: boolean): DecodedArray {
  if (data instanceof Float32Array || data instanceof Float64Array) return data;
  const cell = data.BYTES_PER_ELEMENT * 8;
  const target = signed ? signedView(data) : data;
  if (signed) {
    const up = 32 - bits;
    if (shift > 0 || bits < cell) {
      for (let i = 0; i < target.length; i++) target[i] = (((target[i] ?? 0) >> shift) << up) >> up;
    }
  } else if (shift > 0 || bits < cell) {
    const mask = bits >= 32 ? 0xffff_ffff : 2 ** bits - 1;
    for (let i = 0; i < target.length; i++) target[i] = (((target[i] ?? 0) >>> shift) & mask) >>> 0;
  }
  return target;
}

function signedView(data: DecodedArray): DecodedArray {
  if (data instanceof Uint8Array) return new Int8Array(data.buffer, data.byteOffset, data.length);
  if (data instanceof Uint16Array) return new Int16Array(data.buffer, data.byteOffset, data.length);
  if (data instanceof Uint32Array) return new Int32Array(data.buffer, data.byteOffset, data.length);
  return data;
}

function toRgb(
  description: PixelDescription,
  data: Uint8Array | Uint16Array | Uint32Array,
  bits: number,
  packed422: boolean,
): Uint8Array | Uint16Array | Uint32Array {
  const { rows, columns, photometricInterpretation, planarConfiguration, source } = description;
  let samples = data;
  if (packed422 && !(samples instanceof Uint32Array)) samples = expand422(samples, rows, columns);
  else if (planarConfiguration === 1 && source.pixels.kind === 'native') samples = interleavePlanes(samples, 3);
  if (photometricInterpretation.startsWith('YBR_PARTIAL') && samples instanceof Uint8Array) ybrPartialToRgb(samples);
  else ybrFullToRgb(samples, bits);
  return samples;
}

/**
 * Decodes one frame.
 *
 * @param frameIndex 0-based
 * @returns samples in a buffer of their own, interleaved by pixel, stored values (no rescale), sign-extended and cleared
 *   above `bitsStored`; YBR converted to RGB; palette indices left as they are; 1-bit pixels as bytes of 0 and 1
 * @throws Failure imaging.frameUnknown, truncatedPixelData, damagedPixelData, emptyPixelData, unsupportedPixelFormat
 */
export async function decodeFrame(description: PixelDescription, frameIndex: number): Promise<DecodedFrame> {
  assertFrame(description, frameIndex);
  const syntax = syntaxOf(description);
  const coded = await readSamples(description, frameIndex);
  const { rows, columns, samplesPerPixel, bitsStored, highBit, photometricInterpretation } = description;
  const signed = description.pixelRepresentation === 1;
  const isInteger = description.sampleFormat === 'integer';
  // a codec that keeps its own depth delivers values from bit 0 on; cells keep what the high bit says
  const inCells = syntax.coding === 'native' || syntax.coding === 'rle' || syntax.coding === 'deflatedFrame';
  const shift = inCells ? highBit + 1 - bitsStored : 0;
  const bits = isInteger ? valueBits(description, coded, syntax) : bitsStored;
  let data = isInteger ? normalise(coded.data, bits, shift, signed) : coded.data;
  const repaired = [...description.repaired, ...coded.repaired];
  if (bits > bitsStored) repaired.push('streamBitsStored');
  if (samplesPerPixel === 3) {
    if (!(data instanceof Uint8Array || data instanceof Uint16Array || data instanceof Uint32Array)) {
      throw pixelFailure('imaging.unsupportedPixelFormat', 'colour that is not unsigned integers');
    }
    if (!coded.rgb && photometricInterpretation !== 'RGB') {
      data = toRgb(description, data, Math.max(bits, bitsStored), coded.packed422);
    } else if (description.planarConfiguration === 1 && description.source.pixels.kind === 'native') {
      data = interleavePlanes(data, 3);
    }
  }
  return {
    data,
    rows,
    columns,
    samplesPerPixel,
    photometricInterpretation: samplesPerPixel === 3 ? 'RGB' : photometricInterpretation,
    bitsStored: Math.max(bits, bitsStored),
    signed,
    planar: 0,
    lossy: description.lossy || coded.lossy,
    repaired,
  };
}

/**
 * The bits of an overlay that lives in a bit of the pixel cells (retired, PS3.3-2004 C.9.2): 0 or 1 for each pixel.
 * @throws Failure as decodeFrame; imaging.unsupportedPixelFormat when the overlay is no such thing
 */
export async function decodeEmbeddedOverlay(
  description: PixelDescription,
  overlay: OverlayPlane,
  frameIndex: number,
): Promise<Uint8Array> {
  assertFrame(description, frameIndex);
  const bit = overlay.embeddedBit;
  if (bit === undefined || bit >= description.bitsAllocated || description.samplesPerPixel !== 1) {
    throw pixelFailure('imaging.unsupportedPixelFormat', 'the overlay is not in the pixel cells');
  }
  const { data } = await readSamples(description, frameIndex);
  const out = new Uint8Array(data.length);
  for (let i = 0; i < out.length; i++) out[i] = ((data[i] ?? 0) >>> bit) & 1;
  return out;
}
