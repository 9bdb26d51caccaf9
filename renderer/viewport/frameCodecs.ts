import charlsWasm from '@cornerstonejs/codec-charls/decodewasm?url';
import charlsFactory from '@cornerstonejs/codec-charls/decodewasmjs';
import jpegWasm from '@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasm?url';
import jpegFactory from '@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasmjs';
import openJpegWasm from '@cornerstonejs/codec-openjpeg/decodewasm?url';
import openJpegFactory from '@cornerstonejs/codec-openjpeg/decodewasmjs';
import openJphWasm from '@cornerstonejs/codec-openjph/wasm?url';
import openJphFactory from '@cornerstonejs/codec-openjph/wasmjs';
import { Decoder as LosslessDecoder } from 'jpeg-lossless-decoder-js';
import { interleave, PixelError, type PixelLayout, type SampleArray, sampleCount } from './pixelLayout.ts';

/** The codecs of the window: WebAssembly of the Cornerstone project, and JPEG lossless in JavaScript. Worker only. */

interface CodecDecoder {
  getEncodedBuffer(length: number): Uint8Array;
  getDecodedBuffer(): Uint8Array;
  getFrameInfo(): { width: number; height: number; bitsPerSample: number; componentCount: number; isSigned?: boolean };
  decode(): unknown;
  delete(): void;
  getInterleaveMode?(): number;
}
type CodecModule = Record<string, new () => CodecDecoder>;
type CodecFactory = (options: object) => Promise<CodecModule>;

const factories = {
  charls: { factory: charlsFactory as CodecFactory, url: charlsWasm, decoder: 'JpegLSDecoder' },
  jpeg: { factory: jpegFactory as CodecFactory, url: jpegWasm, decoder: 'JPEGDecoder' },
  openjpeg: { factory: openJpegFactory as CodecFactory, url: openJpegWasm, decoder: 'J2KDecoder' },
  openjph: { factory: openJphFactory as CodecFactory, url: openJphWasm, decoder: 'HTJ2KDecoder' },
} as const;
type CodecName = keyof typeof factories;

const modules = new Map<CodecName, Promise<CodecModule>>();

function moduleOf(name: CodecName): Promise<CodecModule> {
  let module = modules.get(name);
  if (!module) {
    const { factory, url } = factories[name];
    const silent = () => undefined;
    module = factory({
      locateFile: (file: string) => (file.endsWith('.wasm') ? url : file),
      print: silent,
      printErr: silent,
    });
    modules.set(name, module);
  }
  return module;
}

export interface Decoded {
  readonly samples: SampleArray;
  /** True when the codec itself undid the colour transform: the samples are RGB whatever the header says. */
  readonly isRgb: boolean;
}

function typedCopy(bytes: Uint8Array, bitsPerSample: number, signed: boolean): SampleArray {
  const buffer = bytes.slice().buffer as ArrayBuffer;
  if (bitsPerSample > 16)
    throw new PixelError('imaging.unsupportedPixelFormat', `${bitsPerSample} bits in a compressed frame`);
  if (bitsPerSample > 8) return signed ? new Int16Array(buffer) : new Uint16Array(buffer);
  return signed ? new Int8Array(buffer) : new Uint8Array(buffer);
}

/** Puts samples in the type the header asks for: a codec gives bytes where the header allots 16 bits for 8 used. */
function fitToHeader(samples: SampleArray, layout: PixelLayout): SampleArray {
  if (layout.bitsAllocated <= 8) return layout.signed ? Int8Array.from(samples) : Uint8Array.from(samples);
  return layout.signed ? Int16Array.from(samples) : Uint16Array.from(samples);
}

async function decodeWith(name: CodecName, bytes: Uint8Array, layout: PixelLayout): Promise<SampleArray> {
  const module = await moduleOf(name);
  const Constructor = module[factories[name].decoder];
  if (!Constructor) throw new PixelError('imaging.unsupportedTransferSyntax', `the codec ${name} has no decoder`);
  const decoder = new Constructor();
  let failed = true;
  try {
    decoder.getEncodedBuffer(bytes.length).set(bytes);
    decoder.decode();
    const info = decoder.getFrameInfo();
    const isSize =
      info.width === layout.columns && info.height === layout.rows && info.componentCount === layout.samplesPerPixel;
    if (!isSize)
      throw new PixelError('imaging.damagedPixelData', 'the compressed frame has another size than its header');
    const bytesPerSample = info.bitsPerSample > 8 ? 2 : 1;
    const decoded = decoder.getDecodedBuffer();
    if (decoded.length < sampleCount(layout) * bytesPerSample) {
      throw new PixelError('imaging.truncatedPixelData', 'the compressed frame ends early');
    }
    const samples = typedCopy(
      decoded.subarray(0, sampleCount(layout) * bytesPerSample),
      info.bitsPerSample,
      info.isSigned ?? false,
    );
    failed = false;
    const isPlanar = name === 'charls' && layout.samplesPerPixel > 1 && decoder.getInterleaveMode?.() === 0;
    return fitToHeader(isPlanar ? interleave(samples, layout) : samples, layout);
  } catch (error) {
    if (error instanceof PixelError) throw error;
    throw new PixelError('imaging.damagedPixelData', `the codec ${name} refused the frame`);
  } finally {
    // After a failure the codec's memory may be in any state: the next frame gets a new instance.
    if (failed) modules.delete(name);
    else decoder.delete();
  }
}

interface JpegHeader {
  readonly precision: number;
  /** Start of frame marker, 0xC0 … 0xCF. */
  readonly process: number;
  readonly isJfif: boolean;
  readonly adobeTransform: number | undefined;
  readonly hasRgbNames: boolean;
  /** Offset and length of APP0 and APP14 segments. */
  readonly colourSegments: readonly (readonly [number, number])[];
}

/** Reads the markers before the first scan (ITU T.81 annex B). */
export function readJpegHeader(bytes: Uint8Array): JpegHeader {
  let at = 2;
  let isJfif = false;
  let adobeTransform: number | undefined;
  const colourSegments: [number, number][] = [];
  while (at + 4 <= bytes.length && bytes[at] === 0xff) {
    const marker = bytes[at + 1]!;
    if (marker === 0xff) {
      at += 1;
      continue;
    }
    const length = (bytes[at + 2]! << 8) | bytes[at + 3]!;
    const text = String.fromCharCode(...bytes.subarray(at + 4, at + 9));
    if (marker === 0xe0 && text.startsWith('JFIF')) {
      isJfif = true;
      colourSegments.push([at, length + 2]);
    }
    if (marker === 0xee && text === 'Adobe') {
      adobeTransform = bytes[at + 15];
      colourSegments.push([at, length + 2]);
    }
    const isFrame = marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
    if (isFrame) {
      const names = [bytes[at + 10], bytes[at + 13], bytes[at + 16]];
      const hasRgbNames = names[0] === 0x52 && names[1] === 0x47 && names[2] === 0x42;
      return { precision: bytes[at + 4]!, process: marker, isJfif, adobeTransform, hasRgbNames, colourSegments };
    }
    at += 2 + length;
  }
  throw new PixelError('imaging.damagedPixelData', 'the JPEG stream has no frame header');
}

/**
 * libjpeg guesses the colours of a bare stream. What the stream says of itself wins, then the data set (PS3.5 8.2.1):
 * the markers are replaced by one that says so plainly.
 */
export function withColourMarker(bytes: Uint8Array, header: JpegHeader, photometric: string): Uint8Array {
  const isYcc =
    header.isJfif ||
    (header.adobeTransform !== undefined
      ? header.adobeTransform !== 0
      : !header.hasRgbNames && photometric.startsWith('YBR'));
  const marker = [0xff, 0xee, 0, 14, 0x41, 0x64, 0x6f, 0x62, 0x65, 0, 100, 0, 0, 0, 0, isYcc ? 1 : 0];
  const parts: Uint8Array[] = [bytes.subarray(0, 2), Uint8Array.from(marker)];
  let from = 2;
  for (const [offset, length] of [...header.colourSegments].sort((a, b) => a[0] - b[0])) {
    parts.push(bytes.subarray(from, offset));
    from = offset + length;
  }
  parts.push(bytes.subarray(from));
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

function decodeLossless(bytes: Uint8Array, layout: PixelLayout): SampleArray {
  const buffer = bytes.slice().buffer as ArrayBuffer;
  try {
    const decoder = new LosslessDecoder();
    const decoded = decoder.decode(buffer, 0, buffer.byteLength, layout.bitsAllocated > 8 ? 2 : 1);
    const samples = typedCopy(
      new Uint8Array(decoded.buffer, decoded.byteOffset, decoded.byteLength),
      layout.bitsAllocated > 8 ? 16 : 8,
      layout.signed,
    );
    if (samples.length < sampleCount(layout))
      throw new PixelError('imaging.truncatedPixelData', 'the JPEG stream ends early');
    return samples;
  } catch (error) {
    if (error instanceof PixelError) throw error;
    throw new PixelError('imaging.damagedPixelData', 'the lossless JPEG decoder refused the frame');
  }
}

async function decodeJpeg(bytes: Uint8Array, layout: PixelLayout): Promise<Decoded> {
  const header = readJpegHeader(bytes);
  if (header.process === 0xf7) return { samples: await decodeWith('charls', bytes, layout), isRgb: false };
  if (header.process === 0xc3) return { samples: decodeLossless(bytes, layout), isRgb: false };
  // Twelve bits and arithmetic coding are the host decoder's.
  if (header.precision !== 8 || header.process > 0xc2) {
    throw new PixelError('imaging.unsupportedTransferSyntax', 'a JPEG process this window has no decoder for');
  }
  const hasEnd = bytes
    .subarray(Math.max(0, bytes.length - 16))
    .some((byte, index, tail) => byte === 0xff && tail[index + 1] === 0xd9);
  // libjpeg paints a missing part grey without a word; the host decoder tells how much is missing.
  if (!hasEnd) throw new PixelError('imaging.unsupportedTransferSyntax', 'the JPEG stream has no end');
  const isColour = layout.samplesPerPixel === 3;
  const samples = await decodeWith(
    'jpeg',
    isColour ? withColourMarker(bytes, header, layout.photometric) : bytes,
    layout,
  );
  return { samples, isRgb: isColour };
}

/** Decodes one compressed frame. A PixelError `imaging.unsupportedTransferSyntax` means: ask the host decoder. */
export async function decodeCompressed(bytes: Uint8Array, syntaxUid: string, layout: PixelLayout): Promise<Decoded> {
  switch (syntaxUid) {
    case '1.2.840.10008.1.2.4.50':
    case '1.2.840.10008.1.2.4.51':
    case '1.2.840.10008.1.2.4.57':
    case '1.2.840.10008.1.2.4.70':
      return decodeJpeg(bytes, layout);
    case '1.2.840.10008.1.2.4.80':
    case '1.2.840.10008.1.2.4.81':
      return { samples: await decodeWith('charls', bytes, layout), isRgb: false };
    case '1.2.840.10008.1.2.4.90':
    case '1.2.840.10008.1.2.4.91':
      return {
        samples: await decodeWith('openjpeg', bytes, layout),
        isRgb: layout.photometric.startsWith('YBR_ICT') || layout.photometric.startsWith('YBR_RCT'),
      };
    case '1.2.840.10008.1.2.4.201':
    case '1.2.840.10008.1.2.4.202':
    case '1.2.840.10008.1.2.4.203':
      return {
        samples: await decodeWith('openjph', bytes, layout),
        isRgb: layout.photometric.startsWith('YBR_ICT') || layout.photometric.startsWith('YBR_RCT'),
      };
    default:
      throw new PixelError('imaging.unsupportedTransferSyntax', `no decoder for ${syntaxUid}`);
  }
}
