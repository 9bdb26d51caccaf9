import { decodeCompressed } from './frameCodecs.ts';
import {
  decodeRunLength,
  interleave,
  keepStoredBits,
  type PaletteTable,
  PixelError,
  type PixelLayout,
  paletteToRgb,
  readNative,
  rgbToBytes,
  type SampleArray,
  ybrToRgb,
} from './pixelLayout.ts';

/** One frame to decode. The bytes are transferred, not copied. */
export interface DecodeRequest {
  readonly id: number;
  readonly bytes: ArrayBuffer;
  readonly offset: number;
  readonly length: number;
  readonly syntaxUid: string;
  readonly layout: PixelLayout;
  readonly palette: readonly [PaletteTable, PaletteTable, PaletteTable] | undefined;
  /** True for a frame the host decoded: native cells, interleaved, colour already RGB. */
  readonly isHostDecoded: boolean;
}

export type DecodeReply =
  | {
      readonly id: number;
      /** Stored values: one sample a pixel, palette indexes, or interleaved colour as RGB. */
      readonly stored: SampleArray;
      /** Eight-bit RGB for the picture of a colour frame. */
      readonly rgb: Uint8Array<ArrayBuffer> | undefined;
      readonly minimum: number;
      readonly maximum: number;
    }
  | { readonly id: number; readonly code: string; readonly message: string };

const native = new Set([
  '1.2.840.10008.1.2',
  '1.2.840.10008.1.2.1',
  '1.2.840.10008.1.2.1.99',
  '1.2.840.10008.1.2.2',
  '1.2.840.10008.1.2.1.98',
]);
const runLength = '1.2.840.10008.1.2.5';

async function decode(
  request: DecodeRequest,
): Promise<{ stored: SampleArray; rgb: Uint8Array<ArrayBuffer> | undefined }> {
  const bytes = new Uint8Array(request.bytes, request.offset, request.length);
  const { layout } = request;
  const isColour = layout.samplesPerPixel === 3;
  let isRgb = request.isHostDecoded || layout.photometric === 'RGB';
  let isShared = false;
  let samples: SampleArray;
  if (request.isHostDecoded) {
    samples = readNative(bytes, { ...layout, photometric: isColour ? 'RGB' : layout.photometric });
  } else if (native.has(request.syntaxUid)) {
    samples = readNative(bytes, layout);
    isShared = isColour && layout.photometric === 'YBR_FULL_422' && layout.bitsAllocated === 8;
    keepStoredBits(samples, layout);
    if (isColour && layout.planar && !isShared) samples = interleave(samples, layout);
  } else if (request.syntaxUid === runLength) {
    samples = decodeRunLength(bytes, layout);
    keepStoredBits(samples, layout);
  } else {
    const decoded = await decodeCompressed(bytes, request.syntaxUid, layout);
    samples = decoded.samples;
    isRgb ||= decoded.isRgb;
    keepStoredBits(samples, layout);
  }
  if (layout.photometric === 'PALETTE COLOR') {
    if (!request.palette) throw new PixelError('imaging.unsupportedPixelFormat', 'a palette image without its palette');
    return { stored: samples, rgb: paletteToRgb(samples, request.palette) };
  }
  if (!isColour) return { stored: samples, rgb: undefined };
  if (!isRgb && layout.bitsAllocated !== 8)
    throw new PixelError('imaging.unsupportedPixelFormat', 'YBR of more than eight bits');
  const rgb = isRgb ? rgbToBytes(samples, layout.bitsStored) : ybrToRgb(samples, layout, isShared);
  return { stored: isRgb ? samples : rgb, rgb };
}

function extremes(samples: SampleArray): { minimum: number; maximum: number } {
  let minimum = Number.POSITIVE_INFINITY;
  let maximum = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < samples.length; i += 1) {
    const value = samples[i]!;
    if (value < minimum) minimum = value;
    if (value > maximum) maximum = value;
  }
  return Number.isFinite(minimum) ? { minimum, maximum } : { minimum: 0, maximum: 1 };
}

self.onmessage = async ({ data }: MessageEvent<DecodeRequest>) => {
  try {
    const { stored, rgb } = await decode(data);
    const reply: DecodeReply = { id: data.id, stored, rgb, ...extremes(stored) };
    const buffers = new Set<ArrayBuffer>([stored.buffer, ...(rgb ? [rgb.buffer] : [])]);
    self.postMessage(reply, { transfer: [...buffers] });
  } catch (error) {
    const code = error instanceof PixelError ? error.code : 'imaging.damagedPixelData';
    const message = error instanceof Error ? error.message : 'the frame could not be decoded';
    self.postMessage({ id: data.id, code, message } satisfies DecodeReply);
  }
};
