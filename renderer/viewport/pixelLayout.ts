/**
 * From the bytes of a frame to samples, without a codec: native cells, run-length, colour spaces. Pure functions that
 * run in the decode worker and in tests.
 */

/** What the decoder must know of a frame; a structured-clonable part of FrameAttributes. */
export interface PixelLayout {
  readonly rows: number;
  readonly columns: number;
  readonly samplesPerPixel: number;
  readonly bitsAllocated: number;
  readonly bitsStored: number;
  readonly highBit: number;
  readonly signed: boolean;
  readonly planar: boolean;
  readonly photometric: string;
  readonly sampleFormat: 'integer' | 'float32' | 'float64';
}

export type SampleArray =
  | Uint8Array<ArrayBuffer>
  | Int8Array<ArrayBuffer>
  | Uint16Array<ArrayBuffer>
  | Int16Array<ArrayBuffer>
  | Uint32Array<ArrayBuffer>
  | Int32Array<ArrayBuffer>
  | Float32Array<ArrayBuffer>
  | Float64Array<ArrayBuffer>;

/** Thrown inside the worker; `code` is a code of the imaging domain's failures. */
export class PixelError extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.name = 'PixelError';
    this.code = code;
  }
}

export function sampleCount(layout: PixelLayout): number {
  return layout.rows * layout.columns * layout.samplesPerPixel;
}

/** A copy at its own, aligned start: a frame inside a multipart body begins anywhere. */
function alignedBytes(bytes: Uint8Array, length: number): ArrayBuffer {
  return bytes.slice(0, length).buffer as ArrayBuffer;
}

function requireBytes(bytes: Uint8Array, length: number): void {
  if (bytes.length < length)
    throw new PixelError('imaging.truncatedPixelData', 'the frame is shorter than its header says');
}

/** Native little-endian cells → an array of the cell's own type. One-bit cells become one byte each. */
export function readNative(bytes: Uint8Array, layout: PixelLayout): SampleArray {
  const count = sampleCount(layout);
  if (layout.bitsAllocated === 1) {
    requireBytes(bytes, Math.ceil(count / 8));
    const bits = new Uint8Array(count);
    for (let i = 0; i < count; i += 1) bits[i] = (bytes[i >> 3]! >> (i & 7)) & 1;
    return bits;
  }
  // YBR_FULL_422 shares the colour of two neighbours: four bytes for two pixels.
  const stored =
    layout.photometric === 'YBR_FULL_422' && layout.bitsAllocated === 8 ? layout.rows * layout.columns * 2 : count;
  const byteLength = stored * (layout.bitsAllocated / 8);
  requireBytes(bytes, byteLength);
  const buffer = alignedBytes(bytes, byteLength);
  if (layout.sampleFormat === 'float32') return new Float32Array(buffer);
  if (layout.sampleFormat === 'float64') return new Float64Array(buffer);
  switch (layout.bitsAllocated) {
    case 8:
      return layout.signed ? new Int8Array(buffer) : new Uint8Array(buffer);
    case 16:
      return layout.signed ? new Int16Array(buffer) : new Uint16Array(buffer);
    case 32:
      return layout.signed ? new Int32Array(buffer) : new Uint32Array(buffer);
    default:
      throw new PixelError('imaging.unsupportedPixelFormat', `${layout.bitsAllocated} bits allocated`);
  }
}

/** Clears what lies outside the stored bits (overlays, noise) and extends the sign, in place (PS3.5 8.1.1). */
export function keepStoredBits(samples: SampleArray, layout: PixelLayout): void {
  const { bitsAllocated, bitsStored, highBit, signed, sampleFormat } = layout;
  const isWhole = bitsStored >= bitsAllocated && highBit === bitsAllocated - 1;
  if (sampleFormat !== 'integer' || bitsAllocated === 1 || isWhole || bitsStored <= 0) return;
  const down = Math.max(0, highBit + 1 - bitsStored);
  const up = 32 - bitsStored;
  for (let i = 0; i < samples.length; i += 1) {
    const shifted = (samples[i]! >>> down) << up;
    samples[i] = signed ? shifted >> up : shifted >>> up;
  }
}

/** DICOM run-length segments → native cells (PS3.5 annex G): one segment per byte of a sample, high byte first. */
export function decodeRunLength(bytes: Uint8Array, layout: PixelLayout): SampleArray {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  requireBytes(bytes, 64);
  const bytesPerSample = Math.ceil(layout.bitsAllocated / 8);
  const segments = view.getUint32(0, true);
  if (segments !== layout.samplesPerPixel * bytesPerSample) {
    throw new PixelError('imaging.damagedPixelData', 'the run-length header names another number of segments');
  }
  const pixels = layout.rows * layout.columns;
  const out = new Uint8Array(pixels * layout.samplesPerPixel * bytesPerSample);
  const stride = layout.samplesPerPixel * bytesPerSample;
  for (let segment = 0; segment < segments; segment += 1) {
    const sample = Math.floor(segment / bytesPerSample);
    const byteOfSample = bytesPerSample - 1 - (segment % bytesPerSample);
    const start = view.getUint32(4 + segment * 4, true);
    const next = segment + 1 < segments ? view.getUint32(8 + segment * 4, true) : bytes.length;
    decodeSegment(bytes.subarray(start, next), out, sample * bytesPerSample + byteOfSample, stride, pixels);
  }
  return readNative(out, {
    ...layout,
    photometric: layout.photometric === 'YBR_FULL_422' ? 'YBR_FULL' : layout.photometric,
  });
}

function decodeSegment(segment: Uint8Array, out: Uint8Array, first: number, stride: number, pixels: number): void {
  let at = 0;
  let pixel = 0;
  while (pixel < pixels && at < segment.length) {
    const header = segment[at]!;
    at += 1;
    if (header < 128) {
      for (let run = 0; run <= header && pixel < pixels; run += 1, pixel += 1) {
        if (at >= segment.length) throw new PixelError('imaging.truncatedPixelData', 'a run-length segment ends early');
        out[first + pixel * stride] = segment[at]!;
        at += 1;
      }
    } else if (header > 128) {
      const value = segment[at];
      at += 1;
      if (value === undefined) throw new PixelError('imaging.truncatedPixelData', 'a run-length segment ends early');
      for (let run = 0; run < 257 - header && pixel < pixels; run += 1, pixel += 1) out[first + pixel * stride] = value;
    }
  }
  if (pixel < pixels) throw new PixelError('imaging.truncatedPixelData', 'a run-length segment ends early');
}

/** Planes one after the other → samples interleaved by pixel. */
export function interleave<T extends SampleArray>(samples: T, layout: PixelLayout): T {
  const pixels = layout.rows * layout.columns;
  const out = samples.slice() as T;
  for (let pixel = 0; pixel < pixels; pixel += 1) {
    for (let sample = 0; sample < layout.samplesPerPixel; sample += 1) {
      out[pixel * layout.samplesPerPixel + sample] = samples[sample * pixels + pixel]!;
    }
  }
  return out;
}

function toByte(value: number): number {
  return value < 0 ? 0 : value > 255 ? 255 : Math.round(value);
}

/** One YBR_FULL triple → RGB, eight bits each (PS3.3 C.7.6.3.1.2). */
function writeRgb(out: Uint8Array, at: number, y: number, cb: number, cr: number): void {
  out[at] = toByte(y + 1.402 * (cr - 128));
  out[at + 1] = toByte(y - 0.344136 * (cb - 128) - 0.714136 * (cr - 128));
  out[at + 2] = toByte(y + 1.772 * (cb - 128));
}

/** YBR samples of eight bits, interleaved → RGB. `shared` colour means YBR_FULL_422: Y1 Y2 Cb Cr. */
export function ybrToRgb(samples: SampleArray, layout: PixelLayout, shared: boolean): Uint8Array<ArrayBuffer> {
  const pixels = layout.rows * layout.columns;
  const out = new Uint8Array(pixels * 3);
  for (let pixel = 0; pixel < pixels; pixel += 1) {
    if (shared) {
      const pair = (pixel >> 1) * 4;
      writeRgb(out, pixel * 3, samples[pair + (pixel & 1)]!, samples[pair + 2]!, samples[pair + 3]!);
    } else {
      writeRgb(out, pixel * 3, samples[pixel * 3]!, samples[pixel * 3 + 1]!, samples[pixel * 3 + 2]!);
    }
  }
  return out;
}

/** RGB of any depth → eight bits, by the high bits of what is stored. */
export function rgbToBytes(samples: SampleArray, bitsStored: number): Uint8Array<ArrayBuffer> {
  if (samples instanceof Uint8Array && bitsStored <= 8) return samples;
  const shift = Math.max(0, bitsStored - 8);
  const out = new Uint8Array(samples.length);
  for (let i = 0; i < samples.length; i += 1) out[i] = samples[i]! >>> shift;
  return out;
}

/** A palette of one colour (PS3.3 C.7.6.3.1.5): stored values from `first` on; the ends hold for what lies outside. */
export interface PaletteTable {
  readonly first: number;
  readonly bits: number;
  readonly values: Uint16Array;
}

export function paletteToRgb(
  indexes: SampleArray,
  tables: readonly [PaletteTable, PaletteTable, PaletteTable],
): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(indexes.length * 3);
  tables.forEach(({ first, bits, values }, colour) => {
    const shift = Math.max(0, bits - 8);
    const last = values.length - 1;
    for (let pixel = 0; pixel < indexes.length; pixel += 1) {
      const entry = Math.min(last, Math.max(0, indexes[pixel]! - first));
      out[pixel * 3 + colour] = values[entry]! >> shift;
    }
  });
  return out;
}
