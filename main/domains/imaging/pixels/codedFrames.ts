import { inflateRawSync } from 'node:zlib';
import type { PixelRepair } from '../../../../app/domains/imaging/pixelRepairs.ts';
import { readJpeg2000Header } from './codecs/jpeg2000Header.ts';
import { decodeJpegLossless } from './codecs/jpegLossless.ts';
import { hasEndOfImage, type JpegSegments, readJpegSegments } from './codecs/jpegSegments.ts';
import { decodeJpegSequential } from './codecs/jpegSequential.ts';
import { decodeRunLength } from './codecs/runLength.ts';
import { decodeWithWasm } from './codecs/wasmCodecs.ts';
import { interleavePlanes } from './colourSpaces.ts';
import { typedSamples } from './nativeFrames.ts';
import { unpackBits } from './overlayPlanes.ts';
import type { DecodedArray, PixelDescription } from './pixelDescription.ts';
import { pixelFailure } from './pixelFailures.ts';
import type { TransferSyntax } from './transferSyntaxes.ts';

/** Samples as a codec gives them: interleaved by pixel, colour transform of the codestream itself undone. */
export interface CodedSamples {
  readonly data: DecodedArray;
  /** Bits of each sample as coded; the data set may say otherwise. */
  readonly precision: number;
  /** True when the samples are RGB although the data set may say YBR. */
  readonly rgb: boolean;
  readonly lossy: boolean;
  readonly repaired: readonly PixelRepair[];
}

/** How the three components of a DCT JPEG are to be read, and why. */
export function jpegColour(segments: JpegSegments, photometric: string): { transform: boolean; contradicts: boolean } {
  if (segments.components.length !== 3) return { transform: false, contradicts: false };
  const saysYbr = photometric.startsWith('YBR');
  const ids = segments.components.map((component) => component.id);
  const isNamedRgb = ids[0] === 0x52 && ids[1] === 0x47 && ids[2] === 0x42;
  // what the stream says of itself wins; a bare stream is what the data set says (PS3.5 8.2.1)
  const transform = segments.jfif
    ? true
    : segments.adobeTransform !== undefined
      ? segments.adobeTransform !== 0
      : isNamedRgb
        ? false
        : saysYbr;
  return { transform, contradicts: transform !== saysYbr };
}

function assertGeometry(
  description: PixelDescription,
  coded: { rows: number; columns: number; components: number; precision: number },
): void {
  const { rows, columns, samplesPerPixel, bitsAllocated } = description;
  if (coded.rows !== rows || coded.columns !== columns || coded.components !== samplesPerPixel) {
    throw pixelFailure('imaging.damagedPixelData', 'the compressed frame has another size than its header says', {
      rows: coded.rows,
      columns: coded.columns,
      components: coded.components,
    });
  }
  if (coded.precision > Math.max(8, bitsAllocated)) {
    throw pixelFailure('imaging.damagedPixelData', 'the compressed frame has deeper samples than its header allots', {
      precision: coded.precision,
    });
  }
}

/** One or two bytes per sample in machine order to the array the description wants, without a sign yet. */
function widen(data: Uint8Array, precision: number, bitsAllocated: number): Uint8Array | Uint16Array {
  if (precision > 8) return new Uint16Array(data.buffer, data.byteOffset, data.byteLength / 2);
  return bitsAllocated > 8 ? Uint16Array.from(data) : data;
}

/** Replaces what a JPEG stream says of its colours, so that libjpeg does what `transform` wants. */
function withAdobeMarker(bytes: Uint8Array, segments: JpegSegments, transform: boolean): Uint8Array {
  const adobe = [0xff, 0xee, 0, 14, 0x41, 0x64, 0x6f, 0x62, 0x65, 0, 100, 0, 0, 0, 0, transform ? 1 : 0];
  const removed = [segments.jfif, segments.adobe].filter((range) => range !== undefined);
  removed.sort((a, b) => a[0] - b[0]);
  const parts: Uint8Array[] = [bytes.subarray(0, 2), Uint8Array.from(adobe)];
  let at = 2;
  for (const [offset, length] of removed) {
    parts.push(bytes.subarray(at, offset));
    at = offset + length;
  }
  parts.push(bytes.subarray(at));
  return new Uint8Array(Buffer.concat(parts));
}

async function decodeJpeg(bytes: Uint8Array, description: PixelDescription): Promise<CodedSamples> {
  const segments = readJpegSegments(bytes);
  const { precision, components, frameMarker } = segments;
  assertGeometry(description, { ...segments, components: components.length });
  const { bitsAllocated, photometricInterpretation } = description;
  if (frameMarker === 0xf7) return decodeJpegLs(bytes, description);
  if (frameMarker === 0xc3) {
    const data = decodeJpegLossless(bytes, segments);
    const fitted = bitsAllocated > 8 ? data : Uint8Array.from(data);
    return { data: fitted, precision, rgb: false, lossy: false, repaired: [] };
  }
  if (frameMarker > 0xc2) throw pixelFailure('imaging.unsupportedPixelFormat', 'a JPEG process without a decoder');
  const { transform, contradicts } = jpegColour(segments, photometricInterpretation);
  const repaired: PixelRepair[] = contradicts ? ['streamColourSpace'] : [];
  if (precision === 8) {
    if (!hasEndOfImage(bytes)) {
      // libjpeg paints the missing part grey without a word; only a whole scan is accepted
      if (frameMarker === 0xc2) throw pixelFailure('imaging.truncatedPixelData', 'the JPEG stream has no end');
      decodeJpegSequential(bytes, segments);
      repaired.push('endMarkMissing');
    }
    const stream = components.length === 3 ? withAdobeMarker(bytes, segments, transform) : bytes;
    const output = await decodeWithWasm('jpeg', stream);
    assertGeometry(description, output);
    return {
      data: widen(output.data, 8, bitsAllocated),
      precision,
      rgb: components.length === 3,
      lossy: true,
      repaired,
    };
  }
  if (frameMarker === 0xc2) throw pixelFailure('imaging.unsupportedPixelFormat', '12-bit progressive JPEG');
  const data = decodeJpegSequential(bytes, segments);
  return { data, precision, rgb: components.length === 3 && !transform, lossy: true, repaired };
}

async function decodeJpegLs(bytes: Uint8Array, description: PixelDescription): Promise<CodedSamples> {
  const segments = readJpegSegments(bytes);
  if (segments.frameMarker !== 0xf7) throw pixelFailure('imaging.damagedPixelData', 'the frame is no JPEG-LS stream');
  // CharLS reads on into whatever follows a stream without an end mark, for up to half a minute
  if (!hasEndOfImage(bytes)) throw pixelFailure('imaging.truncatedPixelData', 'the JPEG-LS stream has no end');
  assertGeometry(description, { ...segments, components: segments.components.length });
  const output = await decodeWithWasm('jpegLs', bytes);
  assertGeometry(description, output);
  const samples = widen(output.data, output.precision, description.bitsAllocated);
  const planar = output.components > 1 && output.interleaveMode === 0;
  return {
    data: planar ? interleavePlanes(samples, output.components) : samples,
    precision: output.precision,
    rgb: false,
    lossy: output.nearLossless > 0,
    repaired: [],
  };
}

async function decodeJpeg2000(
  codec: 'jpeg2000' | 'htj2k',
  bytes: Uint8Array,
  description: PixelDescription,
): Promise<CodedSamples> {
  const header = readJpeg2000Header(bytes);
  assertGeometry(description, header);
  if (header.precision > 16) {
    throw pixelFailure('imaging.unsupportedPixelFormat', 'JPEG 2000 of more than 16 bits', {
      precision: header.precision,
    });
  }
  const output = await decodeWithWasm(codec, bytes);
  assertGeometry(description, output);
  return {
    data: widen(output.data, output.precision, description.bitsAllocated),
    precision: header.precision,
    // YBR_ICT and YBR_RCT name the transform of the codestream; where it has none, the samples were RGB all along
    rgb: header.colourTransform || /^(RGB|YBR_ICT|YBR_RCT)$/.test(description.photometricInterpretation),
    lossy: !header.reversible,
    repaired: header.signed === (description.pixelRepresentation === 1) ? [] : ['streamSign'],
  };
}

function decodeRle(bytes: Uint8Array, description: PixelDescription): CodedSamples {
  const { rows, columns, samplesPerPixel, bitsAllocated } = description;
  const pixels = rows * columns;
  const precision = description.bitsStored;
  if (bitsAllocated === 1) {
    const packed = decodeRunLength(bytes, 1, 1, Math.ceil(pixels / 8));
    return { data: unpackBits(packed, 0, pixels), precision, rgb: false, lossy: false, repaired: [] };
  }
  const data = typedSamples(decodeRunLength(bytes, samplesPerPixel, bitsAllocated / 8, pixels), description);
  return { data, precision, rgb: false, lossy: false, repaired: [] };
}

function decodeDeflatedFrame(bytes: Uint8Array, description: PixelDescription): CodedSamples {
  const { rows, columns, samplesPerPixel, bitsAllocated, bitsStored } = description;
  const pixels = rows * columns * samplesPerPixel;
  const length = Math.ceil((pixels * bitsAllocated) / 8);
  let body: Uint8Array;
  try {
    const inflated = inflateRawSync(bytes, { maxOutputLength: length + 65_536 });
    body = new Uint8Array(inflated.buffer, inflated.byteOffset, inflated.byteLength);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'Z_BUF_ERROR') {
      throw pixelFailure('imaging.truncatedPixelData', 'a deflated frame ends early');
    }
    throw pixelFailure('imaging.damagedPixelData', 'a deflated frame can not be inflated');
  }
  if (body.length < length) throw pixelFailure('imaging.truncatedPixelData', 'a deflated frame is too short');
  const data = bitsAllocated === 1 ? unpackBits(body, 0, pixels) : typedSamples(body.slice(0, length), description);
  return { data, precision: bitsStored, rgb: false, lossy: false, repaired: [] };
}

/**
 * Decodes one encapsulated frame.
 * @throws Failure imaging.damagedPixelData, imaging.truncatedPixelData, imaging.unsupportedPixelFormat
 */
export async function decodeCodedFrame(
  syntax: TransferSyntax,
  bytes: Uint8Array,
  description: PixelDescription,
): Promise<CodedSamples> {
  if (bytes.length === 0) throw pixelFailure('imaging.emptyPixelData', 'the frame has no bytes');
  if (description.sampleFormat !== 'integer') {
    throw pixelFailure('imaging.unsupportedPixelFormat', 'compressed floating-point pixels');
  }
  switch (syntax.coding) {
    case 'rle':
      return decodeRle(bytes, description);
    case 'jpeg':
      return decodeJpeg(bytes, description);
    case 'jpegLs':
      return decodeJpegLs(bytes, description);
    case 'jpeg2000':
    case 'htj2k':
      return decodeJpeg2000(syntax.coding, bytes, description);
    case 'deflatedFrame':
      return decodeDeflatedFrame(bytes, description);
    default: {
      const { rows, columns, samplesPerPixel, bitsAllocated, bitsStored } = description;
      const pixels = rows * columns * samplesPerPixel;
      const length = Math.ceil((pixels * bitsAllocated) / 8);
      if (bytes.length < length) throw pixelFailure('imaging.truncatedPixelData', 'a frame is too short');
      const data =
        bitsAllocated === 1 ? unpackBits(bytes, 0, pixels) : typedSamples(bytes.slice(0, length), description);
      return { data, precision: bitsStored, rgb: false, lossy: false, repaired: [] };
    }
  }
}
