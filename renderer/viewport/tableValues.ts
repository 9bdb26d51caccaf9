import { type DicomDataset, numbersOf } from '../../app/domains/imaging/dicomElements.ts';
import type { FetchAsset } from './frameTransfer.ts';

/** A look-up table of a data set: the first value mapped, bits of an entry, entries (PS3.3 C.11.1.1.1). */
export interface LookupTable {
  readonly first: number;
  readonly bits: number;
  readonly values: Uint16Array;
}

/** Bytes of a binary element: inline, behind a link of this host, or numbers where the server took them for text. */
export async function binaryOf(
  dataset: DicomDataset,
  tag: string,
  fetchAsset: FetchAsset,
): Promise<Uint8Array | undefined> {
  const element = dataset[tag];
  if (!element) return undefined;
  if (element.InlineBinary !== undefined)
    return Uint8Array.from(atob(element.InlineBinary), (character) => character.charCodeAt(0));
  if (element.BulkDataURI !== undefined) {
    const { pathname } = new URL(element.BulkDataURI, 'http://asset.invalid/');
    const response = await fetchAsset(pathname, { headers: { Accept: 'application/octet-stream' } });
    return response.ok ? new Uint8Array(await response.arrayBuffer()) : undefined;
  }
  const numbers = numbersOf(dataset, tag);
  return numbers.length > 0 ? new Uint8Array(Uint16Array.from(numbers).buffer) : undefined;
}

/**
 * Reads a table from its descriptor [entries, first value mapped, bits] and its data. 0 entries mean 65,536; eight-bit
 * entries may come packed two to a word, or one to a word (both are met).
 *
 * @param signed the pixels are signed, and so is the first value mapped
 */
export async function lookupTableOf(
  dataset: DicomDataset,
  descriptorTag: string,
  dataTag: string,
  signed: boolean,
  fetchAsset: FetchAsset,
): Promise<LookupTable | undefined> {
  const [entries, first, bits] = numbersOf(dataset, descriptorTag);
  const bytes = await binaryOf(dataset, dataTag, fetchAsset);
  if (entries === undefined || first === undefined || bits === undefined || !bytes) return undefined;
  // A descriptor written as SS reads 40,000 entries as a negative number.
  const count = entries === 0 ? 65_536 : entries & 0xffff;
  const even = bytes.length % 2 === 0 ? bytes : bytes.subarray(0, bytes.length - 1);
  const words = new Uint16Array(even.slice().buffer);
  const values =
    words.length >= count
      ? words.subarray(0, count)
      : bits <= 8 && bytes.length >= count
        ? Uint16Array.from(bytes.subarray(0, count))
        : undefined;
  if (!values) return undefined;
  return { first: signed && first > 32_767 ? first - 65_536 : first, bits, values };
}
