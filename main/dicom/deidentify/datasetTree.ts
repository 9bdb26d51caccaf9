import { findVr } from '../dicomDictionary.ts';
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
} from '../elementHeads.ts';
import { DatasetError } from '../prepareDataset.ts';

/** One element with everything under it. Values are views of the bytes it was read from. */
export interface TreeElement {
  readonly tag: number;
  readonly vr: string;
  /** Empty for sequences and encapsulated pixel data. */
  readonly value: Uint8Array;
  readonly items: readonly (readonly TreeElement[])[] | null;
  /** Fragments of encapsulated pixel data, the basic offset table first (PS3.5 A.4). */
  readonly fragments: readonly Uint8Array[] | null;
}

const implicitLittle: DatasetForm = { explicit: false, littleEndian: true };
const none = new Uint8Array(0);

/**
 * Reads a data set with all its sequences, of defined and undefined length, those sent as UN too. Elements that stand
 * twice in one data set, out of order or in the group of delimiters are refused: readers differ over which of two counts.
 *
 * @param form as declared; a data set that says explicit and is written implicit is read as it is written
 * @throws DatasetError('malformed' | 'depth')
 */
export function readTree(bytes: Uint8Array, declared: DatasetForm): TreeElement[] {
  const vr = String.fromCharCode(bytes[4] ?? 0, bytes[5] ?? 0);
  const isImplicit = declared.littleEndian && declared.explicit && !/^[A-Z]{2}$/.test(vr);
  return new TreeReader(bytes).elements(0, bytes.length, isImplicit ? implicitLittle : declared, 0).elements;
}

class TreeReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #signed = false;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  elements(start: number, end: number, form: DatasetForm, depth: number): { elements: TreeElement[]; next: number } {
    if (depth > deepestSequence) throw new DatasetError('depth', '', 'sequences lie too deep');
    const elements: TreeElement[] = [];
    let before = -1;
    let at = start;
    while (at < end) {
      if (depth === 0 && isZeroFill(this.#bytes, at)) break;
      const head = readElementHead(this.#view, at, end, form, this.#signed);
      if (head.tag === itemEnd && depth > 0) return { elements, next: head.at };
      if (head.tag <= before || head.tag >>> 16 === 0xfffe)
        throw new DatasetError('malformed', hexTag(head.tag), 'an element is not where it may be');
      before = head.tag;
      const { element, next } = this.#element(head, form, end, depth);
      elements.push(element);
      if (depth === 0 && element.tag === 0x0028_0103 && element.value.length === 2)
        this.#signed = this.#view.getUint16(head.at, form.littleEndian) === 1;
      at = next;
    }
    return { elements, next: at };
  }

  #element(head: ElementHead, form: DatasetForm, end: number, depth: number): { element: TreeElement; next: number } {
    const { tag, vr, length, at } = head;
    if (length === undefinedLength) {
      if (tag === pixelDataTag && depth === 0) return this.#fragments(head, end);
      // An unknown VR of undefined length is a sequence in implicit VR little endian (PS3.5 6.2.2 note 2).
      const { items, next } = this.#items(head, vr === 'UN' ? implicitLittle : form, end, depth);
      return { element: sequence(tag, items, vr, form), next };
    }
    const next = at + length;
    if (next > end) throw new DatasetError('malformed', hexTag(tag), 'the value runs past the end');
    const isSequence = vr === 'SQ' || (vr === 'UN' && findVr(tag) === 'SQ');
    if (!isSequence)
      return {
        element: { tag, vr, value: this.#bytes.subarray(at, next), items: null, fragments: null },
        next,
      };
    const { items } = this.#items(head, vr === 'UN' ? implicitLittle : form, end, depth);
    return { element: sequence(tag, items, vr, form), next };
  }

  #items(head: ElementHead, form: DatasetForm, end: number, depth: number): { items: TreeElement[][]; next: number } {
    const items: TreeElement[][] = [];
    const isOpen = head.length === undefinedLength;
    const last = isOpen ? end : head.at + head.length;
    let at = head.at;
    while (at < last) {
      const item = readElementHead(this.#view, at, last, form, this.#signed);
      if (item.tag === sequenceEnd && isOpen) return { items, next: item.at };
      if (item.tag !== itemTag) throw new DatasetError('malformed', hexTag(head.tag), 'no item where one should be');
      const itemLast = item.length === undefinedLength ? last : item.at + item.length;
      if (itemLast > last) throw new DatasetError('malformed', hexTag(head.tag), 'an item runs past the end');
      const { elements, next } = this.elements(item.at, itemLast, form, depth + 1);
      items.push(elements);
      at = item.length === undefinedLength ? next : itemLast;
    }
    if (isOpen) throw new DatasetError('malformed', hexTag(head.tag), 'the sequence has no end');
    return { items, next: at };
  }

  #fragments({ tag, vr, at: start }: ElementHead, end: number): { element: TreeElement; next: number } {
    const fragments: Uint8Array[] = [];
    let at = start;
    while (at + 8 <= end) {
      const mark = tagAt(this.#view, at, true);
      const length = this.#view.getUint32(at + 4, true);
      at += 8;
      if (mark === sequenceEnd) return { element: { tag, vr, value: none, items: null, fragments }, next: at };
      if (mark !== itemTag || at + length > end)
        throw new DatasetError('malformed', hexTag(tag), 'no fragment where one should be');
      fragments.push(this.#bytes.subarray(at, at + length));
      at += length;
    }
    throw new DatasetError('malformed', hexTag(tag), 'the pixel data has no end');
  }
}

/** What was sent as UN lies in little endian; among big-endian values it stays unread. */
function sequence(tag: number, items: TreeElement[][], vr: string, { littleEndian }: DatasetForm): TreeElement {
  if (vr === 'UN' && !littleEndian) return { tag, vr, value: none, items: null, fragments: null };
  return { tag, vr: 'SQ', value: none, items, fragments: null };
}

/** Writes a tree; sequences get defined lengths. The pieces are heads and the values themselves, in order. */
export function writeTree(
  elements: readonly TreeElement[],
  form: DatasetForm,
): { pieces: Uint8Array[]; bytes: number } {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  const add = (piece: Uint8Array) => {
    pieces.push(piece);
    bytes += piece.length;
  };
  for (const { tag, vr, value, items, fragments } of elements) {
    if (fragments !== null) {
      add(elementHead(tag, 'OB', undefinedLength, form));
      for (const fragment of fragments) {
        add(elementHead(itemTag, '', fragment.length, form));
        add(fragment);
      }
      add(elementHead(sequenceEnd, '', 0, form));
    } else if (items !== null) {
      const written = items.map((item) => writeTree(item, form));
      const length = written.reduce((sum, item) => sum + 8 + item.bytes, 0);
      add(elementHead(tag, 'SQ', length, form));
      for (const item of written) {
        add(elementHead(itemTag, '', item.bytes, form));
        for (const piece of item.pieces) pieces.push(piece);
        bytes += item.bytes;
      }
    } else {
      add(elementHead(tag, vr, value.length + (value.length % 2), form));
      add(value);
      if (value.length % 2 === 1) add(Uint8Array.of(isPaddedWithBlank(vr) ? 0x20 : 0));
    }
  }
  return { pieces, bytes };
}
