import { type ElementReader, itemsOf, openElements, textOf, textsOf } from '../../../main/dicom/elementValues.ts';
import { readHeader } from '../../../main/dicom/part10.ts';
import type { ShelfObject } from './objectShelf.ts';

type Value = string | number | readonly Elements[];
type Elements = Readonly<Record<string, readonly [vr: string, value: Value]>>;

const implicitLittleEndian = '1.2.840.10008.1.2';

/** Elements in ascending order of their tags, little endian. */
function encodeElements(elements: Elements, isImplicit: boolean): Buffer {
  return Buffer.concat(
    Object.entries(elements)
      .sort(([left], [right]) => (left < right ? -1 : 1))
      .map(([tag, [vr, value]]) => encodeElement(tag, vr, value, isImplicit)),
  );
}

function encodeElement(tag: string, vr: string, value: Value, isImplicit: boolean): Buffer {
  const bytes = encodeValue(vr, value, isImplicit);
  const isLong = vr === 'SQ' || vr === 'OB';
  const head = Buffer.alloc(!isImplicit && isLong ? 12 : 8);
  head.writeUInt16LE(Number.parseInt(tag.slice(0, 4), 16), 0);
  head.writeUInt16LE(Number.parseInt(tag.slice(4), 16), 2);
  if (!isImplicit) head.write(vr, 4, 'latin1');
  if (isImplicit || isLong) head.writeUInt32LE(bytes.length, head.length - 4);
  else head.writeUInt16LE(bytes.length, 6);
  return Buffer.concat([head, bytes]);
}

function encodeValue(vr: string, value: Value, isImplicit: boolean): Buffer {
  if (typeof value === 'number') {
    const bytes = Buffer.alloc(2);
    bytes.writeUInt16LE(value);
    return bytes;
  }
  if (typeof value === 'string') {
    const padding = vr === 'UI' ? '\0' : ' ';
    return Buffer.from(value.length % 2 === 1 ? value + padding : value, 'latin1');
  }
  return Buffer.concat(
    value.map((one) => {
      const body = encodeElements(one, isImplicit);
      const head = Buffer.from([0xfe, 0xff, 0x00, 0xe0, 0, 0, 0, 0]);
      head.writeUInt32LE(body.length, 4);
      return Buffer.concat([head, body]);
    }),
  );
}

/** A bare data set made a file (PS3.10 section 7), with no more in its meta group than is needed to read it. */
export function part10Of(transferSyntaxUid: string, dataset: Uint8Array): Buffer {
  const meta = encodeElements({ '00020010': ['UI', transferSyntaxUid] }, false);
  const length = Buffer.from([0x02, 0x00, 0x00, 0x00, 0x55, 0x4c, 0x04, 0x00, 0, 0, 0, 0]);
  length.writeUInt32LE(meta.length, 8);
  return Buffer.concat([Buffer.alloc(128), Buffer.from('DICM'), length, meta, dataset]);
}

function openFile(bytes: Buffer): ElementReader {
  const header = readHeader(bytes);
  if (!header) throw new Error('no DICOM');
  return openElements(header.bytes, header.elements, header.littleEndian);
}

/** C-FIND over a few objects by their UIDs, at the level asked for. */
export function matchingObjects(objects: readonly ShelfObject[], keys: Buffer): ShelfObject[] {
  const reader = openFile(keys);
  const level = textOf(reader, 'x00080052');
  const isWanted = (tag: string, uid: string) => {
    const uids = textsOf(reader, tag).filter((one) => one !== '');
    return uids.length === 0 || uids.includes('*') || uids.includes(uid);
  };
  return objects.filter(
    (object) =>
      isWanted('x0020000d', object.studyUid) &&
      (level === 'STUDY' || isWanted('x0020000e', object.seriesUid)) &&
      (level !== 'IMAGE' || isWanted('x00080018', object.sopInstanceUid)),
  );
}

/** The bare data set of an object. */
export function datasetOf({ bytes }: ShelfObject): Buffer {
  return bytes.subarray(132 + 12 + bytes.readUInt32LE(132 + 8));
}

export function findMatches(objects: readonly ShelfObject[], keys: Buffer, transferSyntaxUid: string): Buffer[] {
  const level = textOf(openFile(keys), 'x00080052');
  const wanted = matchingObjects(objects, keys);
  const keyOf = (object: ShelfObject) =>
    level === 'STUDY' ? object.studyUid : level === 'SERIES' ? object.seriesUid : object.sopInstanceUid;
  const groups = Map.groupBy(wanted, keyOf);
  return [...groups.values()].map((group) => {
    const object = group[0] as ShelfObject;
    const elements: Elements = {
      '00080052': ['CS', level],
      '0020000D': ['UI', object.studyUid],
      ...(level === 'STUDY' ? { '00201208': ['IS', String(group.length)] as const } : {}),
      ...(level === 'SERIES' ? { '00201209': ['IS', String(group.length)] as const } : {}),
      ...(level === 'STUDY' ? {} : { '0020000E': ['UI', object.seriesUid] as const }),
      ...(level === 'IMAGE'
        ? { '00080016': ['UI', object.sopClassUid] as const, '00080018': ['UI', object.sopInstanceUid] as const }
        : {}),
    };
    return encodeElements(elements, transferSyntaxUid === implicitLittleEndian);
  });
}

/** The N-EVENT-REPORT that answers a request for storage commitment (PS3.4 J.3.3), true or bent. */
export function commitmentReport(
  asked: Buffer,
  kept: ReadonlyMap<string, ShelfObject>,
  bent: 'commitmentFailsSome' | 'commitmentOtherTransaction' | 'commitmentSaysBoth' | 'commitmentNamesNone' | null,
  transferSyntaxUid: string,
): { eventType: 1 | 2; dataset: Buffer } {
  const reader = openFile(asked);
  const done: Elements[] = [];
  const failed: Elements[] = [];
  itemsOf(reader, 'x00081199').forEach((item, index) => {
    const instanceUid = textOf(item, 'x00081155');
    const reference: Elements = {
      '00081150': ['UI', textOf(item, 'x00081150')],
      '00081155': ['UI', instanceUid],
    };
    // 0x0112: no such object instance; 0x0110: processing failure.
    const isHere = kept.has(instanceUid);
    const isFailed = !isHere || bent === 'commitmentSaysBoth' || (bent === 'commitmentFailsSome' && index % 2 === 1);
    if (isFailed) failed.push({ ...reference, '00081197': ['US', isHere ? 0x0110 : 0x0112] });
    if (bent === 'commitmentSaysBoth' || !isFailed) done.push(reference);
  });
  const isSilent = bent === 'commitmentNamesNone';
  const elements: Elements = {
    '00081195': ['UI', bent === 'commitmentOtherTransaction' ? '2.25.4711' : textOf(reader, 'x00081195')],
    ...(failed.length > 0 && !isSilent ? { '00081198': ['SQ', failed] as const } : {}),
    ...(done.length > 0 && !isSilent ? { '00081199': ['SQ', done] as const } : {}),
  };
  return {
    eventType: failed.length > 0 && !isSilent ? 2 : 1,
    dataset: encodeElements(elements, transferSyntaxUid === implicitLittleEndian),
  };
}
