import type { TreeElement } from './datasetTree.ts';
import { NotDeidentifiable } from './notDeidentifiable.ts';
import { trimmedText } from './trimmedText.ts';

/** What the Image Pixel module says of samples (PS3.3 C.7.6.3). */
interface PixelShape {
  readonly bitsAllocated: number;
  readonly bitsStored: number;
  readonly highBit: number;
  readonly isSigned: boolean;
  /** Of one frame. */
  readonly pixels: number;
  /** Bytes of all samples. */
  readonly expected: number;
  /** Bytes of all samples where two of each four colours are left out; null where none is. */
  readonly halved: number | null;
  readonly frames: number;
}

/**
 * Native pixel data with nothing beside its samples: bits that are not stored (in which old images keep overlays, PS3.5
 * 8.1.2) are cleared, or repeat the sign, and so is what follows the last sample. Values are as they were. The bytes
 * themselves are given back where there was nothing to clear.
 *
 * @param elements the outermost data set
 * @throws NotDeidentifiable('damaged') when the samples can't be told from the rest
 */
export function cleanNativePixels(
  pixels: Uint8Array,
  elements: readonly TreeElement[],
  littleEndian: boolean,
): Uint8Array {
  const shape = shapeOf(elements, littleEndian);
  const end = Math.min(pixels.length, lengthOf(shape, pixels.length));
  // Too short is for the reader to judge; too long may hold anything.
  let copy: Buffer | null = null;
  if (pixels.subarray(end).some((byte) => byte !== 0)) {
    copy = Buffer.from(pixels);
    copy.fill(0, end);
  }
  const { bitsAllocated, bitsStored, highBit } = shape;
  if (bitsAllocated <= 8 ? bitsStored === bitsAllocated : bitsStored === bitsAllocated && highBit === bitsAllocated - 1)
    return copy ?? pixels;
  if (![8, 16, 32].includes(bitsAllocated)) throw new NotDeidentifiable('damaged');
  return clearUnused(copy ?? pixels, end, shape, littleEndian);
}

/** Some writers leave whole samples in what calls itself halved: what has neither length can't be told from what is beside it. */
function lengthOf({ expected, halved }: PixelShape, given: number): number {
  if (halved === null) return expected;
  const length = [halved, expected].find((bytes) => given === bytes + (bytes % 2));
  if (length === undefined) throw new NotDeidentifiable('damaged');
  return length;
}

/**
 * Float or double pixel data is nothing but its samples, all of which are values.
 *
 * @param bytesInSample 4 or 8
 * @throws NotDeidentifiable('damaged') when its length is another than rows, columns and frames make
 */
export function checkFloatPixels(
  pixels: Uint8Array,
  elements: readonly TreeElement[],
  littleEndian: boolean,
  bytesInSample: number,
): void {
  const shape = shapeOf(elements, littleEndian);
  if (pixels.length !== shape.pixels * shape.frames * bytesInSample) throw new NotDeidentifiable('damaged');
}

function clearUnused(pixels: Uint8Array, end: number, shape: PixelShape, littleEndian: boolean): Uint8Array {
  const { bitsAllocated, bitsStored, highBit, isSigned } = shape;
  const word = bitsAllocated / 8;
  const low = highBit - bitsStored + 1;
  const stored = ((2 ** bitsStored - 1) << low) >>> 0;
  const above = ~((2 ** (highBit + 1) - 1) >>> 0) & (bitsAllocated === 32 ? 0xffff_ffff : (1 << bitsAllocated) - 1);
  const sign = 2 ** highBit;
  let result = pixels;
  let view = new DataView(result.buffer, result.byteOffset, result.byteLength);
  for (let at = 0; at + word <= end; at += word) {
    const value =
      word === 1 ? view.getUint8(at) : word === 2 ? view.getUint16(at, littleEndian) : view.getUint32(at, littleEndian);
    const kept = (value & stored) >>> 0;
    const clean = (isSigned && (value & sign) !== 0 ? kept | above : kept) >>> 0;
    if (clean === value) continue;
    if (result === pixels) {
      result = Buffer.from(pixels);
      view = new DataView(result.buffer, result.byteOffset, result.byteLength);
    }
    if (word === 1) view.setUint8(at, clean);
    else if (word === 2) view.setUint16(at, clean, littleEndian);
    else view.setUint32(at, clean, littleEndian);
  }
  return result;
}

/** Rows times columns. @throws NotDeidentifiable('damaged') */
export function pixelsInFrame(elements: readonly TreeElement[], littleEndian: boolean): number {
  return shapeOf(elements, littleEndian).pixels;
}

function shapeOf(elements: readonly TreeElement[], littleEndian: boolean): PixelShape {
  const short = (tag: number): number | null => {
    const value = elements.find((element) => element.tag === tag)?.value;
    if (value?.length !== 2) return null;
    return new DataView(value.buffer, value.byteOffset, 2).getUint16(0, littleEndian);
  };
  const text = (tag: number) => trimmedText(elements.find((element) => element.tag === tag)?.value);
  const bitsAllocated = short(0x0028_0100);
  const rows = short(0x0028_0010);
  const columns = short(0x0028_0011);
  if (bitsAllocated === null || rows === null || columns === null) throw new NotDeidentifiable('damaged');
  const bitsStored = short(0x0028_0101) ?? bitsAllocated;
  const highBit = short(0x0028_0102) ?? bitsStored - 1;
  if (bitsStored < 1 || bitsStored > bitsAllocated || highBit >= bitsAllocated || highBit < bitsStored - 1)
    throw new NotDeidentifiable('damaged');
  const samples = short(0x0028_0002) ?? 1;
  const frames = /^\d{1,9}$/.test(text(0x0028_0008)) ? Number(text(0x0028_0008)) : 1;
  if (frames === 0) throw new NotDeidentifiable('damaged');
  const isHalved = samples === 3 && text(0x0028_0004) === 'YBR_FULL_422';
  const bytesOf = (samplesInPixel: number) => Math.ceil((rows * columns * frames * samplesInPixel * bitsAllocated) / 8);
  return {
    bitsAllocated,
    bitsStored,
    highBit,
    isSigned: short(0x0028_0103) === 1,
    pixels: rows * columns,
    frames,
    expected: bytesOf(samples),
    halved: isHalved ? bytesOf(2) : null,
  };
}
