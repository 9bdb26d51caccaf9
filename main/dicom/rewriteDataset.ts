import {
  type DatasetForm,
  deepestSequence,
  type ElementHead,
  elementHead,
  hexTag,
  isPaddedWithBlank,
  isZeroFill,
  itemEnd,
  itemTag,
  pixelDataTag,
  readElementHead,
  sequenceEnd,
  tagAt,
  undefinedLength,
} from './elementHeads.ts';
import { DatasetError } from './prepareDataset.ts';

/** What stands in an element's place; null leaves it out. Values are little-endian and of even length. */
export type Replacement = { readonly vr: string; readonly value: Uint8Array } | null;

/** Bytes of one word of a value; of the others the order of bytes is no matter. */
const wordBytes: Readonly<Record<string, number>> = {
  ...{ AT: 2, OW: 2, SS: 2, US: 2, FL: 4, OF: 4, OL: 4, SL: 4, UL: 4, FD: 8, OD: 8, OV: 8, SV: 8, UV: 8 },
};

/**
 * Writes a data set again in explicit or implicit VR little endian without touching a value: no text is decoded, no
 * number parsed, nothing is too long or too odd to be copied. Group lengths are left out (PS3.5 7.2: retired), sequences
 * get defined lengths.
 *
 * @param bytes    the data set from `start` on, not deflated
 * @param replaced by tag number, of the outermost data set alone
 * @throws DatasetError('malformed' | 'form'); 'form' where encapsulated pixel data would stay, or
 *   big-endian pixels have words that cannot be turned round
 */
export function rewriteDataset(
  bytes: Uint8Array,
  start: number,
  from: DatasetForm,
  toExplicit: boolean,
  replaced: ReadonlyMap<number, Replacement> = new Map(),
): Uint8Array {
  const writer = new Rewriter(bytes, toExplicit, replaced);
  const pieces = writer.dataset(start, bytes.length, from, 0);
  return joined(pieces);
}

interface Pieces {
  readonly list: Uint8Array[];
  bytes: number;
}

class Rewriter {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #to: DatasetForm;
  readonly #replaced: ReadonlyMap<number, Replacement>;
  /** Of the outermost data set: what US-or-SS elements and the words of the pixel data follow. */
  #signed = false;
  #bitsAllocated = 16;

  constructor(bytes: Uint8Array, toExplicit: boolean, replaced: ReadonlyMap<number, Replacement>) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#to = { explicit: toExplicit, littleEndian: true };
    this.#replaced = replaced;
  }

  /** Elements up to `end`, or up to an item's delimiter. */
  dataset(start: number, end: number, form: DatasetForm, depth: number): Pieces {
    return this.#elements(start, end, form, depth).pieces;
  }

  #elements(start: number, end: number, form: DatasetForm, depth: number): { pieces: Pieces; next: number } {
    if (depth > deepestSequence) throw new DatasetError('depth', '', 'sequences lie too deep');
    const pieces: Pieces = { list: [], bytes: 0 };
    const waiting = depth === 0 ? [...this.#replaced.keys()].sort((left, right) => left - right) : [];
    let at = start;
    while (at < end) {
      if (depth === 0 && isZeroFill(this.#bytes, at)) break;
      const element = readElementHead(this.#view, at, end, form, this.#signed);
      if (element.tag === itemEnd) return { pieces, next: element.at };
      while (waiting[0] !== undefined && waiting[0] < element.tag) this.#replacement(pieces, waiting.shift() as number);
      if (depth === 0) this.#note(element, form);
      at = this.#element(pieces, element, form, end, depth);
    }
    for (const tag of waiting) this.#replacement(pieces, tag);
    return { pieces, next: at };
  }

  /** Writes one element. Returns where the next begins. */
  #element(pieces: Pieces, element: ElementHead, form: DatasetForm, end: number, depth: number): number {
    const { tag, vr, length, at } = element;
    const isReplaced = depth === 0 && this.#replaced.has(tag);
    if (length === undefinedLength && tag === pixelDataTag) {
      if (!isReplaced) throw new DatasetError('form', hexTag(tag), 'encapsulated pixel data has no place here');
      return this.#skipFragments(at, end);
    }
    const isSequence = vr === 'SQ' || length === undefinedLength;
    if (isSequence) {
      // An unknown VR of undefined length is a sequence in implicit VR little endian (PS3.5 6.2.2 note 4).
      const inside = vr === 'UN' ? { explicit: false, littleEndian: true } : form;
      const { items, next } = this.#items(element, inside, end, depth);
      if (isReplaced || (tag & 0xffff) === 0) return next;
      this.#writeHead(pieces, tag, 'SQ', items.bytes);
      for (const piece of items.list) add(pieces, piece);
      return next;
    }
    if (at + length > end) throw new DatasetError('malformed', hexTag(tag), 'the value runs past the end');
    if (isReplaced || (tag & 0xffff) === 0) return at + length;
    const value = this.#value(element, form);
    this.#writeHead(pieces, tag, vr, value.length + (value.length % 2));
    add(pieces, value);
    if (value.length % 2 === 1) add(pieces, Uint8Array.of(isPaddedWithBlank(vr) ? 0x20 : 0));
    return at + length;
  }

  #items(element: ElementHead, form: DatasetForm, end: number, depth: number): { items: Pieces; next: number } {
    const items: Pieces = { list: [], bytes: 0 };
    const isOpen = element.length === undefinedLength;
    const last = isOpen ? end : element.at + element.length;
    if (last > end) throw new DatasetError('malformed', hexTag(element.tag), 'the sequence runs past the end');
    let at = element.at;
    while (at < last) {
      const item = readElementHead(this.#view, at, last, form, this.#signed);
      if (item.tag === sequenceEnd && isOpen) return { items, next: item.at };
      if (item.tag !== itemTag) throw new DatasetError('malformed', hexTag(element.tag), 'no item where one should be');
      const itemLast = item.length === undefinedLength ? last : item.at + item.length;
      if (itemLast > last) throw new DatasetError('malformed', hexTag(element.tag), 'an item runs past the end');
      const { pieces, next } = this.#elements(item.at, itemLast, form, depth + 1);
      this.#writeHead(items, itemTag, '', pieces.bytes);
      for (const piece of pieces.list) add(items, piece);
      at = next;
    }
    if (isOpen) throw new DatasetError('malformed', hexTag(element.tag), 'the sequence has no end');
    return { items, next: at };
  }

  #skipFragments(start: number, end: number): number {
    let at = start;
    while (at + 8 <= end) {
      const tag = tagAt(this.#view, at, true);
      const length = this.#view.getUint32(at + 4, true);
      if (tag === sequenceEnd) return at + 8;
      if (tag !== itemTag) throw new DatasetError('malformed', hexTag(pixelDataTag), 'no fragment where one should be');
      at += 8 + length;
    }
    // A file that ends without the delimiter: what was decoded from it is whole all the same, or was refused.
    return end;
  }

  /** The value in little endian; a view of what is there where that is so already. */
  #value({ tag, vr, length, at }: ElementHead, { littleEndian }: DatasetForm): Uint8Array {
    const value = this.#bytes.subarray(at, at + length);
    if (littleEndian) return value;
    const isWide = tag === pixelDataTag && this.#bitsAllocated > 8;
    const word = isWide ? this.#bitsAllocated / 8 : (wordBytes[vr] ?? 1);
    if (![1, 2, 4, 8].includes(word)) throw new DatasetError('form', hexTag(tag), 'words that are no whole bytes');
    if (word === 1 || length % word !== 0) return value;
    const copy = Buffer.from(value);
    if (word === 2) copy.swap16();
    else if (word === 4) copy.swap32();
    else copy.swap64();
    return copy;
  }

  /** What later elements depend on. */
  #note({ tag, length, at }: ElementHead, { littleEndian }: DatasetForm): void {
    if (length !== 2 || at + 2 > this.#bytes.length) return;
    if (tag === 0x0028_0103) this.#signed = this.#view.getUint16(at, littleEndian) === 1;
    if (tag === 0x0028_0100) this.#bitsAllocated = this.#view.getUint16(at, littleEndian);
  }

  #replacement(pieces: Pieces, tag: number): void {
    const replacement = this.#replaced.get(tag);
    if (!replacement) return;
    this.#writeHead(pieces, tag, replacement.vr, replacement.value.length);
    add(pieces, replacement.value);
  }

  #writeHead(pieces: Pieces, tag: number, vr: string, length: number): void {
    add(pieces, elementHead(tag, vr, length, this.#to));
  }
}

function add(pieces: Pieces, piece: Uint8Array): void {
  pieces.list.push(piece);
  pieces.bytes += piece.length;
}

function joined({ list, bytes }: Pieces): Uint8Array {
  const whole = new Uint8Array(bytes);
  let at = 0;
  for (const piece of list) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
