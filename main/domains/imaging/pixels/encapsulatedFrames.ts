import type { PixelRepair } from '../../../../app/domains/imaging/pixelRepairs.ts';
import type { Fragment } from './pixelDescription.ts';
import { pixelFailure } from './pixelFailures.ts';
import type { PixelCoding } from './transferSyntaxes.ts';

/** Finds the frames of encapsulated pixel data (PS3.5 A.4), whatever the state of its offset tables. */

interface Items {
  readonly offsetTable: readonly number[];
  readonly fragments: readonly Fragment[];
  /** Offset of the first fragment's item tag, which offsets count from. */
  readonly origin: number;
}

const ITEM_HEADER = 8;

/** Walks the items from `start` (the basic offset table's item) to the sequence delimiter or the end of the file. */
function readItems(bytes: Uint8Array, start: number): Items {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const fragments: Fragment[] = [];
  let offsetTable: number[] | undefined;
  let origin = start;
  let position = start;
  while (position + ITEM_HEADER <= bytes.length) {
    const group = view.getUint16(position, true);
    const element = view.getUint16(position + 2, true);
    const length = view.getUint32(position + 4, true);
    if (group !== 0xfffe || element === 0xe0dd) break;
    if (element !== 0xe000 || length === 0xffff_ffff) {
      throw pixelFailure('imaging.damagedPixelData', 'encapsulated pixel data holds something that is no fragment');
    }
    const dataStart = position + ITEM_HEADER;
    const present = Math.min(length, bytes.length - dataStart);
    if (!offsetTable) {
      offsetTable = [];
      for (let i = 0; i + 4 <= present; i += 4) offsetTable.push(view.getUint32(dataStart + i, true));
      origin = dataStart + present;
    } else {
      fragments.push({ start: dataStart, length: present, cut: present < length });
    }
    position = dataStart + present;
  }
  return { offsetTable: offsetTable ?? [], fragments, origin };
}

/** True when the bytes at `start` begin a compressed image of that coding; codings without a signature always do. */
function beginsImage(bytes: Uint8Array, fragment: Fragment, coding: PixelCoding): boolean {
  const first = bytes[fragment.start];
  const second = bytes[fragment.start + 1];
  if (coding === 'jpeg' || coding === 'jpegLs') return first === 0xff && second === 0xd8;
  // a bare codestream (FF4F) or, against the standard but met, a JP2 file (box length, 'jP')
  if (coding === 'jpeg2000' || coding === 'htj2k') return (first === 0xff && second === 0x4f) || first === 0;
  return true;
}

/** Groups fragments by an offset table; undefined when the table does not fit them. */
function framesByOffsets(
  bytes: Uint8Array,
  items: Items,
  offsets: readonly number[],
  coding: PixelCoding,
): Fragment[][] | undefined {
  const fragmentAt = new Map(items.fragments.map((fragment, i) => [fragment.start - ITEM_HEADER - items.origin, i]));
  const frames: Fragment[][] = [];
  for (let i = 0; i < offsets.length; i++) {
    const first = fragmentAt.get(offsets[i] ?? -1);
    const next = i + 1 < offsets.length ? fragmentAt.get(offsets[i + 1] ?? -1) : items.fragments.length;
    if (first === undefined || next === undefined || next <= first) return undefined;
    const frame = items.fragments.slice(first, next);
    if (!frame[0] || !beginsImage(bytes, frame[0], coding)) return undefined;
    frames.push(frame);
  }
  return frames;
}

export interface LocatedFrames {
  readonly frames: readonly (readonly Fragment[])[];
  readonly repaired: readonly PixelRepair[];
}

/**
 * The fragments of each frame. Tried in turn: extended offset table, basic offset table, one fragment per frame, one
 * frame of all fragments, then the start marks of the compressed images themselves. An offset table that does not fit
 * the fragments is ignored and named in `repaired`.
 *
 * @param start offset of the first item in `bytes`
 * @throws Failure imaging.damagedPixelData, imaging.emptyPixelData
 */
export function locateEncapsulatedFrames(
  bytes: Uint8Array,
  start: number,
  numberOfFrames: number,
  coding: PixelCoding,
  extendedOffsets: readonly number[] | undefined,
): LocatedFrames {
  const items = readItems(bytes, start);
  const { fragments } = items;
  if (fragments.every((fragment) => fragment.length === 0)) {
    throw pixelFailure('imaging.emptyPixelData', 'the encapsulated pixel data has no bytes');
  }
  const repaired: PixelRepair[] = [];
  for (const offsets of [extendedOffsets ?? [], items.offsetTable]) {
    if (offsets.length === 0) continue;
    if (offsets.length === numberOfFrames) {
      const frames = framesByOffsets(bytes, items, offsets, coding);
      if (frames) return { frames, repaired };
    }
    repaired.push('offsetTable');
  }
  if (numberOfFrames === 1) return { frames: [fragments], repaired };
  if (fragments.length === numberOfFrames) return { frames: fragments.map((fragment) => [fragment]), repaired };
  if (coding === 'rle' || coding === 'native' || coding === 'deflatedFrame') {
    // these codings have exactly one fragment per frame (PS3.5 A.4.2), so what is missing is at the end
    return { frames: fragments.slice(0, numberOfFrames).map((fragment) => [fragment]), repaired };
  }
  const frames: Fragment[][] = [];
  for (const fragment of fragments) {
    const current = frames.at(-1);
    if (current && !beginsImage(bytes, fragment, coding)) current.push(fragment);
    else frames.push([fragment]);
  }
  return { frames: frames.slice(0, numberOfFrames), repaired };
}

/** The bytes of one frame: a view when it is one fragment, else the fragments joined. */
export function joinFragments(bytes: Uint8Array, fragments: readonly Fragment[]): Uint8Array {
  const only = fragments[0];
  if (only && fragments.length === 1) return bytes.subarray(only.start, only.start + only.length);
  let total = 0;
  for (const fragment of fragments) total += fragment.length;
  const joined = new Uint8Array(total);
  let at = 0;
  for (const fragment of fragments) {
    joined.set(bytes.subarray(fragment.start, fragment.start + fragment.length), at);
    at += fragment.length;
  }
  return joined;
}
