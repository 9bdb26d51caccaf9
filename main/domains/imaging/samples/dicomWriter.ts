import { type DicomKeyword, dicomTags } from './dicomTags.ts';

/** What an attribute may hold: text or numbers (one or several), bytes (written as they are), or sequence items. */
export type DicomValue = string | number | readonly (string | number)[] | Uint8Array | readonly DicomDataset[];

/** One data set: keyword → value. Undefined is left out; `''` or `[]` writes an empty (type 2) element. */
export type DicomDataset = { readonly [K in DicomKeyword]?: DicomValue };

/** File meta information of the object being written (PS3.10 §7.1). */
export interface DicomFileMeta {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  /** Explicit VR Little Endian unless said otherwise; only that encoding is written. */
  readonly transferSyntaxUid?: typeof explicitLittleEndian;
}

export const explicitLittleEndian = '1.2.840.10008.1.2.1';

/** Ours, under the UUID-derived root (PS3.5 B.2): names the writer of the sample files. */
const implementationClassUid = '2.25.274130938416417632583024461893817150427';
const implementationVersionName = 'SALUS_SAMPLE_1';

/** VRs whose length field has 32 bits after two reserved bytes (PS3.5 §7.1.2). */
const longVrs = new Set(['OB', 'OW', 'SQ', 'UN', 'UT']);
const numberWidth: Readonly<Record<string, number>> = { US: 2, SS: 2, UL: 4, SL: 4, FD: 8 };
const utf8Vrs = new Set(['LO', 'LT', 'PN', 'SH', 'UT']);

/**
 * Writes one DICOM Part 10 object: preamble, meta header, data set in Explicit VR Little Endian with defined lengths,
 * elements in ascending tag order.
 *
 * Text is encoded by the data set's own SpecificCharacterSet: `ISO_IR 192` (UTF-8), `ISO_IR 100` (Latin-1) or absent
 * (ASCII). The same input gives the same bytes.
 *
 * @throws RangeError where a value does not fit its VR or character set.
 */
export function writeDicom(object: { readonly meta: DicomFileMeta; readonly dataset: DicomDataset }): Uint8Array {
  const { meta, dataset } = object;
  const charset = String(dataset.SpecificCharacterSet ?? '');
  const body = encodeDataset(dataset, charset);
  const group2 = Buffer.concat([
    header('00020001', 'OB', 2),
    Buffer.from([0, 1]),
    textElement('00020002', 'UI', meta.sopClassUid),
    textElement('00020003', 'UI', meta.sopInstanceUid),
    textElement('00020010', 'UI', meta.transferSyntaxUid ?? explicitLittleEndian),
    textElement('00020012', 'UI', implementationClassUid),
    textElement('00020013', 'SH', implementationVersionName),
  ]);
  const start = Buffer.alloc(144);
  start.write('DICM', 128, 'latin1');
  header('00020000', 'UL', 4).copy(start, 132);
  start.writeUInt32LE(group2.length, 140);
  return new Uint8Array(Buffer.concat([start, group2, ...body]));
}

/** The bytes of a 16-bit pixel array, little endian whatever the machine. */
export function pixelBytes(pixels: Int16Array | Uint16Array): Uint8Array {
  const bytes = new Uint8Array(pixels.buffer, pixels.byteOffset, pixels.byteLength);
  const littleEndianHost = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
  return littleEndianHost ? bytes : new Uint8Array(Buffer.from(bytes).swap16());
}

/**
 * A decimal string (VR DS) of at most 16 characters, as exact as that allows (PS3.5 §6.2).
 *
 * @throws RangeError for a value that is not finite.
 */
export function decimalString(value: number): string {
  if (!Number.isFinite(value)) throw new RangeError('a decimal string must be finite');
  const plain = String(value === 0 ? 0 : value);
  if (plain.length <= 16) return plain;
  for (let digits = 15; ; digits--) {
    const rounded = Number(value.toPrecision(digits));
    for (const text of [String(rounded), rounded.toExponential()]) if (text.length <= 16) return text;
  }
}

function encodeDataset(dataset: DicomDataset, charset: string): Buffer[] {
  const parts: Buffer[] = [];
  const keywords = Object.keys(dataset) as DicomKeyword[];
  keywords.sort((a, b) => (dicomTags[a][0] < dicomTags[b][0] ? -1 : 1));
  for (const keyword of keywords) {
    const value = dataset[keyword];
    if (value === undefined) continue;
    const [tag, vr] = dicomTags[keyword];
    parts.push(...encodeElement(tag, vr, value, charset));
  }
  return parts;
}

function encodeElement(tag: string, vr: string, value: DicomValue, charset: string): Buffer[] {
  if (value instanceof Uint8Array) {
    // Pixel data above one byte a sample is OW, else OB in even bytes; both are allowed for native data (PS3.5 §8.1.2).
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    const padded = bytes.length % 2 === 0 ? [bytes] : [bytes, Buffer.alloc(1)];
    return [header(tag, vr, bytes.length + (bytes.length % 2)), ...padded];
  }
  if (vr === 'SQ') return encodeSequence(tag, value, charset);
  const values = (Array.isArray(value) ? value : [value]) as readonly (string | number)[];
  if (vr === 'AT') {
    const bytes = Buffer.concat(values.map((one) => tagBytes(String(one))));
    return [header(tag, vr, bytes.length), bytes];
  }
  const width = numberWidth[vr];
  if (width !== undefined) {
    const bytes = Buffer.alloc(width * values.length);
    values.forEach((one, index) => {
      writeNumber(bytes, index * width, vr, Number(one));
    });
    return [header(tag, vr, bytes.length), bytes];
  }
  const text = values.map((one) => (typeof one === 'number' ? numberText(vr, one) : one)).join('\\');
  return [textElement(tag, vr, text, charset)];
}

function encodeSequence(tag: string, value: DicomValue, charset: string): Buffer[] {
  if (!Array.isArray(value)) throw new RangeError(`${tag} is a sequence and takes a list of items`);
  const items = (value as readonly DicomDataset[]).flatMap((item) => {
    const content = Buffer.concat(encodeDataset(item, charset));
    const start = Buffer.alloc(8);
    tagBytes('FFFEE000').copy(start);
    start.writeUInt32LE(content.length, 4);
    return [start, content];
  });
  const length = items.reduce((sum, part) => sum + part.length, 0);
  return [header(tag, 'SQ', length), ...items];
}

function textElement(tag: string, vr: string, text: string, charset = ''): Buffer {
  const encoded = Buffer.from(text, utf8Vrs.has(vr) && charset === 'ISO_IR 192' ? 'utf8' : 'latin1');
  const limit = utf8Vrs.has(vr) && charset !== '' ? (charset === 'ISO_IR 192' ? 0x10ffff : 0xff) : 0x7e;
  for (const character of text) {
    if (character.codePointAt(0)! > limit)
      throw new RangeError(`${tag} holds a character outside ${charset || 'ASCII'}`);
  }
  const padding = encoded.length % 2 === 0 ? [] : [Buffer.from([vr === 'UI' ? 0 : 0x20])];
  return Buffer.concat([header(tag, vr, encoded.length + padding.length), encoded, ...padding]);
}

function numberText(vr: string, value: number): string {
  if (vr === 'DS') return decimalString(value);
  if (!Number.isInteger(value)) throw new RangeError(`${vr} takes whole numbers`);
  return String(value);
}

function writeNumber(bytes: Buffer, offset: number, vr: string, value: number): void {
  if (vr === 'US') bytes.writeUInt16LE(value, offset);
  else if (vr === 'SS') bytes.writeInt16LE(value, offset);
  else if (vr === 'UL') bytes.writeUInt32LE(value, offset);
  else if (vr === 'SL') bytes.writeInt32LE(value, offset);
  else bytes.writeDoubleLE(value, offset);
}

function header(tag: string, vr: string, length: number): Buffer {
  const long = longVrs.has(vr);
  const bytes = Buffer.alloc(long ? 12 : 8);
  tagBytes(tag).copy(bytes);
  bytes.write(vr, 4, 'latin1');
  if (long) bytes.writeUInt32LE(length, 8);
  else bytes.writeUInt16LE(length, 6);
  return bytes;
}

function tagBytes(tag: string): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt16LE(Number.parseInt(tag.slice(0, 4), 16), 0);
  bytes.writeUInt16LE(Number.parseInt(tag.slice(4, 8), 16), 2);
  return bytes;
}
