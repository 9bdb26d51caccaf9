import { Failure } from '../../../../app/shared/failure.ts';
import type { Spool } from '../../../archive/spool.ts';
import { type DicomHeader, readHeader } from '../../../dicom/part10.ts';
import {
  describeFrames,
  type ExaminedObject,
  examineHeader,
  examineObject,
  goesAsStored,
  packExamined,
} from './examineObject.ts';

const firstReadBytes = 1024 * 1024;
/** A header that is longer is read with the whole object: large documents, whose content is no pixel data. */
const longestHeadBytes = 64 * 1024 * 1024;
/** Longest object that is read whole, and only one at a time. */
const longestWholeBytes = 512 * 1024 * 1024;
let lastWhole: Promise<unknown> = Promise.resolve();

/**
 * `examineObject` for an object that lies in a spool: only its header, and what stands between its fragments, is read.
 *
 * @throws as examineObject
 */
export async function examineSpool(spool: Spool, firstBytes = firstReadBytes): Promise<ExaminedObject> {
  for (let length = firstBytes; length <= longestHeadBytes; length *= 4) {
    if (length >= spool.bytes) break;
    const head = await spool.read(0, length);
    const dicom = readHeader(head, true);
    if (dicom === null) throw new Failure('imaging.notDicom', 'no DICOM prefix and no DICOM data set');
    if (dicom.deflated || dicom.ending === 'malformed') break;
    if (dicom.pixelData !== null) return examineHead(spool, dicom);
  }
  if (spool.bytes > longestWholeBytes) throw new Failure('imaging.tooLarge', 'the header of the object is too long');
  const whole = lastWhole.then(async () => examineObject(await spool.read(0, spool.bytes)));
  lastWhole = whole.catch(() => undefined); // Whoever asked hears it; the next one starts fresh.
  return whole;
}

async function examineHead(spool: Spool, dicom: DicomHeader): Promise<ExaminedObject> {
  const { instance, json } = examineHeader(dicom);
  const fragments = await walkPixels(spool, dicom, Math.max(1, instance.frames));
  if (fragments === 'cut') throw new Failure('imaging.truncated', 'the file ends inside its pixel data');
  if (instance.isImage && !goesAsStored(dicom, json)) describeFrames(json, await firstFrameOf(spool, dicom, fragments));
  return packExamined(instance, json);
}

interface FirstFragments {
  /** Ends of the offset table and of each of the first fragments, from the beginning of the file. */
  readonly ends: readonly number[];
  readonly isOnePerFrame: boolean;
}

/** The rules of `isCut`, item by item. */
async function walkPixels(spool: Spool, { pixelData }: DicomHeader, frames: number): Promise<FirstFragments | 'cut'> {
  const none: FirstFragments = { ends: [], isOnePerFrame: true };
  if (pixelData === null) return none;
  if (!pixelData.encapsulated) return pixelData.offset + pixelData.length > spool.bytes ? 'cut' : none;
  const ends: number[] = [];
  let position = pixelData.offset;
  let items = 0;
  while (position + 8 <= spool.bytes) {
    const item = await spool.read(position, position + 8);
    const tag = item.readUInt16LE(0) * 65_536 + item.readUInt16LE(2);
    // The delimiter, or damage that is no missing end.
    if (tag !== 0xfffee000) return { ends, isOnePerFrame: items - 1 === frames };
    position += 8 + item.readUInt32LE(4);
    items += 1;
    if (position > spool.bytes) return 'cut';
    if (items <= 64) ends.push(position);
  }
  return items - 1 < frames ? 'cut' : { ends, isOnePerFrame: items - 1 === frames };
}

/**
 * The object as if it had but its first frame, for what the frames' own streams say of them. Native pixels need not be
 * there at all; of fragments come the first, or the first few where they are no frame each.
 */
async function firstFrameOf(
  spool: Spool,
  dicom: DicomHeader,
  { ends, isOnePerFrame }: FirstFragments,
): Promise<Buffer> {
  const start = dicom.pixelData?.offset ?? 0;
  if (!dicom.pixelData?.encapsulated) return spool.read(0, Math.min(spool.bytes, start + 1024));
  const [tableEnd = start, firstEnd = tableEnd] = ends;
  const end = isOnePerFrame ? firstEnd : (ends.at(-1) ?? firstEnd);
  const head = await spool.read(0, start);
  const frames = dicom.elements['x00280008'];
  if (frames) head.fill(0x20, frames.dataOffset, frames.dataOffset + frames.length).write('1', frames.dataOffset);
  // An extended offset table speaks of frames that are not there: its tag becomes one that nobody reads.
  for (const tag of ['x7fe00001', 'x7fe00002']) {
    const table = dicom.elements[tag];
    // Encapsulated syntaxes are explicit: tag, VR, two bytes, length (PS3.5 7.1.2).
    if (table) head.writeUInt16LE(0x0003, table.dataOffset - 10);
  }
  const emptyTable = Buffer.from([0xfe, 0xff, 0x00, 0xe0, 0, 0, 0, 0]);
  const delimiter = Buffer.from([0xfe, 0xff, 0xdd, 0xe0, 0, 0, 0, 0]);
  return Buffer.concat([head, emptyTable, await spool.read(tableEnd, end), delimiter]);
}
