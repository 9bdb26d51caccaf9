import type * as dicomParser from 'dicom-parser';
import {
  type ElementReader,
  elementItems,
  elementTexts,
  unsignedShortOf,
  valueBytes,
  viewOf,
  vrOf,
} from './elementValues.ts';

type Element = dicomParser.Element;

/** One attribute of the DICOM JSON model (PS3.18 F.2.2). */
export interface JsonAttribute {
  vr: string;
  Value?: unknown[];
  InlineBinary?: string;
  BulkDataURI?: string;
}

/** A data set in the DICOM JSON model: eight upper-case hex digits → attribute. */
export type JsonDataSet = Record<string, JsonAttribute>;

/** Longest binary value kept inline, bytes; look-up tables and overlays stay below it. */
const longestStandardBinary = 2 * 1024 * 1024;
/** Private binary values are opaque; short ones may be a factor somebody knows how to read. */
const longestPrivateBinary = 64;
const deepest = 64;

const numberReaders: Readonly<
  Record<string, readonly [bytes: number, read: (view: DataView, at: number, little: boolean) => number]>
> = {
  US: [2, (view, at, little) => view.getUint16(at, little)],
  SS: [2, (view, at, little) => view.getInt16(at, little)],
  UL: [4, (view, at, little) => view.getUint32(at, little)],
  SL: [4, (view, at, little) => view.getInt32(at, little)],
  FL: [4, (view, at, little) => view.getFloat32(at, little)],
  FD: [8, (view, at, little) => view.getFloat64(at, little)],
  SV: [8, (view, at, little) => Number(view.getBigInt64(at, little))],
  UV: [8, (view, at, little) => Number(view.getBigUint64(at, little))],
};

/** Bytes of one word of a binary VR: what has to be turned round in a big-endian file. */
const wordBytes: Readonly<Record<string, number>> = { OW: 2, OF: 4, OL: 4, OD: 8, OV: 8 };

/**
 * The header as the DICOM JSON model (PS3.18 annex F) in UTF-8, without group lengths and pixel data. Binary values
 * are little-endian whatever the file's order, inline up to 2 MiB (64 bytes in private attributes), else left out: the
 * whole object is a request away.
 */
export function toDicomJson(reader: ElementReader, depth = 0, signedOutside = false): JsonDataSet {
  // Look-up tables and the like in items follow the Pixel Representation of the data set they lie in (PS3.3 C.11.1.1.1).
  const representation = unsignedShortOf(reader, 'x00280103');
  const signed = representation === null ? signedOutside : representation === 1;
  const json: JsonDataSet = {};
  // PS3.18 F.2.2 wants ascending tags; dicom-parser keeps the order of the file, which is that.
  for (const element of Object.values(reader.elements)) {
    const tag = element.tag.slice(1).toUpperCase();
    // dicom-parser keeps the delimiter of an item of undefined length as its last element: FFFE.
    if (tag.endsWith('0000') || /^(7FE0|FFFC|FFFE)/.test(tag)) continue;
    const attribute = toAttribute(reader, element, signed, depth);
    if (attribute) json[tag] = attribute;
  }
  return json;
}

function toAttribute(reader: ElementReader, element: Element, signed: boolean, depth: number): JsonAttribute | null {
  const raw = vrOf(element);
  const vr = raw === 'XS' ? (signed ? 'SS' : 'US') : raw;
  if (vr === 'SQ' || element.items) {
    if (depth >= deepest) return null;
    const items = elementItems(reader, element).map((item) => toDicomJson(item, depth + 1, signed));
    return items.length === 0 ? { vr: 'SQ' } : { vr: 'SQ', Value: items };
  }
  if (element.length === 0) return { vr };
  const numbers = numberReaders[vr];
  if (numbers) return { vr, Value: readNumbers(reader, element, numbers) };
  switch (vr) {
    case 'OB':
    case 'OW':
    case 'OF':
    case 'OD':
    case 'OL':
    case 'OV':
    case 'UN':
      return binaryAttribute(reader, element, vr);
    case 'AT':
      return { vr, Value: readTags(reader, element) };
    case 'PN':
      return { vr, Value: elementTexts(reader, element, vr).map(toJsonName) };
    case 'DS':
    case 'IS':
      return { vr, Value: elementTexts(reader, element, vr).map(toJsonNumber) };
    default: {
      const texts = elementTexts(reader, element, vr);
      return texts.every((text) => text === '')
        ? { vr }
        : { vr, Value: texts.map((text) => (text === '' ? null : text)) };
    }
  }
}

function readNumbers(
  reader: ElementReader,
  element: Element,
  [size, read]: readonly [number, (view: DataView, at: number, little: boolean) => number],
): unknown[] {
  const view = viewOf(reader.bytes, element);
  const values: unknown[] = [];
  for (let at = 0; at + size <= view.byteLength; at += size) {
    const value = read(view, at, reader.littleEndian);
    values.push(Number.isFinite(value) ? value : null);
  }
  return values;
}

function readTags(reader: ElementReader, element: Element): string[] {
  const view = viewOf(reader.bytes, element);
  const hex = (value: number) => value.toString(16).toUpperCase().padStart(4, '0');
  const tags: string[] = [];
  for (let at = 0; at + 4 <= view.byteLength; at += 4) {
    tags.push(hex(view.getUint16(at, reader.littleEndian)) + hex(view.getUint16(at + 2, reader.littleEndian)));
  }
  return tags;
}

function binaryAttribute(reader: ElementReader, element: Element, vr: string): JsonAttribute | null {
  const isPrivate = (Number.parseInt(element.tag.slice(4, 5), 16) & 1) === 1;
  const value = valueBytes(reader.bytes, element);
  if (value.length > (isPrivate ? longestPrivateBinary : longestStandardBinary)) return null;
  const word = wordBytes[vr];
  const copy = Buffer.from(value);
  if (!reader.littleEndian && word !== undefined && copy.length % word === 0) {
    if (word === 2) copy.swap16();
    else if (word === 4) copy.swap32();
    else copy.swap64();
  }
  return { vr, InlineBinary: copy.toString('base64') };
}

function toJsonName(value: string): Record<string, string> | null {
  const [alphabetic, ideographic, phonetic] = value.split('=');
  const name: Record<string, string> = {};
  if (alphabetic) name.Alphabetic = alphabetic;
  if (ideographic) name.Ideographic = ideographic;
  if (phonetic) name.Phonetic = phonetic;
  return Object.keys(name).length === 0 ? null : name;
}

/** DS and IS may be numbers or strings in JSON (PS3.18 F.2.3.1): a number where it is one, else the text as it came. */
function toJsonNumber(text: string): number | string | null {
  if (text === '') return null;
  const value = Number(text);
  return Number.isFinite(value) ? value : text;
}
