import { pixelFailure } from '../pixelFailures.ts';

/** The marker segments of a JPEG or JPEG-LS stream up to its first scan (ITU-T T.81 annex B, T.87 annex C). */

export interface JpegComponent {
  readonly id: number;
  readonly horizontal: number;
  readonly vertical: number;
  readonly quantization: number;
}

export interface JpegSegments {
  /** Second byte of the start-of-frame marker: C0 baseline, C1 extended, C2 progressive, C3 lossless, F7 JPEG-LS. */
  readonly frameMarker: number;
  readonly precision: number;
  readonly rows: number;
  readonly columns: number;
  readonly components: readonly JpegComponent[];
  /** Application segments by position: [marker offset, total length including the marker]. */
  readonly jfif?: readonly [number, number];
  readonly adobe?: readonly [number, number];
  /** Colour transform of the Adobe segment: 0 none, 1 YCbCr, 2 YCCK. */
  readonly adobeTransform?: number;
  /** Predictor of a lossless scan, or NEAR of a JPEG-LS scan. */
  readonly scanParameter: number;
  /** Interleave mode of a JPEG-LS scan, or the end of the spectral selection. */
  readonly scanEnd: number;
  /** Point transform (low four bits) of the first scan. */
  readonly pointTransform: number;
  readonly restartInterval: number;
  /** Offset of the first start-of-scan marker. */
  readonly scanStart: number;
}

function damaged(message: string): never {
  throw pixelFailure('imaging.damagedPixelData', message);
}

/** Length of the segment whose length field is at `position`; a failure when it leaves the stream. */
export function segmentLength(bytes: Uint8Array, position: number): number {
  const high = bytes[position];
  const low = bytes[position + 1];
  if (high === undefined || low === undefined) {
    throw pixelFailure('imaging.truncatedPixelData', 'the JPEG stream ends inside its header');
  }
  const length = (high << 8) | low;
  if (length < 2) damaged('a JPEG segment has no length');
  if (position + length > bytes.length) {
    throw pixelFailure('imaging.truncatedPixelData', 'the JPEG stream ends inside its header');
  }
  return length;
}

function isFrameMarker(marker: number): boolean {
  return (marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc) || marker === 0xf7;
}

function readFrame(bytes: Uint8Array, at: number) {
  const count = bytes[at + 7] ?? 0;
  if (segmentLength(bytes, at) < 8 + 3 * count) damaged('a JPEG frame header is too short');
  const components: JpegComponent[] = [];
  for (let i = 0; i < count; i++) {
    const sampling = bytes[at + 9 + 3 * i] ?? 0;
    components.push({
      id: bytes[at + 8 + 3 * i] ?? 0,
      horizontal: sampling >> 4,
      vertical: sampling & 15,
      quantization: bytes[at + 10 + 3 * i] ?? 0,
    });
  }
  return {
    precision: bytes[at + 2] ?? 0,
    rows: ((bytes[at + 3] ?? 0) << 8) | (bytes[at + 4] ?? 0),
    columns: ((bytes[at + 5] ?? 0) << 8) | (bytes[at + 6] ?? 0),
    components,
  };
}

function startsWith(bytes: Uint8Array, at: number, text: string): boolean {
  for (let i = 0; i < text.length; i++) if (bytes[at + i] !== text.charCodeAt(i)) return false;
  return true;
}

/** Position of the next marker's second byte from `position` on, fill bytes skipped; a failure at the end. */
function nextMarker(bytes: Uint8Array, position: number): number {
  let at = position;
  while (at < bytes.length && bytes[at] !== 0xff) at++;
  while (at < bytes.length && bytes[at] === 0xff) at++;
  if (at >= bytes.length) throw pixelFailure('imaging.truncatedPixelData', 'the JPEG stream ends inside its header');
  return at;
}

/**
 * Reads the header of a JPEG family stream.
 * @throws Failure imaging.damagedPixelData, imaging.truncatedPixelData
 */
export function readJpegSegments(bytes: Uint8Array): JpegSegments {
  if (bytes[0] !== 0xff || bytes[1] !== 0xd8) damaged('the frame is no JPEG stream');
  let position = 2;
  let frameMarker = 0;
  let frame: ReturnType<typeof readFrame> | undefined;
  let restartInterval = 0;
  let jfif: [number, number] | undefined;
  let adobe: [number, number] | undefined;
  let adobeTransform: number | undefined;
  for (;;) {
    const at = nextMarker(bytes, position);
    const marker = bytes[at] ?? 0;
    if (marker === 0xd9) damaged('the JPEG stream ends before its image');
    if (marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8)) {
      position = at + 1;
      continue;
    }
    const length = segmentLength(bytes, at + 1);
    const body = at + 3;
    if (isFrameMarker(marker)) {
      if (frame) damaged('a JPEG stream with more than one frame');
      frameMarker = marker;
      frame = readFrame(bytes, at + 1);
    } else if (marker === 0xdd) {
      restartInterval = ((bytes[body] ?? 0) << 8) | (bytes[body + 1] ?? 0);
    } else if (marker === 0xe0 && startsWith(bytes, body, 'JFIF')) {
      jfif = [at - 1, length + 2];
    } else if (marker === 0xee && length >= 14 && startsWith(bytes, body, 'Adobe')) {
      adobe = [at - 1, length + 2];
      adobeTransform = bytes[body + 11];
    } else if (marker === 0xda) {
      if (!frame) return damaged('a JPEG scan without a frame');
      if (frame.rows === 0 || frame.columns === 0) damaged('a JPEG frame without a size');
      const selectors = bytes[body] ?? 0;
      const parameters = body + 1 + 2 * selectors;
      return {
        frameMarker,
        ...frame,
        ...(jfif && { jfif }),
        ...(adobe && { adobe }),
        ...(adobeTransform !== undefined && { adobeTransform }),
        scanParameter: bytes[parameters] ?? 0,
        scanEnd: bytes[parameters + 1] ?? 0,
        pointTransform: (bytes[parameters + 2] ?? 0) & 15,
        restartInterval,
        scanStart: at - 1,
      };
    }
    position = at + 1 + length;
  }
}

/** True when the stream ends with an end-of-image marker, trailing padding aside. */
export function hasEndOfImage(bytes: Uint8Array): boolean {
  let end = bytes.length - 1;
  while (end > 1 && bytes[end] === 0) end--;
  // one stray byte after the marker comes from writers that pad with something other than zero
  return (
    (bytes[end] === 0xd9 && bytes[end - 1] === 0xff) || (bytes[end - 1] === 0xd9 && bytes[end - 2] === 0xff && end > 2)
  );
}
