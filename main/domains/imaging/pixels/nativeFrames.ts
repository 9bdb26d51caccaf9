import { unpackBits } from './overlayPlanes.ts';
import type { DecodedArray, NativePixels, PixelDescription } from './pixelDescription.ts';
import { pixelFailure } from './pixelFailures.ts';

/** Reading of uncompressed frames (PS3.5 section 8.1 and annex D). */

/** True when chrominance is stored once for two pixels. A file that says so but holds all samples is believed its size. */
function isPacked422(description: PixelDescription, available: number): boolean {
  if (!description.photometricInterpretation.endsWith('_422')) return false;
  const { rows, columns, numberOfFrames } = description;
  const bytes = description.bitsAllocated / 8;
  return available < rows * columns * 3 * bytes * numberOfFrames;
}

/** Samples of one native frame as they are stored. */
export function nativeSampleCount(description: PixelDescription, available: number): number {
  const { rows, columns, samplesPerPixel } = description;
  return rows * columns * (isPacked422(description, available) ? 2 : samplesPerPixel);
}

function frameTooShort(frameIndex: number): never {
  throw pixelFailure('imaging.truncatedPixelData', 'the pixel data ends before the frame does', { frameIndex });
}

/** Big-endian OW words of 8-bit cells, put in order into a copy that starts at the even byte before `start`. */
function swappedBytes(bytes: Uint8Array, start: number, length: number, origin: number): Uint8Array {
  const out = new Uint8Array(length);
  for (let i = 0; i < length; i++) {
    const offset = start + i - origin;
    out[i] = bytes[origin + (offset ^ 1)] ?? 0;
  }
  return out;
}

/** The little-endian bytes of a native frame: a view of the file where possible. */
export function nativeFrameBytes(description: PixelDescription, pixels: NativePixels, frameIndex: number): Uint8Array {
  const { bitsAllocated, source } = description;
  const count = nativeSampleCount(description, pixels.available);
  const length = (count * bitsAllocated) / 8;
  const start = frameIndex * length;
  if (start + length > pixels.available) frameTooShort(frameIndex);
  const from = pixels.start + start;
  if (source.wordSwapped && bitsAllocated === 8) return swappedBytes(source.bytes, from, length, pixels.start);
  const view = source.bytes.subarray(from, from + length);
  if (!source.bigEndian || bitsAllocated === 8) return view;
  const copy = view.slice();
  const size = bitsAllocated / 8;
  const swapper = Buffer.from(copy.buffer, copy.byteOffset, copy.byteLength);
  if (size === 2) swapper.swap16();
  else if (size === 4) swapper.swap32();
  else swapper.swap64();
  return copy;
}

/** The bits of a 1-bit frame, one per byte. Frames of a multi-frame object follow each other without padding. */
export function nativeBits(description: PixelDescription, pixels: NativePixels, frameIndex: number): Uint8Array {
  const { source } = description;
  const count = nativeSampleCount(description, pixels.available);
  const firstBit = frameIndex * count;
  if (Math.ceil((firstBit + count) / 8) > pixels.available) frameTooShort(frameIndex);
  const firstByte = Math.floor(firstBit / 8);
  const length = Math.ceil((firstBit + count) / 8) - firstByte;
  const packed = source.wordSwapped
    ? swappedBytes(source.bytes, pixels.start + firstByte, length, pixels.start)
    : source.bytes.subarray(pixels.start + firstByte, pixels.start + firstByte + length);
  return unpackBits(packed, firstBit & 7, count);
}

/** Little-endian bytes as the typed array their description asks for; copied only when misaligned. */
export function typedSamples(bytes: Uint8Array, description: PixelDescription): DecodedArray {
  const { sampleFormat, bitsAllocated, pixelRepresentation } = description;
  const size = bitsAllocated / 8;
  const aligned = bytes.byteOffset % size === 0 ? bytes : bytes.slice();
  const { buffer, byteOffset } = aligned;
  const length = Math.floor(bytes.length / size);
  if (sampleFormat === 'float32') return new Float32Array(buffer, byteOffset, length);
  if (sampleFormat === 'float64') return new Float64Array(buffer, byteOffset, length);
  const signed = pixelRepresentation === 1;
  if (bitsAllocated === 32) {
    return signed ? new Int32Array(buffer, byteOffset, length) : new Uint32Array(buffer, byteOffset, length);
  }
  if (bitsAllocated === 16) {
    return signed ? new Int16Array(buffer, byteOffset, length) : new Uint16Array(buffer, byteOffset, length);
  }
  return signed ? new Int8Array(buffer, byteOffset, length) : new Uint8Array(buffer, byteOffset, length);
}
