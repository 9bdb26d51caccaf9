import type { DataSet } from 'dicom-parser';
import { findBytes, findText, findUnsigned, findUsOrSs, findWords } from './dicomValues.ts';
import type { LookupTable, Palette } from './pixelDescription.ts';
import { pixelFailure } from './pixelFailures.ts';

interface Descriptor {
  readonly entries: number;
  readonly firstMapped: number;
  readonly bits: number;
}

/** LUT descriptor (PS3.3 C.11.1.1): 0 entries means 65536; the first mapped value has the sign of what it maps. */
function findDescriptor(dataSet: DataSet, tag: string, signedInput: boolean): Descriptor | undefined {
  const entries = findUnsigned(dataSet, tag, 0);
  const firstMapped = findUsOrSs(dataSet, tag, signedInput, 1);
  const bits = findUnsigned(dataSet, tag, 2);
  if (entries === undefined || firstMapped === undefined || bits === undefined) return undefined;
  if (bits < 8 || bits > 16) return undefined;
  return { entries: entries === 0 ? 65_536 : entries, firstMapped, bits };
}

/**
 * The entries of a table. 8-bit tables come packed two to a word (the standard for palettes) or one to a word (met in
 * the field): the length tells which. A table shorter than its descriptor says is not used.
 */
function readEntries(words: Uint16Array, bytes: Uint8Array, descriptor: Descriptor): Uint16Array | undefined {
  if (words.length >= descriptor.entries) return words.slice(0, descriptor.entries);
  if (descriptor.bits === 8 && bytes.length >= descriptor.entries) {
    const values = new Uint16Array(descriptor.entries);
    for (let i = 0; i < values.length; i++) {
      const word = words[i >> 1];
      // the low byte of each word is the first entry, whatever the byte order of the file
      values[i] = word === undefined ? (bytes[i] ?? 0) : i & 1 ? word >> 8 : word & 0xff;
    }
    return values;
  }
  return undefined;
}

/** One item of a Modality LUT or VOI LUT sequence; undefined when it is incomplete. */
export function findLookupTable(item: DataSet, signedInput: boolean): LookupTable | undefined {
  const descriptor = findDescriptor(item, 'x00283002', signedInput);
  const words = findWords(item, 'x00283006');
  const bytes = findBytes(item, 'x00283006');
  if (!descriptor || !words || !bytes) return undefined;
  const values = readEntries(words, bytes, descriptor);
  if (!values) return undefined;
  return {
    firstMapped: descriptor.firstMapped,
    bits: descriptor.bits,
    values,
    explanation: findText(item, 'x00283003') ?? '',
  };
}

/** Expands a segmented palette table (PS3.3 C.7.9.2): discrete, linear and indirect segments. */
function expandSegments(words: Uint16Array, descriptor: Descriptor): Uint16Array {
  const values = new Uint16Array(descriptor.entries);
  let count = 0;
  const at = (position: number): number => {
    const word = words[position];
    if (word === undefined) throw pixelFailure('imaging.damagedPixelData', 'a segmented palette ends early');
    return word;
  };
  const put = (value: number): void => {
    if (count < values.length) values[count++] = value;
  };
  const run = (start: number, segments: number, depth: number): number => {
    let position = start;
    for (let segment = 0; segment < segments && position < words.length && count < values.length; segment++) {
      const opcode = at(position);
      const length = at(position + 1);
      position += 2;
      if (opcode === 0) {
        for (let i = 0; i < length; i++) put(at(position + i));
        position += length;
      } else if (opcode === 1) {
        const target = at(position);
        const from = count > 0 ? (values[count - 1] ?? 0) : 0;
        for (let i = 1; i <= length; i++) put(Math.round(from + ((target - from) * i) / length));
        position += 1;
      } else if (opcode === 2 && depth === 0) {
        run(at(position) + at(position + 1) * 65_536, length, 1);
        position += 2;
      } else {
        throw pixelFailure('imaging.damagedPixelData', 'a segmented palette has an unknown segment');
      }
    }
    return position;
  };
  run(0, Number.MAX_SAFE_INTEGER, 0);
  if (count < values.length) throw pixelFailure('imaging.damagedPixelData', 'a segmented palette is incomplete');
  return values;
}

function findPaletteColour(dataSet: DataSet, colour: 1 | 2 | 3, signedInput: boolean): LookupTable | undefined {
  const descriptor = findDescriptor(dataSet, `x0028110${colour}`, signedInput);
  if (!descriptor) return undefined;
  const { firstMapped, bits } = descriptor;
  const words = findWords(dataSet, `x0028120${colour}`);
  const bytes = findBytes(dataSet, `x0028120${colour}`);
  if (words && bytes) {
    const values = readEntries(words, bytes, descriptor);
    return values && { firstMapped, bits, values, explanation: '' };
  }
  const segments = findWords(dataSet, `x0028122${colour}`);
  return segments && { firstMapped, bits, values: expandSegments(segments, descriptor), explanation: '' };
}

/** The palette of a PALETTE COLOR image (PS3.3 C.7.6.3.1.5); undefined when one of its tables is missing. */
export function findPalette(dataSet: DataSet, signedInput: boolean): Palette | undefined {
  const red = findPaletteColour(dataSet, 1, signedInput);
  const green = findPaletteColour(dataSet, 2, signedInput);
  const blue = findPaletteColour(dataSet, 3, signedInput);
  return red && green && blue && { red, green, blue };
}

/**
 * The red, green and blue entries of a palette as 8 bits. A 16-bit palette whose values never pass 255 was written by a
 * program that forgot to scale; it is taken as 8 bits, as the viewers do.
 */
export function paletteAs8Bit(palette: Palette): [Uint8Array, Uint8Array, Uint8Array] {
  const tables = [palette.red, palette.green, palette.blue];
  const isDeep = tables.some((table) => table.bits > 8 && table.values.some((value) => value > 255));
  const convert = (table: LookupTable): Uint8Array => {
    const out = new Uint8Array(table.values.length);
    const shift = isDeep ? table.bits - 8 : 0;
    for (let i = 0; i < out.length; i++) out[i] = Math.min(255, (table.values[i] ?? 0) >> shift);
    return out;
  };
  return [convert(palette.red), convert(palette.green), convert(palette.blue)];
}

/** Index into a table for an input value, clamped to its ends (PS3.3 C.11.1.1, C.7.6.3.1.5). */
export function tableIndex(table: LookupTable, value: number): number {
  const index = value - table.firstMapped;
  return index < 0 ? 0 : index >= table.values.length ? table.values.length - 1 : index;
}
