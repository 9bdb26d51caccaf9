/** For tests only: DICOM files made of raw elements, so that they can be wrong in any way a test needs. */

/** Tag (eight hex digits) → VR and value; a Buffer is written as it is, null leaves the element out. */
export type RawElements = Record<string, readonly [vr: string, value: string | number | Buffer] | null>;

export interface FileOptions {
  readonly transferSyntaxUid?: string;
  readonly preamble?: boolean;
}

const longVrs = new Set(['OB', 'OW', 'OF', 'OD', 'SQ', 'UN', 'UT', 'UC', 'UR']);

/** One element in explicit VR little endian. `length` overrides the declared length. */
export function rawElement(tag: string, vr: string, value: string | number | Buffer, length?: number): Buffer {
  let bytes: Buffer;
  if (Buffer.isBuffer(value)) bytes = value;
  else if (vr === 'US') {
    bytes = Buffer.alloc(2);
    bytes.writeUInt16LE(Number(value));
  } else {
    bytes = Buffer.from(String(value), 'utf8');
    if (bytes.length % 2 === 1) bytes = Buffer.concat([bytes, Buffer.from([vr === 'UI' ? 0 : 0x20])]);
  }
  const head = Buffer.alloc(longVrs.has(vr) ? 12 : 8);
  head.writeUInt16LE(Number.parseInt(tag.slice(0, 4), 16), 0);
  head.writeUInt16LE(Number.parseInt(tag.slice(4), 16), 2);
  head.write(vr, 4, 'latin1');
  if (head.length === 12) head.writeUInt32LE(length ?? bytes.length, 8);
  else head.writeUInt16LE(length ?? bytes.length, 6);
  return Buffer.concat([head, bytes]);
}

/** A data set of elements in ascending order. */
export function rawDataSet(elements: RawElements): Buffer {
  return Buffer.concat(
    Object.entries(elements)
      .filter((entry): entry is [string, readonly [string, string | number | Buffer]] => entry[1] !== null)
      .sort(([left], [right]) => (left < right ? -1 : 1))
      .map(([tag, [vr, value]]) => rawElement(tag, vr, value)),
  );
}

/** A file: preamble, meta group, data set. */
export function rawFile(elements: RawElements, options: FileOptions = {}, tail: Buffer = Buffer.alloc(0)): Buffer {
  const meta = Buffer.concat([
    rawElement('00020010', 'UI', options.transferSyntaxUid ?? '1.2.840.10008.1.2.1'),
    rawElement('00020012', 'UI', '2.25.1'),
  ]);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(meta.length);
  const start = options.preamble === false ? Buffer.alloc(0) : Buffer.concat([Buffer.alloc(128), Buffer.from('DICM')]);
  return Buffer.concat([start, rawElement('00020000', 'UL', length), meta, rawDataSet(elements), tail]);
}

export interface SliceFacts {
  readonly study?: string;
  readonly series?: string;
  readonly sop?: string;
  readonly identifier?: string;
  readonly issuer?: string;
  readonly name?: string;
  readonly birthDate?: string;
  readonly number?: number;
  /** Grey value of all its pixels. */
  readonly value?: number;
  readonly more?: RawElements;
}

let counter = 0;

/** A small CT slice, 8 × 8, right in every way unless told otherwise. UIDs are new for each unless given. */
export function aSlice(facts: SliceFacts = {}): Buffer {
  counter += 1;
  const study = facts.study ?? `1.2.826.0.1.${counter}`;
  const pixels = Buffer.alloc(128);
  for (let at = 0; at < 128; at += 2) pixels.writeUInt16LE(facts.value ?? counter % 4096, at);
  return rawFile({
    '00080005': ['CS', 'ISO_IR 192'],
    '00080016': ['UI', '1.2.840.10008.5.1.4.1.1.2'],
    '00080018': ['UI', facts.sop ?? `${study}.9.${counter}`],
    '00080020': ['DA', '20260301'],
    '00080030': ['TM', '101500'],
    '00080060': ['CS', 'CT'],
    '00081030': ['LO', 'Thorax'],
    '00100010': ['PN', facts.name ?? 'Lefèvre^Anne'],
    '00100020': ['LO', facts.identifier ?? 'ID-001'],
    '00100021': ['LO', facts.issuer ?? ''],
    '00100030': ['DA', facts.birthDate ?? '19600102'],
    '00100040': ['CS', 'F'],
    '0020000D': ['UI', study],
    '0020000E': ['UI', facts.series ?? `${study}.1`],
    '00200011': ['IS', '1'],
    '00200013': ['IS', String(facts.number ?? counter)],
    '00280002': ['US', 1],
    '00280004': ['CS', 'MONOCHROME2'],
    '00280010': ['US', 8],
    '00280011': ['US', 8],
    '00280100': ['US', 16],
    '00280101': ['US', 12],
    '00280102': ['US', 11],
    '00280103': ['US', 0],
    '7FE00010': ['OW', pixels],
    ...facts.more,
  });
}
