import { inflateRawSync, constants as zlib } from 'node:zlib';
import dicomParser from 'dicom-parser';
import { findVr } from './dicomDictionary.ts';

const { ByteStream, readDicomElementExplicit, readDicomElementImplicit } = dicomParser;

/** Elements of one data set or item, keyed as dicom-parser does: 'x' and eight lower-case hex digits. */
export type Elements = Record<string, dicomParser.Element>;

export interface PixelDataPlace {
  readonly tag: string;
  /** First byte of the value in `bytes`. */
  readonly offset: number;
  /** Declared length of the value in bytes; meaningless when `encapsulated`. */
  readonly length: number;
  /** True for the undefined length of encapsulated pixel data (PS3.5 A.4). */
  readonly encapsulated: boolean;
}

/** A data set read up to its pixel data. Offsets of elements point into `bytes`. */
export interface DicomHeader {
  /** The file's own bytes, or the inflated data set of a deflated transfer syntax. */
  readonly bytes: Uint8Array;
  readonly elements: Elements;
  readonly metaElements: Elements;
  readonly littleEndian: boolean;
  readonly transferSyntaxUid: string;
  /** False for a bare data set that was recognised without the DICM prefix. */
  readonly hasPreamble: boolean;
  readonly deflated: boolean;
  readonly pixelData: PixelDataPlace | null;
  /**
   * `complete`: read to the pixel data or to the end. `cut`: an element runs past the end of `bytes`. `malformed`: what
   * follows is no DICOM. The elements before the trouble are there in each case.
   */
  readonly ending: 'complete' | 'cut' | 'malformed';
}

const IMPLICIT_LITTLE_ENDIAN = '1.2.840.10008.1.2';
const EXPLICIT_LITTLE_ENDIAN = '1.2.840.10008.1.2.1';
const EXPLICIT_BIG_ENDIAN = '1.2.840.10008.1.2.2';
const DEFLATED = '1.2.840.10008.1.2.1.99';
/** The same deflated data set, with the frames referenced by URL (PS3.5 A.6 and A.7). */
const JPIP_DEFLATED = '1.2.840.10008.1.2.4.95';

/** Most bytes a deflated data set may grow to. Deflate reaches 1:1032, so the cap has to be absolute. */
const largestInflated = 1024 * 1024 * 1024;

const shortVrs = 'AE AS AT CS DA DS DT FL FD IS LO LT PN SH SL SS ST TM UI UL US';
const longVrs = 'OB OD OF OL OV OW SQ SV UC UN UR UT UV';
const vrs: ReadonlySet<string> = new Set(`${shortVrs} ${longVrs}`.split(' '));

/**
 * Reads a DICOM file (PS3.10 section 7) or a bare data set up to the pixel data, which is located but not read.
 *
 * @param bytes   the file, or as much of its beginning as there is
 * @param partial true when `bytes` is only the beginning: a deflated data set is then inflated as far as it goes
 * @returns null when this is no DICOM at all
 */
export function readHeader(bytes: Uint8Array, partial = false): DicomHeader | null {
  if (hasPrefix(bytes)) return readPart10(bytes, 132, true, partial);
  const bare = recogniseBareDataSet(bytes);
  if (bare === null) return null;
  if (bare === 'meta') return readPart10(bytes, 0, false, partial);
  return readDataSet(bytes, 0, bare, { metaElements: {}, hasPreamble: false, deflated: false });
}

/** Reads a data set without preamble and meta group, as it comes over a network, in the transfer syntax it was sent in. */
export function readBareDataSet(bytes: Uint8Array, transferSyntaxUid: string): DicomHeader {
  const about = { metaElements: {}, hasPreamble: false };
  if (transferSyntaxUid !== DEFLATED && transferSyntaxUid !== JPIP_DEFLATED) {
    return readDataSet(bytes, 0, transferSyntaxUid, { ...about, deflated: false });
  }
  const inflated = inflate(bytes, false);
  if (inflated === null) return emptyHeader(bytes, transferSyntaxUid, { ...about, ending: 'cut' });
  return readDataSet(inflated, 0, transferSyntaxUid, { ...about, deflated: true });
}

/** True when 'DICM' stands at byte 128. */
export function hasPrefix(bytes: Uint8Array): boolean {
  return (
    bytes.length >= 132 && bytes[128] === 0x44 && bytes[129] === 0x49 && bytes[130] === 0x43 && bytes[131] === 0x4d
  );
}

function readPart10(bytes: Uint8Array, start: number, hasPreamble: boolean, partial: boolean): DicomHeader {
  const metaElements: Elements = {};
  const stream = new ByteStream(dicomParser.littleEndianByteArrayParser, bytes, 0);
  stream.seek(start);
  let ending: DicomHeader['ending'] = 'complete';
  while (stream.position + 8 <= bytes.length && groupAt(bytes, stream.position, true) === 0x0002) {
    try {
      const element = readDicomElementExplicit(stream);
      metaElements[element.tag] = element;
    } catch (error) {
      ending = isOverrun(error, stream.position, bytes.length) ? 'cut' : 'malformed';
      break;
    }
  }
  const declared = metaElements['x00020010'] ? asciiOf(bytes, metaElements['x00020010']) : '';
  const meta = { metaElements, hasPreamble };
  if (ending !== 'complete' || stream.position > bytes.length) {
    return emptyHeader(bytes, declared, { ...meta, ending: ending === 'complete' ? 'cut' : ending });
  }
  const syntax = declared === '' ? guessSyntax(bytes, stream.position) : declared;
  if (syntax === DEFLATED || syntax === JPIP_DEFLATED) {
    const inflated = inflate(bytes.subarray(stream.position), partial);
    if (inflated === null) return emptyHeader(bytes, syntax, { ...meta, ending: 'cut' });
    return readDataSet(inflated, 0, syntax, { ...meta, deflated: true });
  }
  return readDataSet(bytes, stream.position, syntax, { ...meta, deflated: false });
}

function readDataSet(
  bytes: Uint8Array,
  start: number,
  transferSyntaxUid: string,
  about: Pick<DicomHeader, 'metaElements' | 'hasPreamble' | 'deflated'>,
): DicomHeader {
  const littleEndian = transferSyntaxUid !== EXPLICIT_BIG_ENDIAN;
  // Some writers say explicit and write implicit: no letters stand where the first VR should be.
  const implicit =
    transferSyntaxUid === IMPLICIT_LITTLE_ENDIAN || (littleEndian && !/^[A-Z]{2}$/.test(vrAt(bytes, start + 4)));
  const parser = littleEndian ? dicomParser.littleEndianByteArrayParser : dicomParser.bigEndianByteArrayParser;
  const elements: Elements = {};
  let pixelData: PixelDataPlace | null = null;
  let ending: DicomHeader['ending'] = 'complete';
  if (start < bytes.length) {
    const stream = new ByteStream(parser, bytes, start);
    stream.warnings = [];
    while (stream.position < bytes.length) {
      const at = stream.position;
      if (isZeroFill(bytes, at)) break;
      try {
        // Float, double and integer pixel data all lie in group 7FE0: the reading stops at whichever comes first.
        const stopAt =
          bytes.length - at >= 8 && groupAt(bytes, at, littleEndian) === 0x7fe0
            ? tagAt(bytes, at, littleEndian)
            : undefined;
        const element = implicit
          ? readDicomElementImplicit(stream, stopAt, implicitVr)
          : readDicomElementExplicit(stream, stream.warnings, stopAt);
        elements[element.tag] = element;
        if (stopAt !== undefined && (stopAt === 'x7fe00010' || stopAt === 'x7fe00008' || stopAt === 'x7fe00009')) {
          pixelData = {
            tag: stopAt,
            offset: element.dataOffset,
            length: element.length,
            encapsulated: element.hadUndefinedLength === true,
          };
          break;
        }
        // Extended offset tables come before the pixel data and were not skipped by a parser told to stop at them.
        if (stopAt !== undefined) stream.seek(element.length);
        if (stream.position > bytes.length) {
          ending = 'cut';
          break;
        }
      } catch (error) {
        ending = isOverrun(error, stream.position, bytes.length) ? 'cut' : 'malformed';
        break;
      }
    }
  }
  return { bytes, elements, littleEndian, transferSyntaxUid, pixelData, ending, ...about };
}

function emptyHeader(
  bytes: Uint8Array,
  transferSyntaxUid: string,
  about: Pick<DicomHeader, 'metaElements' | 'hasPreamble' | 'ending'>,
): DicomHeader {
  return { bytes, elements: {}, littleEndian: true, transferSyntaxUid, deflated: false, pixelData: null, ...about };
}

/** The VR callback of the implicit reader: from the dictionary, so that sequences are told from values. */
export function implicitVr(tag: string): string {
  // The declared type wants a string; undefined makes the parser look whether an item follows.
  return findVr(Number.parseInt(tag.slice(1), 16)) as string;
}

function inflate(deflated: Uint8Array, partial: boolean): Uint8Array | null {
  try {
    const finishFlush = partial ? zlib.Z_SYNC_FLUSH : zlib.Z_FINISH;
    return inflateRawSync(deflated, { finishFlush, maxOutputLength: largestInflated });
  } catch {
    // Cut or damaged: the caller reports it as such. Node gives no partial output here.
    return null;
  }
}

/**
 * A file without preamble is taken as DICOM only when it begins with the meta group or with a low-numbered identifying
 * group in a form that no other kind of file has by chance.
 */
function recogniseBareDataSet(bytes: Uint8Array): string | 'meta' | null {
  if (bytes.length < 16) return null;
  const group = groupAt(bytes, 0, true);
  const element = groupAt(bytes, 2, true);
  if (group === 0x0002 && element <= 0x0102 && vrs.has(vrAt(bytes, 4))) return 'meta';
  if (group === 0x0008 && element <= 0x0070) {
    if (vrs.has(vrAt(bytes, 4))) return EXPLICIT_LITTLE_ENDIAN;
    const length = groupAt(bytes, 4, true) + groupAt(bytes, 6, true) * 65536;
    if (length <= 1024 && 8 + length + 4 <= bytes.length && groupAt(bytes, 8 + length, true) === 0x0008) {
      return IMPLICIT_LITTLE_ENDIAN;
    }
  }
  if (groupAt(bytes, 0, false) === 0x0008 && groupAt(bytes, 2, false) <= 0x0070 && vrs.has(vrAt(bytes, 4))) {
    return EXPLICIT_BIG_ENDIAN;
  }
  return null;
}

/** Transfer syntax of a data set whose meta group leaves it out, by the look of its first element. */
function guessSyntax(bytes: Uint8Array, at: number): string {
  if (at + 8 > bytes.length || !vrs.has(vrAt(bytes, at + 4))) return IMPLICIT_LITTLE_ENDIAN;
  return groupAt(bytes, at, true) > groupAt(bytes, at, false) ? EXPLICIT_BIG_ENDIAN : EXPLICIT_LITTLE_ENDIAN;
}

function groupAt(bytes: Uint8Array, at: number, littleEndian: boolean): number {
  const first = bytes[at] ?? 0;
  const second = bytes[at + 1] ?? 0;
  return littleEndian ? first | (second << 8) : (first << 8) | second;
}

function tagAt(bytes: Uint8Array, at: number, littleEndian: boolean): string {
  const hex = (value: number) => value.toString(16).padStart(4, '0');
  return `x${hex(groupAt(bytes, at, littleEndian))}${hex(groupAt(bytes, at + 2, littleEndian))}`;
}

function vrAt(bytes: Uint8Array, at: number): string {
  return String.fromCharCode(bytes[at] ?? 0, bytes[at + 1] ?? 0);
}

/** Some programs fill the last block of a file with zeros: nothing but zeros is no element. */
function isZeroFill(bytes: Uint8Array, at: number): boolean {
  if (bytes.length - at > 4096) return false;
  for (let index = at; index < bytes.length; index += 1) if (bytes[index] !== 0) return false;
  return true;
}

/** dicom-parser throws strings and RangeErrors; what ran past the end is told from what made no sense. */
function isOverrun(error: unknown, position: number, length: number): boolean {
  if (position > length) return true;
  const text = typeof error === 'string' ? error : error instanceof Error ? error.message : '';
  return /past end of buffer|overread|overrun|maxP ?osition|greater than or equal/.test(text);
}

function asciiOf(bytes: Uint8Array, element: dicomParser.Element): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + element.dataOffset, Math.min(element.length, 128))
    .toString('latin1')
    .replace(/[\0 ]+$/g, '')
    .trim();
}
