import { findVr } from './dicomDictionary.ts';
import { DatasetError } from './prepareDataset.ts';

/** How a data set is written: VR said or not, and the order of bytes (PS3.5 section 7 and annex A). */
export interface DatasetForm {
  readonly explicit: boolean;
  readonly littleEndian: boolean;
}

/** An element before its value. */
export interface ElementHead {
  readonly tag: number;
  /** '' for items and delimiters. */
  readonly vr: string;
  readonly length: number;
  /** First byte of the value. */
  readonly at: number;
}

export const undefinedLength = 0xffff_ffff;
export const itemTag = 0xfffe_e000;
export const itemEnd = 0xfffe_e00d;
export const sequenceEnd = 0xfffe_e0dd;
export const pixelDataTag = 0x7fe0_0010;
/** Sequences in sequences; deeper than any real object, and far from the end of the stack. */
export const deepestSequence = 64;

/** VRs whose length takes 32 bits in an explicit form (PS3.5 7.1.2). */
export const longVrs: ReadonlySet<string> = new Set([
  ...['OB', 'OD', 'OF', 'OL', 'OV', 'OW', 'SQ', 'SV', 'UC', 'UN', 'UR', 'UT', 'UV'],
]);

/**
 * Reads the head of the element at `at`.
 *
 * @param end    of the data set, item or sequence it lies in
 * @param signed what a US-or-SS element of an implicit form is
 * @throws DatasetError('malformed')
 */
export function readElementHead(
  view: DataView,
  at: number,
  end: number,
  { explicit, littleEndian }: DatasetForm,
  signed: boolean,
): ElementHead {
  if (at + 8 > end) throw new DatasetError('malformed', '', 'an element is cut short');
  const tag = tagAt(view, at, littleEndian);
  if (tag >>> 16 === 0xfffe) return { tag, vr: '', length: view.getUint32(at + 4, littleEndian), at: at + 8 };
  if (!explicit) {
    return { tag, vr: dictionaryVr(tag, signed), length: view.getUint32(at + 4, littleEndian), at: at + 8 };
  }
  const vr = String.fromCharCode(view.getUint8(at + 4), view.getUint8(at + 5));
  if (!/^[A-Z]{2}$/.test(vr)) throw new DatasetError('malformed', hexTag(tag), 'no VR where one should be');
  if (!longVrs.has(vr)) return { tag, vr, length: view.getUint16(at + 6, littleEndian), at: at + 8 };
  if (at + 12 > end) throw new DatasetError('malformed', hexTag(tag), 'an element is cut short');
  return { tag, vr, length: view.getUint32(at + 8, littleEndian), at: at + 12 };
}

/** The VR of an element that does not say it. */
function dictionaryVr(tag: number, signed: boolean): string {
  const group = tag >>> 16;
  const element = tag & 0xffff;
  if ((group & 1) === 1) return element >= 0x10 && element <= 0xff ? 'LO' : 'UN';
  if (tag === pixelDataTag) return 'OW';
  const vr = findVr(tag) ?? 'UN';
  return vr === 'XS' ? (signed ? 'SS' : 'US') : vr;
}

/** The bytes before a value. What is too long for a length of 16 bits is written as unknown (PS3.5 6.2.2 note 2). */
export function elementHead(
  tag: number,
  vr: string,
  length: number,
  { explicit, littleEndian }: DatasetForm,
): Uint8Array {
  const isTooLong = explicit && !longVrs.has(vr) && length > 0xfffe;
  const isLong = explicit && (longVrs.has(vr) || isTooLong);
  const head = new Uint8Array(isLong ? 12 : 8);
  const view = new DataView(head.buffer);
  view.setUint16(0, tag >>> 16, littleEndian);
  view.setUint16(2, tag & 0xffff, littleEndian);
  if (!explicit || vr === '') {
    view.setUint32(4, length, littleEndian);
    return head.subarray(0, 8);
  }
  const said = isTooLong ? 'UN' : vr;
  head[4] = said.charCodeAt(0);
  head[5] = said.charCodeAt(1);
  if (isLong) view.setUint32(8, length, littleEndian);
  else view.setUint16(6, length, littleEndian);
  return head;
}

export function tagAt(view: DataView, at: number, littleEndian: boolean): number {
  return view.getUint16(at, littleEndian) * 0x1_0000 + view.getUint16(at + 2, littleEndian);
}

/** Some programs fill the last block of a file with zeros. */
export function isZeroFill(bytes: Uint8Array, at: number): boolean {
  if (bytes.length - at > 4096) return false;
  for (let index = at; index < bytes.length; index += 1) if (bytes[index] !== 0) return false;
  return true;
}

/** True where the VR is padded with a blank (PS3.5 6.2), false where with a zero. */
export function isPaddedWithBlank(vr: string): boolean {
  return !longVrs.has(vr) ? vr !== 'UI' : vr === 'UC' || vr === 'UR' || vr === 'UT';
}

export function hexTag(tag: number): string {
  return tag.toString(16).toUpperCase().padStart(8, '0');
}
