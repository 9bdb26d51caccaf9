import type { TreeElement } from './datasetTree.ts';
import { NotDeidentifiable } from './notDeidentifiable.ts';

/** Tables of palettes (PS3.3 C.7.6.3.1.6), of Modality and of VOI LUT (C.11.1, C.11.2), each with its descriptor. */
export const lookupTables: ReadonlyMap<number, number> = new Map([
  [0x0028_1201, 0x0028_1101],
  [0x0028_1202, 0x0028_1102],
  [0x0028_1203, 0x0028_1103],
  [0x0028_1204, 0x0028_1104],
  [0x0028_3006, 0x0028_3002],
]);

export const tableDescriptors: ReadonlySet<number> = new Set(lookupTables.values());

/**
 * A lookup table without what follows its last entry; null without a descriptor.
 *
 * @param siblings the data set or item in which it stands
 * @throws NotDeidentifiable('damaged') when its entries can't be told from the rest
 */
export function cutTable(
  table: TreeElement,
  siblings: readonly TreeElement[],
  littleEndian: boolean,
): TreeElement | null {
  const descriptor = siblings.find(({ tag }) => tag === lookupTables.get(table.tag))?.value;
  if (descriptor?.length !== 6) return null;
  const view = new DataView(descriptor.buffer, descriptor.byteOffset, 6);
  const entries = view.getUint16(0, littleEndian) || 0x1_0000;
  const bits = view.getUint16(4, littleEndian);
  const { value } = table;
  const words = 2 * entries;
  if (value.length <= words) {
    const isPacked = bits <= 8 && value.length >= entries && value.length < words;
    // Between one and two bytes an entry it is neither.
    if (isPacked && value.length !== entries + (entries % 2)) throw new NotDeidentifiable('damaged');
    return isPacked ? { ...table, value: paddedFrom(value, entries) } : table;
  }
  return { ...table, value: value.subarray(0, words) };
}

function paddedFrom(value: Uint8Array, entries: number): Uint8Array {
  if (value.length === entries) return value;
  const copy = Uint8Array.from(value);
  copy.fill(0, entries);
  return copy;
}
