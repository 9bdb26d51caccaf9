import { writeSync, writevSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';

/** A short write is not an error to the system (a full disk can give one): goes on until all is written or it fails. */
export async function writeAll(handle: FileHandle, pieces: Buffer[]): Promise<void> {
  const { bytesWritten } = await handle.writev(pieces);
  if (bytesWritten === pieces.reduce((sum, piece) => sum + piece.length, 0)) return;
  const rest = Buffer.concat(pieces).subarray(bytesWritten);
  for (let done = 0; done < rest.length; ) done += (await handle.write(rest, done)).bytesWritten;
}

/** The same on the spot. */
export function writeAllSync(descriptor: number, pieces: readonly Buffer[]): void {
  const written = writevSync(descriptor, pieces);
  if (written === pieces.reduce((sum, piece) => sum + piece.length, 0)) return;
  const rest = Buffer.concat(pieces).subarray(written);
  for (let done = 0; done < rest.length; ) done += writeSync(descriptor, rest, done);
}
