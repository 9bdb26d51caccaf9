import dicomParser from 'dicom-parser';
import { findVr } from './dicomDictionary.ts';
import { type CharacterSet, decodeText, defaultCharacterSet, parseCharacterSet, splitValues } from './dicomText.ts';
import { type Elements, implicitVr } from './part10.ts';

type Element = dicomParser.Element;

/** Whether any text of a data set could not be decoded; shared by the data set and the items inside it. */
export interface TextNotes {
  lossy: boolean;
}

/** Reads the values of one data set or item; items inherit the character set and note what was lossy in one place. */
export interface ElementReader {
  readonly bytes: Uint8Array;
  readonly elements: Elements;
  readonly littleEndian: boolean;
  readonly characterSet: CharacterSet;
  readonly notes: TextNotes;
}

/** A reader for the data set; `outer` is the reader of the data set an item lies in. */
export function openElements(
  bytes: Uint8Array,
  elements: Elements,
  littleEndian: boolean,
  outer?: Pick<ElementReader, 'characterSet' | 'notes'>,
): ElementReader {
  const notes = outer?.notes ?? { lossy: false };
  const declared = elements['x00080005'];
  let characterSet = outer?.characterSet ?? defaultCharacterSet;
  if (declared) {
    characterSet = parseCharacterSet(latin1(valueBytes(bytes, declared)).replace(/\0+$/, ''));
    if (characterSet.unknown) notes.lossy = true;
  }
  return { bytes, elements, littleEndian, characterSet, notes };
}

/** The VR to read an element by: its own, else the dictionary's; UN is no answer for a standard attribute. */
export function vrOf(element: Element): string {
  const own = element.vr;
  if (own !== undefined && own !== 'UN' && /^[A-Z]{2}$/.test(own)) return own;
  return findVr(Number.parseInt(element.tag.slice(1), 16)) ?? own ?? 'UN';
}

/** The raw bytes of an element, cut at the end of the file. */
export function valueBytes(bytes: Uint8Array, element: Element): Uint8Array {
  const end = Math.min(element.dataOffset + element.length, bytes.length);
  return bytes.subarray(Math.min(element.dataOffset, bytes.length), end);
}

/** All values of a text element; empty when it is absent or empty. */
export function textsOf(reader: ElementReader, tag: string): string[] {
  const element = reader.elements[tag];
  if (!element || element.length === 0) return [];
  return elementTexts(reader, element, vrOf(element));
}

export function elementTexts(reader: ElementReader, element: Element, vr: string): string[] {
  const decoded = decodeText(valueBytes(reader.bytes, element), reader.characterSet, vr);
  if (decoded.lossy) reader.notes.lossy = true;
  return splitValues(decoded.text, vr);
}

/** The first value of a text element, or ''. */
export function textOf(reader: ElementReader, tag: string): string {
  return textsOf(reader, tag)[0] ?? '';
}

/** The values of a text element that are finite numbers (VR DS or IS). */
export function decimalsOf(reader: ElementReader, tag: string): number[] {
  return textsOf(reader, tag)
    .map((text) => (text === '' ? Number.NaN : Number(text)))
    .filter((value) => Number.isFinite(value));
}

/** An IS value, or null when absent or no whole number. */
export function integerOf(reader: ElementReader, tag: string): number | null {
  const text = textOf(reader, tag);
  if (!/^[+-]?\d{1,12}$/.test(text)) return null;
  return Number(text);
}

/** A US value, or null when absent. */
export function unsignedShortOf(reader: ElementReader, tag: string): number | null {
  const element = reader.elements[tag];
  if (!element || element.length < 2 || element.dataOffset + 2 > reader.bytes.length) return null;
  return viewOf(reader.bytes, element).getUint16(0, reader.littleEndian);
}

/** The items of a sequence as readers. */
export function itemsOf(reader: ElementReader, tag: string): ElementReader[] {
  const element = reader.elements[tag];
  return element ? elementItems(reader, element) : [];
}

export function elementItems(reader: ElementReader, element: Element): ElementReader[] {
  // Sent as UN, a sequence is in implicit little endian whatever the rest is in (PS3.5 section 6.2.2, note 2).
  const unknown = element.items === undefined && element.vr === 'UN' && vrOf(element) === 'SQ';
  const found = unknown ? readUnknownSequence(reader.bytes, element) : (element.items ?? []);
  const items: ElementReader[] = [];
  for (const item of found) {
    if (item.dataSet)
      items.push(openElements(reader.bytes, item.dataSet.elements, unknown || reader.littleEndian, reader));
  }
  return items;
}

function readUnknownSequence(bytes: Uint8Array, element: Element): Element[] {
  const end = Math.min(element.dataOffset + element.length, bytes.length);
  if (end - element.dataOffset < 8) return [];
  const copy: Element = { ...element, length: end - element.dataOffset };
  try {
    const stream = new dicomParser.ByteStream(
      dicomParser.littleEndianByteArrayParser,
      bytes.subarray(0, end),
      element.dataOffset,
    );
    dicomParser.readSequenceItemsImplicit(stream, copy, implicitVr);
  } catch {
    // No sequence after all: what is unknown stays unread.
    return [];
  }
  return copy.items ?? [];
}

export function viewOf(bytes: Uint8Array, element: Element): DataView {
  const value = valueBytes(bytes, element);
  return new DataView(value.buffer, value.byteOffset, value.length);
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}
