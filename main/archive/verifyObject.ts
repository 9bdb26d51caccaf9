import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { Failure } from '../../app/shared/failure.ts';
import type { ArchiveAccess } from './archive.ts';
import { chunkPlace, headerBytes, openChunk, openHeader, storedBytes, verifyChunk } from './objectFormat.ts';

/** Reads the bytes at `position`, or as many as there are. */
export function readFully(descriptor: number, length: number, position: number): Buffer {
  return readInto(Buffer.allocUnsafe(length), descriptor, length, position);
}

/** For those who never let go of the thread with bytes in it: most objects in one call. */
const piece = Buffer.allocUnsafeSlow(1024 * 1024);

/** The same, in a buffer that the next call uses again: for bytes that are done with before this thread does anything else. */
export function readBriefly(descriptor: number, length: number, position: number): Buffer {
  return length > piece.length
    ? readFully(descriptor, length, position)
    : readInto(piece, descriptor, length, position);
}

function readInto(bytes: Buffer, descriptor: number, length: number, position: number): Buffer {
  let done = 0;
  while (done < length) {
    const read = readSync(descriptor, bytes, done, length - done, position + done);
    if (read === 0) break;
    done += read;
  }
  return bytes.subarray(0, done);
}

/** A file that is not there, authentication that fails, a sector that no longer reads (EIO): all mean "write it anew". */
function isLost(error: unknown): boolean {
  if (error instanceof Failure) return error.code === 'storage.objectDamaged';
  return ['ENOENT', 'EIO'].includes((error as NodeJS.ErrnoException).code ?? '');
}

/**
 * True when the file holds the object whole, every byte authenticated: a length alone says nothing of a medium that
 * forgets. About 1 GB/s; blocks the thread.
 */
export function isIntact(access: ArchiveAccess, name: string, path: string, plainBytes: number): boolean {
  let descriptor: number;
  try {
    descriptor = openSync(path, 'r');
  } catch (error) {
    if (isLost(error)) return false;
    throw error;
  }
  try {
    const { size } = fstatSync(descriptor);
    if (size !== storedBytes(plainBytes)) return false;
    let begin = 0;
    let ahead = readInto(piece, descriptor, Math.min(size, piece.length), 0);
    const read = (length: number, offset: number): Buffer => {
      if (offset + length > begin + ahead.length) {
        begin = offset;
        ahead = readInto(piece, descriptor, Math.min(size - offset, piece.length), offset);
      }
      return ahead.subarray(offset - begin, offset - begin + length);
    };
    const object = openHeader(access, name, read(headerBytes, 0), size);
    for (let index = 0; index < object.chunks; index += 1) verifyChunk(object, index, read);
    return true;
  } catch (error) {
    if (isLost(error)) return false;
    throw error;
  } finally {
    closeSync(descriptor);
  }
}

/** The same, a chunk (at most 8 MiB) between two turns of the loop. */
export async function isIntactLater(
  access: ArchiveAccess,
  name: string,
  path: string,
  plainBytes: number,
): Promise<boolean> {
  try {
    return (await verifyFile(access, name, path)).bytes === storedBytes(plainBytes);
  } catch (error) {
    if (isLost(error)) return false;
    throw error;
  }
}

/**
 * Reads the file of object `name`, wherever it lies, and authenticates every byte of it, a chunk between two turns of
 * the loop.
 *
 * @returns the file's length and the SHA-256 of its bytes as they lie there, lower-case hex
 * @throws Failure('storage.objectDamaged'), or what the system says of the file
 */
export async function verifyFile(
  access: ArchiveAccess,
  name: string,
  path: string,
): Promise<{ bytes: number; sha256: string }> {
  const handle = await open(path, 'r');
  try {
    const hash = createHash('sha256');
    const read = async (position: number, length: number): Promise<Buffer> => {
      const bytes = Buffer.allocUnsafe(length);
      let done = 0;
      while (done < length) {
        const { bytesRead } = await handle.read(bytes, done, length - done, position + done);
        if (bytesRead === 0) break;
        done += bytesRead;
      }
      hash.update(bytes.subarray(0, done));
      return bytes.subarray(0, done);
    };
    const { size } = await handle.stat();
    const object = openHeader(access, name, await read(0, headerBytes), size);
    for (let index = 0; index < object.chunks; index += 1) {
      const { offset, length } = chunkPlace(object, index);
      openChunk(object, index, await read(offset, length));
    }
    return { bytes: size, sha256: hash.digest('hex') };
  } finally {
    await handle.close();
  }
}
