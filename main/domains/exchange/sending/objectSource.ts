import { setTimeout as sleep } from 'node:timers/promises';
import type { ThreadArchive } from '../../../archive/openArchive.ts';
import { hasPrefix } from '../../../dicom/part10.ts';
import { implementationClassUid, implementationVersion } from '../../../dicom/salusImplementation.ts';
import type { SendItem } from './sendMessages.ts';

/** An object's data set, as it is stored or decoded, ready to go. */
export interface ReadyObject {
  readonly transferSyntaxUid: string;
  readonly byteLength: number;
  /** Can be read more than once. */
  open(): AsyncIterable<Uint8Array>;
}

/** Objects up to here are decrypted at once; what is longer is read a piece at a time. */
const wholeBytes = 8 * 1024 * 1024;
/** As the archive chunks long objects: a piece is decrypted once. */
const pieceBytes = 4 * 1024 * 1024;

/**
 * The data set of an archived object without its preamble and file meta group.
 *
 * @throws Failure('storage.objectMissing' | 'storage.objectDamaged'); for a long object also while it is read
 */
export function readStored(archive: ThreadArchive, item: SendItem): ReadyObject {
  const { objectName, bytes, transferSyntaxUid } = item;
  if (bytes <= wholeBytes) {
    const whole = archive.getSync(objectName);
    return fromBytes(whole.subarray(datasetStart(whole)), transferSyntaxUid);
  }
  const head = archive.getRangeSync(objectName, 0, pieceBytes);
  const start = datasetStart(head);
  return {
    transferSyntaxUid,
    byteLength: bytes - start,
    async *open() {
      yield head.subarray(start);
      for (let at = pieceBytes; at < bytes; at += pieceBytes) {
        yield archive.getRangeSync(objectName, at, Math.min(bytes, at + pieceBytes));
      }
    },
  };
}

export function fromBytes(dataset: Uint8Array, transferSyntaxUid: string): ReadyObject {
  return {
    transferSyntaxUid,
    byteLength: dataset.length,
    async *open() {
      yield dataset;
    },
  };
}

/** Where the data set begins: behind the preamble and the file meta group, which is explicit VR little endian (PS3.10 7.1). */
export function datasetStart(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = hasPrefix(bytes) ? 132 : 0;
  while (at + 12 <= bytes.length && view.getUint16(at, true) === 0x0002) {
    const vr = String.fromCharCode(bytes[at + 4] ?? 0, bytes[at + 5] ?? 0);
    const isLong = ['OB', 'OW', 'UN', 'UT', 'SQ', 'OF', 'OD', 'UC', 'UR'].includes(vr);
    const length = isLong ? view.getUint32(at + 8, true) : view.getUint16(at + 6, true);
    const end = at + (isLong ? 12 : 8) + length;
    if (end > bytes.length) break;
    at = end;
  }
  return at;
}

/** A DICOM file of an object: an empty preamble, a file meta group of our own, and the data set as it is. */
export function asPart10(item: SendItem, object: ReadyObject): ReadyObject {
  const head = part10Head(item, object.transferSyntaxUid);
  return {
    transferSyntaxUid: object.transferSyntaxUid,
    byteLength: head.length + object.byteLength,
    async *open() {
      yield head;
      yield* object.open();
    },
  };
}

function part10Head({ sopClassUid, sopUid }: SendItem, transferSyntaxUid: string): Uint8Array {
  const version = Buffer.from([0x02, 0x00, 0x01, 0x00, 0x4f, 0x42, 0, 0, 2, 0, 0, 0, 0, 1]);
  const meta = Buffer.concat([
    version,
    shortElement(0x0002, 'UI', sopClassUid),
    shortElement(0x0003, 'UI', sopUid),
    shortElement(0x0010, 'UI', transferSyntaxUid),
    shortElement(0x0012, 'UI', implementationClassUid),
    shortElement(0x0013, 'SH', implementationVersion),
  ]);
  const length = Buffer.alloc(12);
  length.write('\x02\x00\x00\x00UL\x04\x00', 0, 'latin1');
  length.writeUInt32LE(meta.length, 8);
  return Buffer.concat([Buffer.alloc(128), Buffer.from('DICM', 'latin1'), length, meta]);
}

function shortElement(element: number, vr: 'UI' | 'SH', value: string): Buffer {
  const text = Buffer.from(value.length % 2 === 0 ? value : `${value}${vr === 'UI' ? '\0' : ' '}`, 'latin1');
  const head = Buffer.alloc(8);
  head.writeUInt16LE(0x0002, 0);
  head.writeUInt16LE(element, 2);
  head.write(vr, 4, 'latin1');
  head.writeUInt16LE(text.length, 6);
  return Buffer.concat([head, text]);
}

/** Lets bytes go at a node's rate: what was not used in a pause may be caught up for a second, no more. */
export interface Pace {
  through(bytes: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array>;
}

const pacedBytes = 16 * 1024;

/** @param kilobytesPerSecond null: as fast as it goes */
export function openPace(kilobytesPerSecond: number | null, signal: AbortSignal): Pace {
  if (kilobytesPerSecond === null) return { through: (bytes) => bytes };
  // A kilobyte a second is a byte a millisecond.
  const perMs = kilobytesPerSecond;
  const most = Math.max(pacedBytes, perMs * 1000);
  let left = most;
  let at = performance.now();
  async function take(count: number): Promise<void> {
    const now = performance.now();
    left = Math.min(most, left + (now - at) * perMs);
    at = now;
    left -= count;
    if (left < 0) await sleep(-left / perMs, undefined, { signal });
  }
  return {
    async *through(bytes) {
      for await (const chunk of bytes) {
        for (let start = 0; start < chunk.length; start += pacedBytes) {
          const piece = chunk.subarray(start, start + pacedBytes);
          await take(piece.length);
          yield piece;
        }
      }
    },
  };
}
