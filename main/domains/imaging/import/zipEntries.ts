import { posix } from 'node:path';
import type { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import yauzl from 'yauzl';
import { Failure } from '../../../../app/shared/failure.ts';
import { hasPrefix, readHeader } from '../../../dicom/part10.ts';
import { isDicomdirName } from './dicomdir.ts';
import { importLimits } from './importLimits.ts';

/** What has been taken out of one archive so far, archives inside it included. */
export interface ZipBudget {
  entries: number;
  bytes: number;
  readonly mostBytes: number;
}

export function openZipBudget(archiveBytes: number): ZipBudget {
  return {
    entries: 0,
    bytes: 0,
    mostBytes: Math.max(importLimits.zipTotalBytes, archiveBytes * importLimits.zipRatio),
  };
}

export interface ZipSink {
  /** One unpacked file; resolves when there is room for the next. */
  object(path: string, bytes: Uint8Array): Promise<void>;
  rejected(path: string, reason: string, bytes: number): Promise<void>;
  readonly cancelled: () => boolean;
}

/** True for the signature of a zip archive's first entry, or of an empty archive. */
export function isZip(head: Uint8Array): boolean {
  return (
    head.length >= 4 &&
    head[0] === 0x50 &&
    head[1] === 0x4b &&
    ((head[2] === 3 && head[3] === 4) || (head[2] === 5 && head[3] === 6))
  );
}

/**
 * Takes the files out of an archive, one after the other and never onto the disk. Of an entry that is neither DICOM
 * nor an archive only the first 64 KiB are unpacked. Names that lead out of the archive are refused, so are entries
 * that inflate beyond measure; a damaged archive gives what can still be read.
 */
export async function readZip(
  source: yauzl.ZipFile,
  path: string,
  depth: number,
  budget: ZipBudget,
  sink: ZipSink,
): Promise<void> {
  try {
    for await (const entry of source.eachEntry()) {
      if (sink.cancelled()) return;
      const name = yauzl.getFileNameLowLevel(entry.generalPurposeBitFlag, entry.fileNameRaw, entry.extraFields, false);
      const entryPath = `${path}/${name}`;
      if (yauzl.validateFileName(name) !== null || name.includes('\0')) {
        await sink.rejected(`${path}/${name.replaceAll('\0', '')}`, 'imaging.zipSlip', 0);
        continue;
      }
      // A media directory lists what the archive holds anyway: it is no instance, and no file to refuse.
      if (name.endsWith('/') || isDicomdirName(posix.basename(name))) continue;
      budget.entries += 1;
      if (budget.entries > importLimits.zipEntries) throw new Failure('imaging.zipBomb', 'too many entries');
      try {
        await readEntry(source, entry, entryPath, depth, budget, sink);
      } catch (error) {
        if (isFatal(error)) throw error;
        await sink.rejected(
          entryPath,
          error instanceof Failure ? error.code : 'imaging.zipDamaged',
          entry.compressedSize,
        );
      }
    }
  } catch (error) {
    if (error instanceof Failure && error.code !== 'imaging.zipBomb') throw error;
    // The directory itself is damaged, or the archive is a bomb: what was read before stands.
    await sink.rejected(path, error instanceof Failure ? error.code : 'imaging.zipDamaged', 0);
  }
}

/** A bomb ends the archive, a full disk ends the import; anything else ends the entry. */
function isFatal(error: unknown): boolean {
  return error instanceof Failure && (error.code === 'imaging.zipBomb' || error.code.startsWith('storage.'));
}

async function readEntry(
  source: yauzl.ZipFile,
  entry: yauzl.Entry,
  path: string,
  depth: number,
  budget: ZipBudget,
  sink: ZipSink,
): Promise<void> {
  if (entry.uncompressedSize === 0) throw new Failure('imaging.emptyFile', 'the file is empty');
  const content = await unpack(source, entry, budget);
  if (!isZip(content)) {
    await sink.object(path, content);
    return;
  }
  if (depth >= importLimits.zipDepth) throw new Failure('imaging.zipTooDeep', 'archives nested too deep');
  const inner = await yauzl.fromBufferPromise(Buffer.from(content.buffer, content.byteOffset, content.length), {
    decodeStrings: false,
    validateEntrySizes: true,
  });
  await readZip(inner, path, depth + 1, budget, sink);
}

/** Unpacks an entry into memory: its head first, the rest only when the head is worth it. */
async function unpack(source: yauzl.ZipFile, entry: yauzl.Entry, budget: ZipBudget): Promise<Uint8Array> {
  const stream: Readable = await source.openReadStreamPromise(entry);
  const chunks: Buffer[] = [];
  let length = 0;
  let known = false;
  let crc = 0;
  try {
    for await (const piece of stream) {
      const chunk = piece as Buffer;
      chunks.push(chunk);
      length += chunk.length;
      budget.bytes += chunk.length;
      crc = crc32(chunk, crc);
      if (budget.bytes > budget.mostBytes) throw new Failure('imaging.zipBomb', 'the archive inflates beyond measure');
      if (length > importLimits.zipFreeBytes && length > entry.compressedSize * importLimits.zipRatio) {
        throw new Failure('imaging.zipBomb', 'an entry inflates beyond measure');
      }
      if (!known && length >= Math.min(importLimits.headBytes, entry.uncompressedSize)) {
        known = true;
        const head = Buffer.concat(chunks);
        chunks.splice(0, chunks.length, head);
        refuseUnwanted(head, entry.uncompressedSize);
      }
    }
  } finally {
    stream.destroy();
  }
  if (crc !== entry.crc32) throw new Failure('imaging.zipDamaged', 'the checksum of an entry is wrong');
  return Buffer.concat(chunks);
}

function refuseUnwanted(head: Buffer, size: number): void {
  if (isZip(head)) {
    if (size > importLimits.nestedZipBytes)
      throw new Failure('imaging.tooLarge', 'an archive inside an archive is too large');
    return;
  }
  if (!hasPrefix(head) && readHeader(head, true) === null) throw new Failure('imaging.notDicom', 'no DICOM');
  if (size > importLimits.objectBytes) throw new Failure('imaging.tooLarge', 'the object is too large');
}
