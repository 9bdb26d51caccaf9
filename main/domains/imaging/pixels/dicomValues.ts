import type { DataSet, Element } from 'dicom-parser';

/** Checked reading of values from a dicom-parser data set: a value that is absent or makes no sense is `undefined`. */

const textVrs = new Set(['IS', 'DS', 'LO', 'SH', 'CS', 'ST', 'LT', 'UT', 'UN']);

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function isLittleEndian(dataSet: DataSet): boolean {
  // dicom-parser keeps one reader for the whole set; its uint16 of 01 00 tells which end it reads from
  return dataSet.byteArrayParser.readUint16(new Uint8Array([1, 0]), 0) === 1;
}

/** The element if it has bytes and all of them lie inside the file. */
export function findElement(dataSet: DataSet, tag: string): Element | undefined {
  const element = dataSet.elements[tag];
  if (!element || element.length <= 0) return undefined;
  if (element.dataOffset + element.length > dataSet.byteArray.length) return undefined;
  return element;
}

/** The bytes of an element, not copied. */
export function findBytes(dataSet: DataSet, tag: string): Uint8Array | undefined {
  const element = findElement(dataSet, tag);
  return element && dataSet.byteArray.subarray(element.dataOffset, element.dataOffset + element.length);
}

/** Text of any string VR, padding removed. */
export function findText(dataSet: DataSet, tag: string): string | undefined {
  const bytes = findBytes(dataSet, tag);
  if (!bytes) return undefined;
  const end = bytes.length > 65_534 ? 65_534 : bytes.length;
  let text = '';
  for (let i = 0; i < end && bytes[i] !== 0; i++) text += String.fromCharCode(bytes[i] ?? 32);
  return text.trim();
}

function numbersFromText(text: string): number[] {
  return text.split('\\').map((part) => {
    const trimmed = part.trim();
    return /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(trimmed) ? Number(trimmed) : Number.NaN;
  });
}

/** DS or IS values; undefined when absent or when one of them is not a finite number. */
export function findDecimals(dataSet: DataSet, tag: string): number[] | undefined {
  const text = findText(dataSet, tag);
  if (!text) return undefined;
  const numbers = numbersFromText(text);
  return numbers.every(Number.isFinite) ? numbers : undefined;
}

export function findDecimal(dataSet: DataSet, tag: string): number | undefined {
  return findDecimals(dataSet, tag)?.[0];
}

/** An integer written as IS, or undefined when absent or not an integer. */
export function findInteger(dataSet: DataSet, tag: string): number | undefined {
  const value = findDecimal(dataSet, tag);
  return value !== undefined && Number.isInteger(value) ? value : undefined;
}

/** A US, UL or SS value read as unsigned; also reads the text some writers put there. */
export function findUnsigned(dataSet: DataSet, tag: string, index = 0): number | undefined {
  const element = findElement(dataSet, tag);
  if (!element) return undefined;
  if (element.vr && textVrs.has(element.vr) && element.vr !== 'UN') return findInteger(dataSet, tag);
  const bytes = findBytes(dataSet, tag);
  if (!bytes) return undefined;
  if (element.vr === 'UL') {
    return bytes.length >= 4 * (index + 1) ? view(bytes).getUint32(4 * index, isLittleEndian(dataSet)) : undefined;
  }
  return bytes.length >= 2 * (index + 1) ? view(bytes).getUint16(2 * index, isLittleEndian(dataSet)) : undefined;
}

/** A US or SS value whose sign follows the pixels (PS3.3 C.7.6.3.1.1), for instance the padding value. */
export function findUsOrSs(dataSet: DataSet, tag: string, signed: boolean, index = 0): number | undefined {
  const value = findUnsigned(dataSet, tag, index);
  if (value === undefined) return undefined;
  const isSigned = signed || dataSet.elements[tag]?.vr === 'SS';
  return isSigned && value > 32_767 && value <= 65_535 ? value - 65_536 : value;
}

/** 16-bit words of an OW, US or SS element in the file's byte order. */
export function findWords(dataSet: DataSet, tag: string): Uint16Array | undefined {
  const bytes = findBytes(dataSet, tag);
  if (!bytes) return undefined;
  const words = new Uint16Array(bytes.length >> 1);
  const reader = view(bytes);
  const little = isLittleEndian(dataSet);
  for (let i = 0; i < words.length; i++) words[i] = reader.getUint16(2 * i, little);
  return words;
}

/** The data sets of a sequence's items; empty when the sequence is absent. */
export function itemsOf(dataSet: DataSet, tag: string): DataSet[] {
  const items: DataSet[] = [];
  for (const item of dataSet.elements[tag]?.items ?? []) if (item.dataSet) items.push(item.dataSet);
  return items;
}
