import type { JsonAttribute, JsonDataSet } from './dicomJson.ts';

/** Why a data set cannot be written or read. The tag says where; the value, which may name a patient, is never told. */
export class DatasetError extends Error {
  /** `length`, `range`, `repertoire`, `form` of a value; `vr`; `tag`; `missing`; `depth`; `syntax`; `malformed`; `unwritable`. */
  readonly reason: string;
  /** Eight upper-case hex digits, or '' for the data set as a whole. */
  readonly tag: string;
  constructor(reason: string, tag: string, message: string) {
    super(tag === '' ? message : `(${tag.slice(0, 4)},${tag.slice(4)}): ${message}`);
    this.name = 'DatasetError';
    this.reason = reason;
    this.tag = tag;
  }
}

/** What dcmjs takes: values as strings and numbers, binary values as one ArrayBuffer. */
export type WritableDict = Record<string, { vr: string; Value: unknown[] }>;

interface TextRule {
  /** Most characters of one value (PS3.5 table 6.2-1); for the date and time VRs, of a range to match. */
  readonly longest?: number;
  /** Governed by Specific Character Set: anything but control characters. The others are ASCII. */
  readonly free?: boolean;
  /** One value, in which a backslash and line ends are text. */
  readonly single?: boolean;
}

/**
 * The lengths of names, identifiers and free text are not checked here: what is copied from an image must not be
 * altered or lost because a modality wrote a longer value than the standard allows.
 */
const textRules: Readonly<Record<string, TextRule>> = {
  AE: { longest: 16 },
  AS: { longest: 4 },
  CS: { longest: 16 },
  DA: { longest: 18 },
  DS: { longest: 16 },
  DT: { longest: 54 },
  IS: { longest: 12 },
  TM: { longest: 28 },
  UI: { longest: 64 },
  UR: { single: true },
  LO: { free: true },
  SH: { free: true },
  UC: { free: true },
  LT: { free: true, single: true },
  ST: { free: true, single: true },
  UT: { free: true, single: true },
};

const integerRanges: Readonly<Record<string, readonly [least: number, most: number]>> = {
  US: [0, 0xffff],
  SS: [-0x8000, 0x7fff],
  UL: [0, 0xffffffff],
  SL: [-0x80000000, 0x7fffffff],
};

/** Bytes of one word. OL, OV and SV are unknown to dcmjs 0.52.2, which would write them as UN and say so on the console. */
const wordBytes: Readonly<Record<string, number>> = { OB: 1, UN: 1, OW: 2, OF: 4, OD: 8 };

/** VRs whose length has 32 bits in explicit VR (PS3.5 section 7.1.2); of the others dcmjs would make UN beyond 16 bits. */
const longVrs = new Set(['OB', 'OD', 'OF', 'OW', 'SQ', 'UC', 'UN', 'UR', 'UT', 'UV']);
const longestShortValue = 0xfffe;
const deepest = 64;

/**
 * Checks a data set and brings it to the form that dcmjs writes without harm. dcmjs by itself cuts decimal strings,
 * lets integers overflow, writes a missing value among several as 'null' in text and drops it from person names, takes
 * the low byte of a character where a VR is ASCII, and lets a backslash make two values of one.
 *
 * @param part `meta`: only group 0002; `dataset`: no group 0002, no group lengths
 * @throws DatasetError for what cannot be written as it stands
 */
export function prepareDataset(dataset: JsonDataSet, part: 'dataset' | 'meta' = 'dataset'): WritableDict {
  const seen = { beyondAscii: false };
  const dict = prepareItem(dataset, part, seen, 0);
  // The JSON model holds characters, not bytes: whatever set the source was coded in, this one is in UTF-8.
  if (part === 'dataset' && (seen.beyondAscii || (dataset['00080005']?.Value?.length ?? 0) > 0)) {
    dict['00080005'] = { vr: 'CS', Value: ['ISO_IR 192'] };
  }
  return dict;
}

function prepareItem(
  dataset: JsonDataSet,
  part: 'dataset' | 'meta',
  seen: { beyondAscii: boolean },
  depth: number,
): WritableDict {
  if (depth > deepest) throw new DatasetError('depth', '', 'sequences lie too deep');
  const dict: WritableDict = {};
  // dcmjs sorts the keys as strings, which is right for upper-case hex digits of one length alone.
  for (const tag of Object.keys(dataset).sort()) {
    requireTag(tag, part);
    // Items are in the character set of the data set around them.
    if (tag === '00080005' && depth > 0) continue;
    const attribute = dataset[tag] as JsonAttribute;
    dict[tag] = { vr: attribute.vr, Value: prepareValues(tag, attribute, seen, depth) };
  }
  return dict;
}

function requireTag(tag: string, part: 'dataset' | 'meta'): void {
  if (!/^[0-9A-F]{8}$/.test(tag)) throw new DatasetError('tag', '', 'a tag is eight upper-case hex digits');
  const meta = tag.startsWith('0002');
  if (meta !== (part === 'meta') || tag.startsWith('0000') || tag.startsWith('FFFE') || tag.endsWith('0000')) {
    throw new DatasetError('tag', tag, 'this element has no place in a data set');
  }
}

function prepareValues(
  tag: string,
  attribute: JsonAttribute,
  seen: { beyondAscii: boolean },
  depth: number,
): unknown[] {
  const { vr } = attribute;
  if (attribute.BulkDataURI !== undefined) throw new DatasetError('form', tag, 'the value is somewhere else');
  const word = wordBytes[vr];
  if (word !== undefined) return prepareBinary(tag, attribute, word);
  if (attribute.InlineBinary !== undefined) throw new DatasetError('form', tag, `${vr} holds no bytes`);
  const values = attribute.Value ?? [];
  if (vr === 'SQ') return values.map((item) => prepareItem(itemOf(tag, item), 'dataset', seen, depth + 1));
  const ready = prepareScalars(tag, vr, values, seen);
  if (!longVrs.has(vr) && encodedBytes(vr, ready) > longestShortValue) {
    throw new DatasetError('length', tag, 'the values are longer than 65,534 bytes');
  }
  return ready;
}

function prepareScalars(tag: string, vr: string, values: unknown[], seen: { beyondAscii: boolean }): unknown[] {
  if (vr === 'PN') return values.map((value) => prepareName(tag, value, seen));
  const range = integerRanges[vr];
  if (range) return values.map((value) => integerWithin(tag, value, range));
  const rule = textRules[vr];
  if (rule) {
    if (rule.single && values.length > 1) throw new DatasetError('form', tag, `${vr} has one value`);
    return values.map((value) => prepareText(tag, vr, value, rule, seen));
  }
  switch (vr) {
    case 'FL':
    case 'FD':
      return values.map((value) => finiteNumber(tag, vr, value));
    case 'AT':
      return values.map((value) => tagNumber(tag, value));
    case 'UV':
      return values.map((value) => unsignedVeryLong(tag, value));
    default:
      throw new DatasetError('vr', tag, 'this value representation is not written');
  }
}

function itemOf(tag: string, item: unknown): JsonDataSet {
  // An empty item may be null in JSON (PS3.18 F.2.5).
  if (item === null) return {};
  if (typeof item !== 'object') throw new DatasetError('form', tag, 'an item of a sequence is a data set');
  return item as JsonDataSet;
}

function prepareBinary(tag: string, attribute: JsonAttribute, word: number): unknown[] {
  if (attribute.Value !== undefined) throw new DatasetError('form', tag, 'a binary value is given in base64');
  if (attribute.InlineBinary === undefined) return [];
  // Node skips what is no base64 and stops at the first '=': half a value would be written as if it were whole.
  if (!isBase64(attribute.InlineBinary)) throw new DatasetError('form', tag, 'no base64');
  const bytes = Buffer.from(attribute.InlineBinary, 'base64');
  if (bytes.length === 0) return [];
  if (bytes.length % word !== 0) throw new DatasetError('length', tag, `${attribute.vr} has words of ${word} bytes`);
  // A buffer of its own: small Buffers share one with others, and dcmjs would write all of it.
  const own = new ArrayBuffer(bytes.length);
  new Uint8Array(own).set(bytes);
  return [own];
}

/** RFC 4648 4, with its padding. */
function isBase64(text: string): boolean {
  return text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text);
}

function prepareText(tag: string, vr: string, value: unknown, rule: TextRule, seen: { beyondAscii: boolean }): string {
  const text = plainText(tag, vr, value);
  if (rule.longest !== undefined && text.length > rule.longest) {
    throw new DatasetError('length', tag, `${vr} takes ${rule.longest} characters`);
  }
  if (vr === 'UI' && !/^[0-9.]*$/.test(text)) throw new DatasetError('repertoire', tag, 'no UID');
  if (vr === 'DS' && text !== '' && !/^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$/.test(text)) {
    throw new DatasetError('form', tag, 'no decimal number');
  }
  if (vr === 'IS' && text !== '') wholeNumber(tag, text);
  requireRepertoire(tag, vr, text, rule);
  if (!isAscii(text)) seen.beyondAscii = true;
  return text;
}

/** A missing value among several is an empty one; DS and IS may come as numbers. */
function plainText(tag: string, vr: string, value: unknown): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'string') return value;
  if (typeof value === 'number' && Number.isFinite(value) && (vr === 'DS' || vr === 'IS')) {
    return String(Object.is(value, -0) ? 0 : value);
  }
  throw new DatasetError('form', tag, `${vr} takes text`);
}

function wholeNumber(tag: string, text: string): void {
  const value = /^\s*[+-]?\d+\s*$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= -0x80000000 && value <= 0x7fffffff))
    throw new DatasetError('range', tag, 'no whole number of 32 bits');
}

function requireRepertoire(tag: string, vr: string, text: string, rule: TextRule): void {
  if (!rule.free && !isAscii(text)) throw new DatasetError('repertoire', tag, `${vr} takes ASCII`);
  // A lone surrogate has no UTF-8: it would be written as a replacement character.
  if (!text.isWellFormed()) throw new DatasetError('repertoire', tag, 'broken characters');
  if (!rule.single && text.includes('\\')) throw new DatasetError('repertoire', tag, 'a backslash separates values');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  const controls = rule.free && rule.single ? /[\x00-\x08\x0b\x0e-\x1f\x7f]/ : /[\x00-\x1f\x7f]/;
  if (controls.test(text)) throw new DatasetError('repertoire', tag, 'control characters');
}

const nameGroups = ['Alphabetic', 'Ideographic', 'Phonetic'] as const;

function prepareName(tag: string, value: unknown, seen: { beyondAscii: boolean }): Record<string, string> {
  // dcmjs leaves out a null, which would move the names after it; an empty object stays an empty name.
  if (value === null) return {};
  if (typeof value !== 'object') throw new DatasetError('form', tag, 'a name is an object with groups');
  const groups = value as Record<string, unknown>;
  const name: Record<string, string> = {};
  for (const key of Object.keys(groups)) {
    if (!nameGroups.some((group) => group === key)) throw new DatasetError('form', tag, 'no group of a name');
  }
  for (const group of nameGroups) {
    const text = plainText(tag, 'PN', groups[group]);
    requireRepertoire(tag, 'PN', text, { free: true });
    if (text.includes('=')) throw new DatasetError('repertoire', tag, "'=' separates the groups of a name");
    if (!isAscii(text)) seen.beyondAscii = true;
    name[group] = text;
  }
  return name;
}

function integerWithin(tag: string, value: unknown, [least, most]: readonly [number, number]): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > most) {
    throw new DatasetError('range', tag, 'the number does not fit');
  }
  return value;
}

function finiteNumber(tag: string, vr: string, value: unknown): number {
  const number = typeof value === 'number' && vr === 'FL' ? Math.fround(value) : value;
  if (typeof number !== 'number' || !Number.isFinite(number)) throw new DatasetError('range', tag, 'no finite number');
  return number;
}

function tagNumber(tag: string, value: unknown): number {
  if (typeof value !== 'string' || !/^[0-9A-Fa-f]{8}$/.test(value)) throw new DatasetError('form', tag, 'no tag');
  return Number.parseInt(value, 16);
}

function unsignedVeryLong(tag: string, value: unknown): bigint {
  const text = typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : value;
  if (typeof text !== 'string' || !/^\d{1,20}$/.test(text))
    throw new DatasetError('range', tag, 'the number does not fit');
  const number = BigInt(text);
  if (number > 0xffff_ffff_ffff_ffffn) throw new DatasetError('range', tag, 'the number does not fit');
  return number;
}

/** Bytes that the values of a VR with a 16-bit length will take, separators included. */
function encodedBytes(vr: string, values: unknown[]): number {
  const number = { AT: 4, FL: 4, FD: 8, US: 2, SS: 2, UL: 4, SL: 4 }[vr];
  if (number !== undefined) return number * values.length;
  let bytes = Math.max(0, values.length - 1);
  for (const value of values) {
    bytes += Buffer.byteLength(typeof value === 'string' ? value : Object.values(value as object).join('='), 'utf8');
  }
  return bytes;
}

function isAscii(text: string): boolean {
  for (let index = 0; index < text.length; index += 1) if (text.charCodeAt(index) > 0x7e) return false;
  return true;
}
