import { pixelFailure } from '../pixelFailures.ts';

/** What the header of a JPEG 2000 or HTJ2K codestream says (ISO/IEC 15444-1 annex A). */
export interface Jpeg2000Header {
  readonly rows: number;
  readonly columns: number;
  readonly components: number;
  readonly precision: number;
  readonly signed: boolean;
  /** True when the decoder itself undoes a colour transform (COD, multiple component transformation). */
  readonly colourTransform: boolean;
  readonly reversible: boolean;
}

interface Codestream {
  readonly view: DataView;
  readonly start: number;
  readonly end: number;
}

/** The codestream inside a JP2 file, where a writer wrapped it against PS3.5 A.4.4; else the bytes as they are. */
function locateCodestream(bytes: Uint8Array): Codestream {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes[0] === 0xff && bytes[1] === 0x4f) return { view, start: 0, end: bytes.length };
  let at = 0;
  while (at + 8 <= bytes.length) {
    const length = view.getUint32(at);
    if (view.getUint32(at + 4) === 0x6a70_3263) {
      return { view, start: at + 8, end: length === 0 ? bytes.length : Math.min(bytes.length, at + length) };
    }
    if (length < 8) break;
    at += length;
  }
  throw pixelFailure('imaging.damagedPixelData', 'the frame is no JPEG 2000 codestream');
}

/** Checks that every tile part lies inside the stream: a cut stream decodes to a blurred image without complaint. */
function assertTileParts({ view, end }: Codestream, firstTilePart: number): void {
  let at = firstTilePart;
  while (at + 12 <= end && view.getUint16(at) === 0xff90) {
    const length = view.getUint32(at + 6);
    if (length === 0) return;
    if (length < 14) throw pixelFailure('imaging.damagedPixelData', 'a JPEG 2000 tile part without a length');
    at += length;
    // a stream that ends with its last tile part and lacks only the end mark is complete
    if (at > end) throw pixelFailure('imaging.truncatedPixelData', 'the JPEG 2000 stream ends inside a tile part');
  }
}

/**
 * Reads SIZ and COD and walks the tile parts.
 * @throws Failure imaging.damagedPixelData, imaging.truncatedPixelData, imaging.unsupportedPixelFormat
 */
export function readJpeg2000Header(bytes: Uint8Array): Jpeg2000Header {
  const codestream = locateCodestream(bytes);
  const { view, start, end } = codestream;
  const cut = (): never => {
    throw pixelFailure('imaging.truncatedPixelData', 'the JPEG 2000 stream ends inside its header');
  };
  let size: Omit<Jpeg2000Header, 'colourTransform' | 'reversible'> | undefined;
  let colourTransform = false;
  let reversible = false;
  let at = start + 2;
  for (;;) {
    if (at + 4 > end) cut();
    const marker = view.getUint16(at);
    if (marker === 0xff90) break;
    if (marker < 0xff00) throw pixelFailure('imaging.damagedPixelData', 'a JPEG 2000 header without markers');
    const length = view.getUint16(at + 2);
    if (length < 2 || at + 2 + length > end) cut();
    if (marker === 0xff51) size = readSize(view, at + 4, length);
    if (marker === 0xff52 && length >= 12) {
      colourTransform = view.getUint8(at + 8) === 1;
      reversible = view.getUint8(at + 13) === 1;
    }
    at += 2 + length;
  }
  if (!size) throw pixelFailure('imaging.damagedPixelData', 'a JPEG 2000 stream without its size');
  assertTileParts(codestream, at);
  return { ...size, colourTransform: colourTransform && size.components >= 3, reversible };
}

function readSize(view: DataView, at: number, length: number) {
  if (length < 38) throw pixelFailure('imaging.damagedPixelData', 'a JPEG 2000 size segment is too short');
  const components = view.getUint16(at + 34);
  if (components < 1 || length < 36 + 3 * components + 2) {
    throw pixelFailure('imaging.damagedPixelData', 'a JPEG 2000 size segment is too short');
  }
  const depth = view.getUint8(at + 36);
  for (let i = 0; i < components; i++) {
    const other = at + 36 + 3 * i;
    if (view.getUint8(other) !== depth || view.getUint8(other + 1) !== 1 || view.getUint8(other + 2) !== 1) {
      throw pixelFailure('imaging.unsupportedPixelFormat', 'JPEG 2000 components of different depth or sampling');
    }
  }
  return {
    columns: view.getUint32(at + 2) - view.getUint32(at + 10),
    rows: view.getUint32(at + 6) - view.getUint32(at + 14),
    components,
    precision: (depth & 0x7f) + 1,
    signed: (depth & 0x80) !== 0,
  };
}
