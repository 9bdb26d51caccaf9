import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import type { ArchiveAccess, ObjectKind } from './archive.ts';
import { mapFailure } from './archiveFailure.ts';
import { beginName, openSealing } from './objectFormat.ts';
import { writeAll } from './writePieces.ts';

/**
 * Content on its way into the archive that is too long for memory. It lies in the archive's folder for temporary files,
 * in pieces of 1 MiB encrypted under a key that is nowhere but in this process's memory; the archive's own form needs the
 * whole length and the name, which are only known at the end. A process that dies leaves nothing that anyone could read.
 */
export interface Spool {
  readonly kind: ObjectKind;
  /** Bytes appended so far. */
  readonly bytes: number;
  /** Of all that was appended; nothing may be appended after it was asked for. */
  readonly name: string;
  /** @throws Failure('storage.diskFull') */
  append(part: Uint8Array): Promise<void>;
  /** Part of what was appended. */
  read(start: number, end: number): Promise<Buffer>;
  /** Removes it; once is enough. */
  close(): Promise<void>;
}

const pieceBytes = 1024 * 1024;
const tagBytes = 16;
const sealedBytes = pieceBytes + tagBytes;

function nonceOf(index: number): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeUInt32BE(index, 8);
  return nonce;
}

export async function openSpool(access: ArchiveAccess, kind: ObjectKind, path: string): Promise<Spool> {
  const key = randomBytes(32);
  const handle = await open(path, 'wx+', 0o600);
  const hmac = beginName(access, kind);
  const filling = Buffer.allocUnsafeSlow(pieceBytes);
  let filled = 0;
  let pieces = 0;
  let name: string | null = null;
  let closed = false;

  async function flush(): Promise<void> {
    const cipher = createCipheriv('aes-256-gcm', key, nonceOf(pieces));
    const sealed = cipher.update(filling.subarray(0, filled));
    cipher.final();
    await writeAll(handle, [sealed, cipher.getAuthTag()]);
    pieces += 1;
    filled = 0;
  }

  async function readPiece(index: number): Promise<Buffer> {
    const sealed = Buffer.allocUnsafe(sealedBytes);
    for (let done = 0; done < sealedBytes; ) {
      const { bytesRead } = await handle.read(sealed, done, sealedBytes - done, index * sealedBytes + done);
      if (bytesRead === 0) throw new Error('a spool is shorter than what was written');
      done += bytesRead;
    }
    const decipher = createDecipheriv('aes-256-gcm', key, nonceOf(index));
    decipher.setAuthTag(sealed.subarray(pieceBytes));
    const plain = decipher.update(sealed.subarray(0, pieceBytes));
    decipher.final();
    return plain;
  }

  return {
    kind,
    get bytes() {
      return pieces * pieceBytes + filled;
    },
    get name() {
      name ??= hmac.digest('hex');
      return name;
    },
    async append(part) {
      hmac.update(part);
      for (let at = 0; at < part.length; ) {
        const taken = Math.min(pieceBytes - filled, part.length - at);
        filling.set(part.subarray(at, at + taken), filled);
        filled += taken;
        at += taken;
        // Only whole pieces are written: the last one stays here.
        if (filled === pieceBytes) await mapped(flush());
      }
    },
    async read(start, end) {
      const parts: Buffer[] = [];
      for (let at = start; at < end; ) {
        const index = Math.floor(at / pieceBytes);
        const from = at - index * pieceBytes;
        const to = Math.min(pieceBytes, end - index * pieceBytes);
        const piece = index < pieces ? await mapped(readPiece(index)) : filling.subarray(0, filled);
        if (to > piece.length) throw new RangeError('range outside the spool');
        // A copy of what still fills up.
        parts.push(index < pieces ? piece.subarray(from, to) : Buffer.from(piece.subarray(from, to)));
        at = index * pieceBytes + to;
      }
      return parts.length === 1 && parts[0] ? parts[0] : Buffer.concat(parts);
    },
    async close() {
      if (closed) return;
      closed = true;
      key.fill(0);
      filling.fill(0);
      await handle.close();
      await rm(path, { force: true });
    },
  };
}

async function mapped<Result>(work: Promise<Result>): Promise<Result> {
  try {
    return await work;
  } catch (error) {
    throw mapFailure(error);
  }
}

/** Writes a spool's content to `path` in the archive's own form, fsynced; at most a chunk of it is in memory. */
export async function writeSpooled(access: ArchiveAccess, spool: Spool, path: string): Promise<void> {
  const sealing = openSealing(access, spool.kind, spool.name, spool.bytes);
  const handle = await open(path, 'wx', 0o600);
  try {
    await writeAll(handle, [sealing.header]);
    for (let index = 0; index < sealing.chunks; index += 1) {
      const start = index * sealing.chunkBytes;
      const plain = await spool.read(start, Math.min(spool.bytes, start + sealing.chunkBytes));
      await writeAll(handle, sealing.seal(index, plain));
    }
    await handle.sync();
  } finally {
    sealing.end();
    await handle.close();
  }
}
