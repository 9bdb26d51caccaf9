import { readSync } from 'node:fs';
import { importLimits } from './importLimits.ts';

/** Reads a file into `buffer` from its byte `start` on, which is also where they lie there. Returns where the bytes end. */
export function readFrom(descriptor: number, buffer: Buffer, start: number): number {
  let done = start;
  while (done < buffer.length) {
    const read = readSync(descriptor, buffer, done, Math.min(buffer.length - done, 1024 ** 3), done);
    if (read === 0) break;
    done += read;
  }
  return done;
}

/** How long the head of a file of `size` bytes is. */
export function headLength(size: number): number {
  return Math.min(importLimits.headBytes, size);
}

/**
 * The first bytes of a file that is said to have `size`: what was read of them and nothing else. A file that has shrunk
 * since gives fewer; what lay in this memory before must not be taken for its signature.
 */
export function readHead(descriptor: number, size: number): Buffer {
  const head = Buffer.allocUnsafe(headLength(size));
  return head.subarray(0, readFrom(descriptor, head, 0));
}
