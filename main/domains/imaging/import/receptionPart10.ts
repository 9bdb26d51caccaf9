import { readHeader } from '../../../dicom/part10.ts';
import { implementationClassUid, implementationVersion } from '../../../dicom/salusImplementation.ts';

/** What a data set that came over a network lacks of a file (PS3.10 7.1). */
export interface NetworkFacts {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly transferSyntaxUid: string;
}

/**
 * Preamble and file meta group for a data set from a network. Nothing in them depends on who sent it, when, or on the
 * version of this program: the same data set sent again is the same file.
 */
export function networkFileHead(facts: NetworkFacts): Buffer {
  const element = (number: number, vr: string, value: Buffer): Buffer => {
    const isLong = vr === 'OB';
    const head = Buffer.alloc(isLong ? 12 : 8);
    head.writeUInt16LE(0x0002, 0);
    head.writeUInt16LE(number, 2);
    head.write(vr, 4, 'latin1');
    if (isLong) head.writeUInt32LE(value.length, 8);
    else head.writeUInt16LE(value.length, 6);
    return Buffer.concat([head, value]);
  };
  const text = (value: string, pad: string): Buffer =>
    Buffer.from(value.length % 2 === 0 ? value : `${value}${pad}`, 'latin1');
  const group = Buffer.concat([
    element(0x0001, 'OB', Buffer.from([0, 1])),
    element(0x0002, 'UI', text(facts.sopClassUid, '\0')),
    element(0x0003, 'UI', text(facts.sopInstanceUid, '\0')),
    element(0x0010, 'UI', text(facts.transferSyntaxUid, '\0')),
    element(0x0012, 'UI', text(implementationClassUid, '\0')),
    element(0x0013, 'SH', text(implementationVersion, ' ')),
  ]);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(group.length);
  return Buffer.concat([Buffer.alloc(128), Buffer.from('DICM', 'latin1'), element(0x0000, 'UL', length), group]);
}

/** Where the data set begins, and in which transfer syntax it is; null where there is no meta group. */
function datasetPlace(bytes: Uint8Array): { start: number; transferSyntaxUid: string } | null {
  const header = readHeader(bytes, true);
  if (header === null || header.deflated) return null;
  const ends = Object.values(header.metaElements).map((element) => element.dataOffset + element.length);
  return ends.length === 0 ? null : { start: Math.max(...ends), transferSyntaxUid: header.transferSyntaxUid };
}

/** True when two files hold the same data set in the same transfer syntax, whoever wrote the file meta group. */
export function hasSameDataset(left: Uint8Array, right: Uint8Array): boolean {
  const [one, other] = [datasetPlace(left), datasetPlace(right)];
  if (one === null || other === null || one.transferSyntaxUid !== other.transferSyntaxUid) return false;
  return Buffer.compare(left.subarray(one.start), right.subarray(other.start)) === 0;
}

/** Content that is too long to be read at once. */
interface InParts {
  readonly bytes: number;
  read(start: number, end: number): Uint8Array | Promise<Uint8Array>;
}

/** A meta group that is longer is none that anybody writes. */
const longestHeadBytes = 256 * 1024;
const partBytes = 1024 * 1024;

/** `hasSameDataset` of what is read part by part. */
export async function hasSameDatasetInParts(left: InParts, right: InParts): Promise<boolean> {
  const placeOf = async (content: InParts) =>
    datasetPlace(await content.read(0, Math.min(content.bytes, longestHeadBytes)));
  const [one, other] = [await placeOf(left), await placeOf(right)];
  if (one === null || other === null || one.transferSyntaxUid !== other.transferSyntaxUid) return false;
  const length = left.bytes - one.start;
  if (length !== right.bytes - other.start) return false;
  for (let at = 0; at < length; at += partBytes) {
    const end = Math.min(length, at + partBytes);
    const [part, otherPart] = [
      await left.read(one.start + at, one.start + end),
      await right.read(other.start + at, other.start + end),
    ];
    if (Buffer.compare(part, otherPart) !== 0) return false;
  }
  return true;
}
