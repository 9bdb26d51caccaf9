import type { JsonDataSet } from '../../../dicom/dicomJson.ts';
import { implicitLittleEndian } from './presentationPlan.ts';

/**
 * Writes the few identifiers that sending needs: UIDs, code strings and sequences of them, in little endian. Whatever is
 * more goes by `writeDataset`, whose library and dictionary need not be loaded into every sending thread for this.
 *
 * @throws RangeError for any other value representation
 */
export function encodeIdentifier(dataset: JsonDataSet, transferSyntaxUid: string): Uint8Array {
  return encodeElements(dataset, transferSyntaxUid === implicitLittleEndian);
}

function encodeElements(dataset: JsonDataSet, isImplicit: boolean): Buffer {
  const tags = Object.keys(dataset).sort();
  return Buffer.concat(tags.flatMap((tag) => encodeElement(tag, dataset[tag] ?? { vr: '' }, isImplicit)));
}

function encodeElement(tag: string, { vr, Value = [] }: JsonDataSet[string], isImplicit: boolean): Buffer[] {
  const value = encodeValue(vr, Value, isImplicit);
  const isLong = vr === 'SQ';
  const head = Buffer.alloc(isImplicit || !isLong ? 8 : 12);
  head.writeUInt16LE(Number.parseInt(tag.slice(0, 4), 16), 0);
  head.writeUInt16LE(Number.parseInt(tag.slice(4), 16), 2);
  if (!isImplicit) head.write(vr, 4, 'latin1');
  if (isImplicit || isLong) head.writeUInt32LE(value.length, head.length - 4);
  else head.writeUInt16LE(value.length, 6);
  return [head, value];
}

function encodeValue(vr: string, values: readonly unknown[], isImplicit: boolean): Buffer {
  if (vr === 'SQ') {
    const items = (values as readonly JsonDataSet[]).map((item) => encodeElements(item, isImplicit));
    return Buffer.concat(items.flatMap((item) => [itemHead(item.length), item]));
  }
  if (vr !== 'UI' && vr !== 'CS') throw new RangeError('only UIDs, codes and sequences of them');
  const text = values.join('\\');
  return Buffer.from(text.length % 2 === 0 ? text : `${text}${vr === 'UI' ? '\0' : ' '}`, 'latin1');
}

function itemHead(length: number): Buffer {
  const head = Buffer.from([0xfe, 0xff, 0x00, 0xe0, 0, 0, 0, 0]);
  head.writeUInt32LE(length, 4);
  return head;
}
