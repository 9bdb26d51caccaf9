import { inflateRawSync } from 'node:zlib';
import dicomParser, { type DataSet, type Element } from 'dicom-parser';
import { findText } from './dicomValues.ts';
import { pixelFailure } from './pixelFailures.ts';
import { EXPLICIT_LITTLE_ENDIAN, IMPLICIT_LITTLE_ENDIAN } from './transferSyntaxes.ts';

/** A deflated data set may grow to this and no further (a few MB can claim to be terabytes). */
export const INFLATED_BYTES_MAX = 1.5 * 1024 ** 3;

const EXTENDED_OFFSET_TABLE = 'x7fe00001';
export const PIXEL_DATA = 'x7fe00010';
export const FLOAT_PIXEL_DATA = 'x7fe00008';
export const DOUBLE_PIXEL_DATA = 'x7fe00009';

function inflate(bytes: Uint8Array, position: number, inflatedBytesMax: number): Uint8Array {
  try {
    const body = inflateRawSync(bytes.subarray(position), { maxOutputLength: inflatedBytesMax });
    const whole = new Uint8Array(position + body.length);
    whole.set(bytes.subarray(0, position), 0);
    whole.set(body, position);
    return whole;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ERR_BUFFER_TOO_LARGE') {
      throw pixelFailure('imaging.tooLarge', 'the deflated data set inflates past the limit');
    }
    if (code === 'Z_BUF_ERROR') throw pixelFailure('imaging.truncated', 'the deflated data set ends early');
    throw pixelFailure('imaging.notDicom', 'the deflated data set can not be inflated');
  }
}

interface BareObject {
  readonly transferSyntaxUid: string;
  /** The data set, a view of the file. */
  readonly bytes: Uint8Array;
}

/** The syntax of a data set that begins at once with an element of a low group, judged by whether a VR follows. */
function guessSyntax(bytes: Uint8Array): string | undefined {
  const group = (bytes[0] ?? 0) | ((bytes[1] ?? 0) << 8);
  if (bytes.length < 16 || group < 2 || group > 0x20 || group & 1) return undefined;
  const vr = String.fromCharCode(bytes[4] ?? 0, bytes[5] ?? 0);
  return /^(AE|AS|AT|CS|DA|DS|DT|FL|FD|IS|LO|LT|OB|OW|PN|SH|SL|SQ|SS|ST|TM|UI|UL|UN|US|UT)$/.test(vr)
    ? EXPLICIT_LITTLE_ENDIAN
    : IMPLICIT_LITTLE_ENDIAN;
}

/** A file without preamble: a meta header and its data set, or a data set alone. Undefined when it is neither. */
function findBareObject(bytes: Uint8Array): BareObject | undefined {
  const guessed = guessSyntax(bytes);
  if (!guessed) return undefined;
  if (!(bytes[0] === 2 && bytes[1] === 0 && guessed === EXPLICIT_LITTLE_ENDIAN)) {
    return { transferSyntaxUid: guessed, bytes };
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let transferSyntaxUid: string | undefined;
  let at = 0;
  while (at + 12 <= bytes.length && view.getUint16(at, true) === 2) {
    const isLong = /^(OB|OW|UN|UT|SQ)$/.test(String.fromCharCode(view.getUint8(at + 4), view.getUint8(at + 5)));
    const length = isLong ? view.getUint32(at + 8, true) : view.getUint16(at + 6, true);
    const start = at + (isLong ? 12 : 8);
    if (start + length > bytes.length) return undefined;
    if (view.getUint16(at + 2, true) === 0x0010) {
      transferSyntaxUid = String.fromCharCode(...bytes.subarray(start, start + Math.min(length, 64))).replace(
        /[\0 ]+$/,
        '',
      );
    }
    at = start + length;
  }
  const body = bytes.subarray(at);
  const syntax = transferSyntaxUid ?? guessSyntax(body);
  return syntax === undefined ? undefined : { transferSyntaxUid: syntax, bytes: body };
}

interface ParsedUntil {
  readonly dataSet: DataSet | undefined;
  /** False when the parser met the end of the file or nonsense first. */
  readonly complete: boolean;
}

function parseUntil(
  bytes: Uint8Array,
  untilTag: string,
  transferSyntaxUid: string | undefined,
  inflatedBytesMax: number,
): ParsedUntil {
  const inflater = (all: Uint8Array, position: number) => inflate(all, position, inflatedBytesMax);
  const options = { untilTag, inflater, ...(transferSyntaxUid && { TransferSyntaxUID: transferSyntaxUid }) };
  try {
    return { dataSet: dicomParser.parseDicom(bytes, options), complete: true };
  } catch (thrown) {
    // dicom-parser throws text, or an object with what it had read
    const partial = thrown as { exception?: unknown; dataSet?: DataSet } | string;
    const cause = typeof partial === 'object' && partial.exception ? partial.exception : thrown;
    if (cause instanceof Error && cause.name === 'Failure') throw cause;
    return { dataSet: typeof partial === 'object' ? partial.dataSet : undefined, complete: false };
  }
}

/**
 * Goes on where dicom-parser can't: it does not know the VR OV (PS3.5 table 7.1-1, 32-bit length) and loses its way at
 * the extended offset table. From that element on the data set is read here, up to the pixel data.
 */
function parsePastOffsetTable(bytes: Uint8Array, transferSyntaxUid: string | undefined, inflatedBytesMax: number) {
  // only some objects without pixel data come here in vain, and they are parsed in a millisecond
  const { dataSet } = parseUntil(bytes, EXTENDED_OFFSET_TABLE, transferSyntaxUid, inflatedBytesMax);
  const table = dataSet?.elements[EXTENDED_OFFSET_TABLE];
  if (!dataSet || table?.vr !== 'OV') return undefined;
  const all = dataSet.byteArray;
  const view = new DataView(all.buffer, all.byteOffset, all.byteLength);
  let at = table.dataOffset - 8;
  while (at + 12 <= all.length && view.getUint16(at, true) === 0x7fe0) {
    const number = view.getUint16(at + 2, true);
    const tag = `x7fe0${number.toString(16).padStart(4, '0')}`;
    const vr = String.fromCharCode(view.getUint8(at + 4), view.getUint8(at + 5));
    const length = view.getUint32(at + 8, true);
    const element: Element = { tag, vr, length, dataOffset: at + 12 };
    if (length === 0xffff_ffff) element.hadUndefinedLength = true;
    dataSet.elements[tag] = element;
    if (tag === PIXEL_DATA) return dataSet;
    at += 12 + length;
  }
  return undefined;
}

export interface PixelHeader {
  readonly dataSet: DataSet;
  /** The pixel data element: only where it begins and what length it claims. */
  readonly element: Element;
  readonly tag: string;
  readonly transferSyntaxUid: string;
}

/**
 * Parses a DICOM object up to its pixel data, whichever of the three kinds it is.
 * @throws Failure imaging.notDicom, imaging.truncated, imaging.tooLarge, imaging.noPixelData
 */
export function parsePixelHeader(fileBytes: Uint8Array, inflatedBytesMax: number): PixelHeader {
  const hasPreamble = fileBytes.length > 132 && String.fromCharCode(...fileBytes.subarray(128, 132)) === 'DICM';
  const bare = hasPreamble ? undefined : findBareObject(fileBytes);
  if (!hasPreamble && !bare) throw pixelFailure('imaging.notDicom', 'the file is not DICOM');
  const bytes = bare?.bytes ?? fileBytes;
  let cut = false;
  let seen = 0;
  for (const tag of [PIXEL_DATA, FLOAT_PIXEL_DATA, DOUBLE_PIXEL_DATA]) {
    const parsed = parseUntil(bytes, tag, bare?.transferSyntaxUid, inflatedBytesMax);
    const { complete } = parsed;
    const lostItsWay = tag === PIXEL_DATA && !parsed.dataSet?.elements[PIXEL_DATA];
    const dataSet =
      (lostItsWay ? parsePastOffsetTable(bytes, bare?.transferSyntaxUid, inflatedBytesMax) : undefined) ??
      parsed.dataSet;
    const element = dataSet?.elements[tag];
    if (dataSet && element) {
      const transferSyntaxUid = bare?.transferSyntaxUid ?? findText(dataSet, 'x00020010') ?? IMPLICIT_LITTLE_ENDIAN;
      return { dataSet, element, tag, transferSyntaxUid };
    }
    if (!complete) cut = true;
    seen = Math.max(seen, Object.keys(dataSet?.elements ?? {}).length);
    if (complete && !dataSet?.elements[FLOAT_PIXEL_DATA] && !dataSet?.elements[DOUBLE_PIXEL_DATA]) break;
  }
  if (seen === 0) throw pixelFailure('imaging.notDicom', 'the file is not DICOM');
  if (cut) throw pixelFailure('imaging.truncated', 'the file ends inside its header');
  throw pixelFailure('imaging.noPixelData', 'the object holds no pixel data');
}
