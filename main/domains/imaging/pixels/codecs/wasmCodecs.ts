import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pixelFailure } from '../pixelFailures.ts';

/**
 * The WebAssembly codecs the viewer uses, loaded from the same packages: CharLS (JPEG-LS), OpenJPEG (JPEG 2000),
 * OpenJPH (HTJ2K), libjpeg-turbo (8-bit DCT JPEG). Each is instantiated once per thread, on first use. An instance that
 * failed, or that grew large, is dropped: its memory may be in any state and never shrinks.
 */

interface FrameInfo {
  readonly width: number;
  readonly height: number;
  readonly bitsPerSample: number;
  readonly componentCount: number;
  readonly isSigned?: boolean;
}

interface WasmDecoder {
  getEncodedBuffer(length: number): Uint8Array;
  getDecodedBuffer(): Uint8Array | Uint8ClampedArray;
  getFrameInfo(): FrameInfo;
  decode(): unknown;
  delete(): void;
  /** JPEG-LS only. */
  getInterleaveMode?(): number;
  getNearLossless?(): number;
}

interface WasmModule {
  readonly HEAPU8: Uint8Array;
  readonly [exported: string]: unknown;
}

type WasmFactory = (options: {
  wasmBinary: Uint8Array;
  print: () => void;
  printErr: () => void;
}) => Promise<WasmModule>;

interface Codec {
  readonly script: string;
  readonly binary: string;
  readonly decoder: string;
}

const codecs = {
  jpegLs: {
    script: '@cornerstonejs/codec-charls/decodewasmjs',
    binary: '@cornerstonejs/codec-charls/decodewasm',
    decoder: 'JpegLSDecoder',
  },
  jpeg2000: {
    script: '@cornerstonejs/codec-openjpeg/decodewasmjs',
    binary: '@cornerstonejs/codec-openjpeg/decodewasm',
    decoder: 'J2KDecoder',
  },
  htj2k: {
    script: '@cornerstonejs/codec-openjph/wasmjs',
    binary: '@cornerstonejs/codec-openjph/wasm',
    decoder: 'HTJ2KDecoder',
  },
  jpeg: {
    script: '@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasmjs',
    binary: '@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasm',
    decoder: 'JPEGDecoder',
  },
} as const satisfies Record<string, Codec>;

export type WasmCodecName = keyof typeof codecs;

/** A decoder whose heap grew past this is not kept. */
const HEAP_BYTES_KEPT = 384 * 1024 ** 2;

const requirePackage = createRequire(import.meta.url);
const instances = new Map<WasmCodecName, Promise<WasmModule>>();

function silent(): void {
  // codecs print warnings about damaged streams; what matters comes back as a failure
}

function instantiate(name: WasmCodecName): Promise<WasmModule> {
  const known = instances.get(name);
  if (known) return known;
  const { script, binary } = codecs[name];
  const factory = requirePackage(script) as WasmFactory;
  const loading = factory({
    wasmBinary: readFileSync(requirePackage.resolve(binary)),
    print: silent,
    printErr: silent,
  });
  instances.set(name, loading);
  return loading;
}

/** What a codec gave: samples in the byte order of the machine, one or two bytes each, in a buffer of their own. */
export interface CodecOutput {
  readonly rows: number;
  readonly columns: number;
  readonly components: number;
  readonly precision: number;
  readonly data: Uint8Array;
  /** JPEG-LS: 0 when the components came one plane after the other. */
  readonly interleaveMode: number;
  /** JPEG-LS: 0 when no loss was allowed. */
  readonly nearLossless: number;
}

/**
 * Decodes one stream.
 * @throws Failure imaging.damagedPixelData when the codec refuses it or gives fewer bytes than its header promised
 */
export async function decodeWithWasm(name: WasmCodecName, encoded: Uint8Array): Promise<CodecOutput> {
  const module = await instantiate(name);
  const Decoder = module[codecs[name].decoder] as new () => WasmDecoder;
  try {
    const decoder = new Decoder();
    decoder.getEncodedBuffer(encoded.length).set(encoded);
    decoder.decode();
    const info = decoder.getFrameInfo();
    const bytesPerSample = info.bitsPerSample > 8 ? 2 : 1;
    const length = info.width * info.height * info.componentCount * bytesPerSample;
    const decoded = decoder.getDecodedBuffer();
    if (length === 0 || decoded.length < length || info.bitsPerSample > 16) {
      throw pixelFailure('imaging.damagedPixelData', 'a codec gave less than its header promised', { codec: name });
    }
    const output: CodecOutput = {
      rows: info.height,
      columns: info.width,
      components: info.componentCount,
      precision: info.bitsPerSample,
      // a copy: the codec's memory is freed with it, and it calls its bytes clamped
      data: new Uint8Array(decoded.subarray(0, length)),
      interleaveMode: decoder.getInterleaveMode?.() ?? 2,
      nearLossless: decoder.getNearLossless?.() ?? 0,
    };
    decoder.delete();
    if (module.HEAPU8.length > HEAP_BYTES_KEPT) instances.delete(name);
    return output;
  } catch (thrown) {
    instances.delete(name);
    if (thrown instanceof Error && thrown.name === 'Failure') throw thrown;
    // codecs throw numbers (pointers to C++ exceptions), strings and RuntimeErrors; none says anything to a person
    throw pixelFailure('imaging.damagedPixelData', 'the codec refused the frame', { codec: name });
  }
}
