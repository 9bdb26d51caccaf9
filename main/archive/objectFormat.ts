import { createCipheriv, createDecipheriv, createHmac, type DecipherGCM, type Hmac, randomBytes } from 'node:crypto';
import { Failure } from '../../app/shared/failure.ts';
import type { ArchiveAccess, ObjectKind } from './archive.ts';

/**
 * The bytes of one archived object, version 1, little-endian:
 *
 * | at | length | what |
 * |----|--------|------|
 * | 0  | 4  | `SALA` |
 * | 4  | 1  | version, 1 |
 * | 5  | 1  | kind: 1 dicom, 2 statement, 3 document |
 * | 6  | 1  | layout: 0 whole, 1 chunks of 4 MiB |
 * | 7  | 1  | 0 |
 * | 8  | 8  | id of the key that wraps the object's own key |
 * | 16 | 8  | plain length |
 * | 24 | 12 | nonce of the wrap |
 * | 36 | 32 | the object's own key, AES-256-GCM under the archive's key; associated data: bytes 0…23 and the object's name |
 * | 68 | 16 | tag of the wrap |
 * | 84 |    | per chunk: ciphertext, then its 16-byte tag |
 *
 * Chunks: AES-256-GCM under the object's own random key (so a counter is a safe nonce), associated data: bytes 0…23, the
 * chunk's index and whether it is the last. Cutting, swapping, repeating or mixing chunks, headers or whole files fails
 * authentication. The scheme is STREAM (Hoang, Reyhanitabar, Rogaway, Vizár 2015).
 */
export const headerBytes = 84;
const fixedBytes = 24;
const tagBytes = 16;
const magic = Buffer.from('SALA', 'latin1');

/** Content up to this length is one chunk. */
export const wholeLimitBytes = 8 * 1024 * 1024;
export const chunkBytes = 4 * 1024 * 1024;

const kinds: readonly ObjectKind[] = ['dicom', 'statement', 'document'];

export interface ObjectHeader {
  readonly kind: ObjectKind;
  readonly plainBytes: number;
  readonly keyId: string;
  readonly chunkBytes: number;
  readonly chunks: number;
}

/** A header whose wrapped key was opened: what decrypts the chunks. */
export interface OpenedObject extends ObjectHeader {
  readonly fixed: Buffer;
  readonly objectKey: Buffer;
}

function damaged(why: string): Failure {
  return new Failure('storage.objectDamaged', `archived object damaged: ${why}`);
}

/** HMAC-SHA-256 of kind and content under the name key: 64 lower-case hex digits. */
export function objectName(access: ArchiveAccess, kind: ObjectKind, content: Uint8Array): string {
  return beginName(access, kind).update(content).digest('hex');
}

/** The same for content that comes in parts. */
export function beginName(access: ArchiveAccess, kind: ObjectKind): Hmac {
  return createHmac('sha256', access.nameKey).update(Buffer.of(kinds.indexOf(kind) + 1));
}

/** Bytes the object takes on the disk. */
export function storedBytes(plainBytes: number): number {
  const chunks = plainBytes <= wholeLimitBytes ? 1 : Math.ceil(plainBytes / chunkBytes);
  return headerBytes + plainBytes + chunks * tagBytes;
}

function nonceOf(index: number): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeUInt32BE(index, 8);
  return nonce;
}

function chunkAad(fixed: Buffer, index: number, last: boolean): Buffer {
  const aad = Buffer.alloc(fixedBytes + 5);
  fixed.copy(aad);
  aad.writeUInt32LE(index, fixedBytes);
  aad[fixedBytes + 4] = last ? 1 : 0;
  return aad;
}

function wrapAad(fixed: Buffer, name: string): Buffer {
  return Buffer.concat([fixed, Buffer.from(name, 'hex')]);
}

/** Encrypts one object: its header, and its chunks in their order, each once. */
export interface Sealing {
  readonly header: Buffer;
  readonly chunks: number;
  /** Plain bytes of chunk `index` lie from `index * chunkBytes` on. */
  readonly chunkBytes: number;
  /** Ciphertext and tag. */
  seal(index: number, plain: Uint8Array): [Buffer, Buffer];
  /** Forgets the object's key. */
  end(): void;
}

/** Begins to encrypt an object whose name and length are known, under a key of its own. */
export function openSealing(access: ArchiveAccess, kind: ObjectKind, name: string, plainBytes: number): Sealing {
  const layout = plainBytes <= wholeLimitBytes ? 0 : 1;
  const fixed = Buffer.alloc(fixedBytes);
  magic.copy(fixed);
  fixed[4] = 1;
  fixed[5] = kinds.indexOf(kind) + 1;
  fixed[6] = layout;
  fixed.write(access.keyId, 8, 8, 'hex');
  fixed.writeBigUInt64LE(BigInt(plainBytes), 16);
  const objectKey = randomBytes(32);
  const wrapNonce = randomBytes(12);
  const wrap = createCipheriv('aes-256-gcm', access.keyEncryptionKey, wrapNonce);
  wrap.setAAD(wrapAad(fixed, name));
  const wrappedKey = wrap.update(objectKey);
  wrap.final();
  const chunks = layout === 0 ? 1 : Math.ceil(plainBytes / chunkBytes);
  return {
    header: Buffer.concat([fixed, wrapNonce, wrappedKey, wrap.getAuthTag()]),
    chunks,
    chunkBytes: layout === 0 ? plainBytes : chunkBytes,
    seal(index, plain) {
      const cipher = createCipheriv('aes-256-gcm', objectKey, nonceOf(index));
      cipher.setAAD(chunkAad(fixed, index, index === chunks - 1));
      const sealed = cipher.update(plain);
      cipher.final();
      return [sealed, cipher.getAuthTag()];
    },
    end: () => void objectKey.fill(0),
  };
}

/** Encrypts content piece by piece: the header first, then each chunk's ciphertext and tag. */
export function* sealObject(
  access: ArchiveAccess,
  kind: ObjectKind,
  name: string,
  content: Uint8Array,
): Generator<Buffer> {
  const sealing = openSealing(access, kind, name, content.length);
  yield sealing.header;
  for (let index = 0; index < sealing.chunks; index += 1) {
    yield* sealing.seal(index, content.subarray(index * sealing.chunkBytes, (index + 1) * sealing.chunkBytes));
  }
  sealing.end();
}

/** Reads a header without opening its key. @throws Failure('storage.objectDamaged') */
export function parseHeader(bytes: Uint8Array): ObjectHeader {
  const header = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (header.length < headerBytes || !header.subarray(0, 4).equals(magic)) throw damaged('no header');
  if (header[4] !== 1) throw damaged('unknown version');
  const kind = kinds[(header[5] ?? 0) - 1];
  const plainBytes = Number(header.readBigUInt64LE(16));
  const layout = header[6];
  if (!kind || !Number.isSafeInteger(plainBytes) || layout !== (plainBytes <= wholeLimitBytes ? 0 : 1))
    throw damaged('bad header');
  const chunks = layout === 0 ? 1 : Math.ceil(plainBytes / chunkBytes);
  return {
    kind,
    plainBytes,
    keyId: header.toString('hex', 8, 16),
    chunkBytes: layout === 0 ? plainBytes : chunkBytes,
    chunks,
  };
}

/** Opens the object's own key. `fileBytes` is the length on the disk. @throws Failure('storage.objectDamaged') */
export function openHeader(access: ArchiveAccess, name: string, bytes: Uint8Array, fileBytes: number): OpenedObject {
  const header = parseHeader(bytes);
  if (fileBytes !== storedBytes(header.plainBytes)) throw damaged('wrong length');
  if (header.keyId !== access.keyId) throw damaged('made with another key');
  const raw = Buffer.from(bytes.buffer, bytes.byteOffset, headerBytes);
  const fixed = Buffer.from(raw.subarray(0, fixedBytes));
  try {
    const unwrap = createDecipheriv('aes-256-gcm', access.keyEncryptionKey, raw.subarray(24, 36));
    unwrap.setAAD(wrapAad(fixed, name));
    unwrap.setAuthTag(raw.subarray(68, 84));
    const objectKey = unwrap.update(raw.subarray(36, 68));
    unwrap.final();
    return { ...header, fixed, objectKey };
  } catch {
    throw damaged('its key does not open');
  }
}

/** Where chunk `index` lies in the file: ciphertext and tag together. */
export function chunkPlace(object: ObjectHeader, index: number): { offset: number; length: number } {
  const plain = Math.min(object.chunkBytes, object.plainBytes - index * object.chunkBytes);
  return { offset: headerBytes + index * (object.chunkBytes + tagBytes), length: plain + tagBytes };
}

function decipherChunk(object: OpenedObject, index: number): DecipherGCM {
  const decipher = createDecipheriv('aes-256-gcm', object.objectKey, nonceOf(index));
  decipher.setAAD(chunkAad(object.fixed, index, index === object.chunks - 1));
  return decipher;
}

const pieceBytes = 256 * 1024;

/**
 * Authenticates one chunk without holding it.
 *
 * @param read gives `length` bytes from `offset` of the file, or as many as there are; its answer is used up before the next call
 * @throws Failure('storage.objectDamaged')
 */
export function verifyChunk(
  object: OpenedObject,
  index: number,
  read: (length: number, offset: number) => Uint8Array,
): void {
  const { offset, length } = chunkPlace(object, index);
  const end = offset + length - tagBytes;
  const decipher = decipherChunk(object, index);
  for (let at = offset; at < end; at += pieceBytes) decipher.update(read(Math.min(pieceBytes, end - at), at));
  try {
    decipher.setAuthTag(read(tagBytes, end));
    decipher.final();
  } catch {
    throw damaged('content does not match its tag');
  }
}

/** The plain bytes of one chunk. @throws Failure('storage.objectDamaged') */
export function openChunk(object: OpenedObject, index: number, sealed: Uint8Array): Buffer {
  if (sealed.length !== chunkPlace(object, index).length) throw damaged('cut short');
  try {
    const decipher = decipherChunk(object, index);
    decipher.setAuthTag(sealed.subarray(sealed.length - tagBytes));
    const plain = decipher.update(sealed.subarray(0, sealed.length - tagBytes));
    decipher.final();
    return plain;
  } catch {
    throw damaged('content does not match its tag');
  }
}
