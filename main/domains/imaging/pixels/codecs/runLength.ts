import { pixelFailure } from '../pixelFailures.ts';

/**
 * RLE compressed frame (PS3.5 annex G): PackBits segments, one per byte of each sample, most significant first.
 *
 * @param samples samples per pixel
 * @param bytesPerSample bytes of each sample; a 1-bit image is one sample of packed bytes
 * @param pixels bytes in each segment once expanded
 * @returns little-endian samples, interleaved by pixel
 * @throws Failure imaging.damagedPixelData, imaging.truncatedPixelData
 */
export function decodeRunLength(
  bytes: Uint8Array,
  samples: number,
  bytesPerSample: number,
  pixels: number,
): Uint8Array {
  if (bytes.length < 64) throw pixelFailure('imaging.truncatedPixelData', 'an RLE frame shorter than its header');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const segments = view.getUint32(0, true);
  if (segments !== samples * bytesPerSample) {
    throw pixelFailure('imaging.damagedPixelData', 'an RLE frame with the wrong number of segments', { segments });
  }
  const stride = samples * bytesPerSample;
  const out = new Uint8Array(pixels * stride);
  for (let segment = 0; segment < segments; segment++) {
    const start = view.getUint32(4 + 4 * segment, true);
    const end = segment + 1 < segments ? view.getUint32(8 + 4 * segment, true) : bytes.length;
    if (start < 64 || end < start || start > bytes.length) {
      throw pixelFailure('imaging.damagedPixelData', 'an RLE segment lies outside its frame');
    }
    const sample = Math.floor(segment / bytesPerSample);
    const byteOfSample = bytesPerSample - 1 - (segment % bytesPerSample);
    const first = sample * bytesPerSample + byteOfSample;
    expandSegment(bytes, start, Math.min(end, bytes.length), out, first, stride);
  }
  return out;
}

function expandSegment(
  bytes: Uint8Array,
  start: number,
  end: number,
  out: Uint8Array,
  first: number,
  stride: number,
): void {
  let from = start;
  let to = first;
  while (to < out.length) {
    if (from >= end) throw pixelFailure('imaging.truncatedPixelData', 'an RLE segment ends before its image');
    const code = bytes[from++] ?? 128;
    if (code < 128) {
      if (from + code + 1 > end) throw pixelFailure('imaging.truncatedPixelData', 'an RLE segment ends inside a run');
      for (let i = 0; i <= code && to < out.length; i++, to += stride) out[to] = bytes[from + i] ?? 0;
      from += code + 1;
    } else if (code > 128) {
      if (from >= end) throw pixelFailure('imaging.truncatedPixelData', 'an RLE segment ends inside a run');
      const value = bytes[from++] ?? 0;
      for (let i = 257 - code; i > 0 && to < out.length; i--, to += stride) out[to] = value;
    }
  }
}
