import { decodeImageFrame } from '@cornerstonejs/dicom-image-loader';
import type { SampleArray } from './decodePool.ts';

/** What dicom-image-loader's decoder must know of a frame, in its own words. */
export interface LoaderFrame {
  readonly rows: number;
  readonly columns: number;
  readonly samplesPerPixel: number;
  readonly bitsAllocated: number;
  readonly bitsStored: number;
  readonly highBit: number;
  /** Absent for floating-point cells: 32 bits that are neither unsigned nor signed are read as floats. */
  readonly pixelRepresentation: 0 | 1 | undefined;
  readonly planarConfiguration: 0;
  readonly photometricInterpretation: string;
}

/** One frame to decode. The bytes are transferred, not copied. */
export interface DecodeRequest {
  readonly id: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly syntaxUid: string;
  readonly frame: LoaderFrame;
}

export type DecodeReply =
  /** Said once: the script was loaded and runs. */
  | { readonly ready: true }
  | { readonly id: number; readonly stored: SampleArray; readonly minimum: number; readonly maximum: number }
  | { readonly id: number; readonly code: string; readonly message: string };

type LoaderDecode = (
  frame: object,
  syntaxUid: string,
  bytes: Uint8Array,
  config: object,
  options: object,
) => Promise<{ pixelData: SampleArray; smallestPixelValue: number; largestPixelValue: number }>;

async function decode({ bytes, syntaxUid, frame }: DecodeRequest) {
  const samples = frame.rows * frame.columns * frame.samplesPerPixel;
  const isNative = syntaxUid === '1.2.840.10008.1.2.1';
  if (isNative && bytes.length < samples * (frame.bitsAllocated / 8)) return undefined;
  // Stored values as they are: what they measure is our rules' business (app/domains/imaging).
  const options = { preScale: { enabled: false } };
  const decoded = await (decodeImageFrame as unknown as LoaderDecode)({ ...frame }, syntaxUid, bytes, {}, options);
  return decoded.pixelData.length < samples ? undefined : decoded;
}

/** An empty WebAssembly module (magic number and version): whoever may compile anything may compile it. */
const emptyModule = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);

/**
 * True when not the frame is at fault but its decoder never came to run: WebAssembly is not allowed here, or the codec's
 * file could not be fetched or compiled (emscripten's words).
 */
function isDecoderMissing(message: string): boolean {
  if (/\.wasm|Aborted\((NetworkError|TypeError|CompileError|LinkError|both async)/.test(message)) return true;
  try {
    return !new WebAssembly.Module(emptyModule);
  } catch {
    return true;
  }
}

async function answer(request: DecodeRequest): Promise<void> {
  const { id } = request;
  try {
    const decoded = await decode(request);
    const reply: DecodeReply = decoded
      ? { id, stored: decoded.pixelData, minimum: decoded.smallestPixelValue, maximum: decoded.largestPixelValue }
      : { id, code: 'imaging.truncatedPixelData', message: 'the frame is shorter than its header says' };
    self.postMessage(reply, { transfer: 'stored' in reply ? [reply.stored.buffer] : [] });
  } catch (error) {
    const message = error instanceof Error ? error.message : 'the frame could not be decoded';
    const code = isDecoderMissing(message) ? 'imaging.decoderUnavailable' : 'imaging.damagedPixelData';
    self.postMessage({ id, code, message } satisfies DecodeReply);
  }
}

/** One frame after the other: a codec keeps one decoder object per thread, and its decoding is synchronous anyway. */
let last: Promise<void> = Promise.resolve();
self.postMessage({ ready: true } satisfies DecodeReply);
self.onmessage = ({ data }: MessageEvent<DecodeRequest>) => {
  last = last.then(() => answer(data));
};
