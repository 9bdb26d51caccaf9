import type { TreeElement } from './datasetTree.ts';
import { NotDeidentifiable } from './notDeidentifiable.ts';

type Coding = 'jpeg' | 'jpegLs' | 'jpeg2000' | 'rle';

const prefix = '1.2.840.10008.1.2.';
const codings: Readonly<Record<string, Coding>> = {
  ...{
    '4.50': 'jpeg',
    '4.51': 'jpeg',
    '4.53': 'jpeg',
    '4.55': 'jpeg',
    '4.57': 'jpeg',
    '4.70': 'jpeg',
    '4.80': 'jpegLs',
    '4.81': 'jpegLs',
  },
  ...{ '4.90': 'jpeg2000', '4.91': 'jpeg2000', '4.201': 'jpeg2000', '4.202': 'jpeg2000', '4.203': 'jpeg2000' },
  5: 'rle',
};

/** How coded pixel data is built inside; undefined for video, whose streams carry text and sound, and for what is rare. */
export function codingOf(transferSyntaxUid: string): Coding | undefined {
  return transferSyntaxUid.startsWith(prefix) ? codings[transferSyntaxUid.slice(prefix.length)] : undefined;
}

/**
 * Fragments of encapsulated pixel data in which everything that is no picture is blanked in place, so that each offset
 * stays right: comments and application segments of JPEG and JPEG-LS, comments of JPEG 2000, what follows a picture's
 * end, and gaps in RLE. All other bytes are as they were.
 *
 * @param pixelsInFrame rows times columns: what a segment of RLE decodes to
 * @param fragments with the basic offset table first; it is emptied where it points at no fragment
 * @throws NotDeidentifiable('damaged') for what is not built as its coding says
 */
export function cleanCodedPixels(
  fragments: readonly Uint8Array[],
  coding: Coding,
  pixelsInFrame: number,
): Uint8Array[] {
  const [table, ...data] = fragments;
  if (!table) throw new NotDeidentifiable('damaged');
  const cleaned: Uint8Array[] = [];
  let picture: Uint8Array[] = [];
  const finish = () => {
    if (picture.length > 0) cleaned.push(...cleanPicture(picture, coding, pixelsInFrame));
    picture = [];
  };
  for (const fragment of data) {
    if (picture.length === 0 ? false : beginsPicture(fragment, coding)) finish();
    picture.push(fragment);
  }
  finish();
  return [cleanOffsets(table, data), ...cleaned];
}

function beginsPicture(fragment: Uint8Array, coding: Coding): boolean {
  if (coding === 'rle') return true;
  return fragment[0] === 0xff && fragment[1] === (coding === 'jpeg2000' ? 0x4f : 0xd8);
}

function cleanOffsets(table: Uint8Array, data: readonly Uint8Array[]): Uint8Array {
  const starts = new Set<number>();
  let at = 0;
  for (const fragment of data) {
    starts.add(at);
    at += 8 + fragment.length;
  }
  const view = new DataView(table.buffer, table.byteOffset, table.length);
  for (let index = 0; index < table.length; index += 4) {
    if (index + 4 > table.length || !starts.has(view.getUint32(index, true))) return new Uint8Array(0);
  }
  return table;
}

/** One picture, which may lie in several fragments. */
function cleanPicture(fragments: readonly Uint8Array[], coding: Coding, pixelsInFrame: number): Uint8Array[] {
  const whole = Buffer.concat(fragments);
  if (coding === 'jpeg' || coding === 'jpegLs') cleanJpeg(whole, coding === 'jpegLs');
  else if (coding === 'jpeg2000') cleanJpeg2000(whole);
  else cleanRle(whole, pixelsInFrame);
  let at = 0;
  return fragments.map(({ length }) => {
    at += length;
    return whole.subarray(at - length, at);
  });
}

/**
 * A data set whose Extended Offset Table (7FE0,0001) and lengths (7FE0,0002) say where each fragment lies (PS3.3
 * C.7.6.3.1.8); without them where they say anything else, or where there are no fragments.
 */
export function cleanExtendedOffsets(elements: readonly TreeElement[], littleEndian: boolean): TreeElement[] {
  const numbersOf = (tag: number): bigint[] | null => {
    const value = elements.find((element) => element.tag === tag)?.value;
    if (value === undefined || value.length % 8 !== 0) return null;
    const view = new DataView(value.buffer, value.byteOffset, value.length);
    return Array.from({ length: value.length / 8 }, (_, index) => view.getBigUint64(8 * index, littleEndian));
  };
  const frames = elements.find(({ fragments }) => fragments !== null)?.fragments?.slice(1) ?? [];
  const offsets = numbersOf(offsetsTag);
  const lengths = numbersOf(lengthsTag);
  let at = 0n;
  const isRight =
    frames.length > 0 &&
    offsets?.length === frames.length &&
    lengths?.length === frames.length &&
    frames.every(({ length }, index) => {
      const said = BigInt(length) - (lengths[index] as bigint);
      const isHere = offsets[index] === at && (said === 0n || said === 1n);
      at += BigInt(8 + length);
      return isHere;
    });
  return isRight ? [...elements] : elements.filter(({ tag }) => tag !== offsetsTag && tag !== lengthsTag);
}

const offsetsTag = 0x7fe0_0001;
const lengthsTag = 0x7fe0_0002;

const damaged = () => new NotDeidentifiable('damaged');

/** ITU-T T.81 table B.1, of the processes that DICOM has: frames, tables, scans and their intervals. Others may hold anything. */
const jpegMarkers: ReadonlySet<number> = new Set([0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xda, 0xdb, 0xdc, 0xdd]);
/** ITU-T T.87 table C.1. */
const jpegLsMarkers: ReadonlySet<number> = new Set([0xda, 0xdc, 0xdd, 0xf7, 0xf8]);
/** ITU-T T.800 table A.2 and T.814, all with a length. */
const jpeg2000Markers: ReadonlySet<number> = new Set([
  ...[0xff50, 0xff51, 0xff52, 0xff53, 0xff55, 0xff56, 0xff57, 0xff58, 0xff59, 0xff5c, 0xff5d, 0xff5e, 0xff5f],
  ...[0xff60, 0xff61, 0xff63, 0xff64, 0xff90],
]);

/** ITU-T T.81 annex B and T.87 annex C: segments, then entropy-coded data up to the next marker, several times. */
function cleanJpeg(bytes: Buffer, isStuffed: boolean): void {
  if (bytes.length < 4 || bytes[0] !== 0xff || bytes[1] !== 0xd8) throw damaged();
  let at = 2;
  while (at + 2 <= bytes.length) {
    if (bytes[at] !== 0xff) throw damaged();
    const marker = bytes[at + 1] as number;
    // Fill bytes may stand before a marker.
    if (marker === 0xff) {
      at += 1;
      continue;
    }
    if (marker === 0xd9) {
      bytes.fill(0, at + 2);
      return;
    }
    if (at + 4 > bytes.length) throw damaged();
    const end = at + 2 + bytes.readUInt16BE(at + 2);
    if (end > bytes.length || end < at + 4) throw damaged();
    if (marker === 0xfe || (marker >= 0xe0 && marker <= 0xef)) blankSegment(bytes, marker, at + 4, end);
    else if (!(isStuffed ? jpegLsMarkers : jpegMarkers).has(marker)) throw damaged();
    at = marker === 0xda ? endOfScan(bytes, end, isStuffed) : end;
  }
  // Some writers leave the end out: then nobody can tell the picture from what follows it.
  throw damaged();
}

/** Which Adobe's and HP's segments say how colours are to be turned back: a fixed few bytes of them stay. */
function blankSegment(bytes: Buffer, marker: number, start: number, end: number): void {
  const name = bytes.toString('latin1', start, Math.min(end, start + 5));
  // Version, density and the thumbnail's size, which becomes none: the bytes that follow are no longer a thumbnail.
  const isKept =
    (marker === 0xe0 && name === 'JFIF\0' && end - start >= 14) ||
    (marker === 0xee && name === 'Adobe' && end - start >= 12);
  if (isKept) {
    bytes.fill(0, start + 12, end);
    return;
  }
  if (marker === 0xe8 && name.startsWith('mrfx') && end - start <= 6) return;
  bytes.fill(0, start, end);
}

/** The next marker that ends the coded data: in JPEG-LS a stuffed bit follows FF, elsewhere a zero byte. */
function endOfScan(bytes: Buffer, start: number, isStuffed: boolean): number {
  for (let at = bytes.indexOf(0xff, start); at >= 0 && at + 1 < bytes.length; at = bytes.indexOf(0xff, at + 1)) {
    const next = bytes[at + 1] as number;
    const isData = isStuffed ? next < 0x80 : next === 0 || next === 0xff;
    const isRestart = next >= 0xd0 && next <= 0xd7;
    if (!isData && !isRestart && next !== 0xff) return at;
  }
  return bytes.length;
}

/** ITU-T T.800 annex A: the main header, then tile-parts each with a header of its own. */
function cleanJpeg2000(bytes: Buffer): void {
  // JP2 boxes, which hold text of many kinds, have no place in DICOM (PS3.5 A.4.4).
  if (bytes.length < 12 || bytes.readUInt16BE(0) !== 0xff4f) throw damaged();
  let at = 2;
  let partEnd: number | null = null;
  while (at + 2 <= bytes.length) {
    const marker = bytes.readUInt16BE(at);
    if (marker === 0xffd9) {
      bytes.fill(0, at + 2);
      return;
    }
    if (marker === 0xff93) {
      const dataEnd: number = partEnd ?? lastEnd(bytes, at + 2);
      if (dataEnd < at + 2) throw damaged();
      at = dataEnd;
      continue;
    }
    if (at + 4 > bytes.length || !jpeg2000Markers.has(marker)) throw damaged();
    const end = at + 2 + bytes.readUInt16BE(at + 2);
    if (end > bytes.length || end < at + 4) throw damaged();
    if (marker === 0xff90) {
      if (end !== at + 12) throw damaged();
      const length = bytes.readUInt32BE(at + 6);
      partEnd = length === 0 ? null : at + length;
      if (partEnd !== null && (partEnd > bytes.length || partEnd < end)) throw damaged();
    }
    if (marker === 0xff64) bytes.fill(0, Math.min(end, at + 6), end);
    at = end;
  }
  throw damaged();
}

/** A last tile-part without a length goes to the end of the codestream, whose marker coded data never holds. */
function lastEnd(bytes: Buffer, start: number): number {
  const at = bytes.indexOf(Buffer.from([0xff, 0xd9]), start);
  if (at < 0) throw damaged();
  return at;
}

/** PS3.5 annex G: sixteen numbers, then the segments that they point at. */
function cleanRle(bytes: Buffer, pixelsInFrame: number): void {
  if (bytes.length < 64) throw damaged();
  const count = bytes.readUInt32LE(0);
  if (count < 1 || count > 15) throw damaged();
  bytes.fill(0, 4 + 4 * count, 64);
  const starts = Array.from({ length: count }, (_, index) => bytes.readUInt32LE(4 + 4 * index));
  let end = 64;
  for (const [index, start] of starts.entries()) {
    const next = starts[index + 1] ?? bytes.length;
    if (start < end || start >= next || next > bytes.length) throw damaged();
    bytes.fill(0, end, start);
    end = endOfRuns(bytes, start, next, pixelsInFrame);
    bytes.fill(0, end, next);
    end = next;
  }
}

/** Where a segment has given a byte for each pixel. */
function endOfRuns(bytes: Buffer, start: number, limit: number, pixels: number): number {
  let at = start;
  let given = 0;
  while (given < pixels && at < limit) {
    const head = bytes.readInt8(at);
    if (head === -128) {
      at += 1;
      continue;
    }
    given += head >= 0 ? head + 1 : 1 - head;
    at += head >= 0 ? head + 2 : 2;
  }
  return Math.min(at, limit);
}
