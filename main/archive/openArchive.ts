import { type Hmac, randomUUID } from 'node:crypto';
import { closeSync, fstatSync, fsyncSync, mkdirSync, openSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Failure } from '../../app/shared/failure.ts';
import type { Archive, ArchiveAccess, ObjectKind, StoredObject } from './archive.ts';
import { mapFailure } from './archiveFailure.ts';
import { openLandings, syncDirectory, syncLater } from './directorySync.ts';
import {
  beginName,
  chunkPlace,
  headerBytes,
  type OpenedObject,
  objectName,
  openChunk,
  openHeader,
  sealObject,
  wholeLimitBytes,
} from './objectFormat.ts';
import { openSpool, type Spool, writeSpooled } from './spool.ts';
import { isIntact, isIntactLater, readBriefly, readFully } from './verifyObject.ts';
import { writeAll, writeAllSync } from './writePieces.ts';

/** An object whose bytes are on the disk, fsynced, under a name that does not count yet. One of `land` and `drop` follows. */
export interface PreparedObject {
  readonly object: StoredObject;
  /** Gives the object its name, fsynced with its folder: from now on it is in the archive. */
  land(): void;
  /** Removes what was written. */
  drop(): void;
}

/** The archive as its own thread sees it: also synchronous, for workers that have nothing else to do. */
export interface ThreadArchive extends Archive {
  /** Archives many objects of one kind, several at once, sharing folder fsyncs. Same promise as `put` for all of them. */
  putMany(kind: ObjectKind, contents: readonly Uint8Array[]): Promise<StoredObject[]>;
  putSync(kind: ObjectKind, content: Uint8Array): StoredObject;
  /** Begins the name of content while it still comes in: give it every part, and the digest to `putNamed`. */
  beginName(kind: ObjectKind): Hmac;
  /** `put` of content whose name is known; `inPlace` blocks this thread until it is done. */
  putNamed(kind: ObjectKind, content: Uint8Array, name: string, inPlace: boolean): Promise<StoredObject>;
  /** The first half of `putSync`, for what must only count after something else is committed. */
  prepareSync(kind: ObjectKind, content: Uint8Array): PreparedObject;
  getSync(name: string): Uint8Array;
  getRangeSync(name: string, start: number, end: number): Uint8Array;
  /** Begins content that is too long to be held in memory: it comes in parts and lies encrypted until `putSpool`. */
  openSpool(kind: ObjectKind): Promise<Spool>;
  /** Archives what a spool holds, with the promise of `put`, and closes it. */
  putSpool(spool: Spool): Promise<StoredObject>;
  /** Names of every object on the disk, damaged ones too. */
  names(): AsyncIterable<string>;
  /** Kind and plain length, from the header. */
  find(name: string): StoredObject | null;
}

const temporaryFolder = 'incoming';
const parallelWrites = 16;
const keptHeaders = 64;

function folderNames(): string[] {
  return Array.from({ length: 256 }, (_, index) => index.toString(16).padStart(2, '0'));
}

/** Makes the archive's folders, durable, where they are missing. All 256 at once: no put ever has to make one. */
export function createArchiveFolders(directory: string): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const present = new Set(readdirSync(directory));
  let made = false;
  for (const folder of [temporaryFolder, ...folderNames()]) {
    if (present.has(folder)) continue;
    mkdirSync(join(directory, folder), { recursive: true, mode: 0o700 });
    made = true;
  }
  if (made) syncDirectory(directory);
}

/** Removes what a killed process left half written. Only the one core of a store may call it, before anything writes. */
export function sweepTemporaryFiles(directory: string): number {
  const folder = join(directory, temporaryFolder);
  const left = readdirSync(folder);
  for (const name of left) rmSync(join(folder, name), { force: true });
  return left.length;
}

/**
 * Opens the archive on this thread. Any number of threads may have the same archive open: objects are immutable and
 * appear by rename.
 *
 * @param options.writesInPlace for a worker thread that has nothing else to do: `put` then opens, writes and renames on
 *   the spot and gives only its fsyncs to the thread pool, whose round trips cost more than those calls (measured:
 *   five of seven for each object)
 */
export function openArchive(access: ArchiveAccess, options: { writesInPlace?: boolean } = {}): ThreadArchive {
  const writesInPlace = options.writesInPlace ?? false;
  const land = openLandings(writesInPlace);
  const headers = new Map<string, OpenedObject>();

  function folderOf(name: string): string {
    if (!/^[0-9a-f]{64}$/.test(name)) throw new Failure('storage.objectMissing', 'not an archive name');
    return join(access.directory, name.slice(0, 2));
  }
  const pathOf = (name: string): string => join(folderOf(name), name);
  const temporaryPath = (): string => join(access.directory, temporaryFolder, randomUUID());

  async function writeLater(temporary: string, kind: ObjectKind, name: string, content: Uint8Array): Promise<void> {
    const handle = await open(temporary, 'wx', 0o600);
    try {
      if (content.length <= wholeLimitBytes) await writeAll(handle, [...sealObject(access, kind, name, content)]);
      else for (const piece of sealObject(access, kind, name, content)) await writeAll(handle, [piece]);
      await handle.sync();
    } finally {
      await handle.close();
    }
  }

  async function writeInPlace(temporary: string, kind: ObjectKind, name: string, content: Uint8Array): Promise<void> {
    const descriptor = openSync(temporary, 'wx', 0o600);
    try {
      if (content.length <= wholeLimitBytes) writeAllSync(descriptor, [...sealObject(access, kind, name, content)]);
      else for (const piece of sealObject(access, kind, name, content)) writeAllSync(descriptor, [piece]);
      await syncLater(descriptor);
    } finally {
      closeSync(descriptor);
    }
  }

  async function put(
    kind: ObjectKind,
    content: Uint8Array,
    name = objectName(access, kind, content),
  ): Promise<StoredObject> {
    const stored: StoredObject = { name, kind, bytes: content.length };
    const path = pathOf(name);
    try {
      // The caller may throw its own copy away for this one: a file whose bytes no longer authenticate is written anew.
      const isThere = writesInPlace
        ? isIntact(access, name, path, content.length)
        : await isIntactLater(access, name, path, content.length);
      if (isThere) {
        await land(null, path);
      } else {
        const temporary = temporaryPath();
        try {
          if (writesInPlace) await writeInPlace(temporary, kind, name, content);
          else await writeLater(temporary, kind, name, content);
          await land(temporary, path);
          headers.delete(name);
        } catch (error) {
          await rm(temporary, { force: true });
          throw error;
        }
      }
      return stored;
    } catch (error) {
      throw mapFailure(error);
    }
  }

  async function putSpool(spool: Spool): Promise<StoredObject> {
    const { kind, name, bytes } = spool;
    const path = pathOf(name);
    try {
      if (await isIntactLater(access, name, path, bytes)) await land(null, path);
      else {
        const temporary = temporaryPath();
        try {
          await writeSpooled(access, spool, temporary);
          await land(temporary, path);
          headers.delete(name);
        } catch (error) {
          await rm(temporary, { force: true });
          throw error;
        }
      }
      return { name, kind, bytes };
    } catch (error) {
      throw mapFailure(error);
    } finally {
      // Whatever is left of it nobody can read, and the next start removes it: the object is there, or why not counts more.
      await spool.close().catch(() => undefined);
    }
  }

  function prepareSync(
    kind: ObjectKind,
    content: Uint8Array,
    name = objectName(access, kind, content),
  ): PreparedObject {
    const path = pathOf(name);
    const temporary = isIntact(access, name, path, content.length) ? null : temporaryPath();
    const drop = (): void => {
      if (temporary !== null) rmSync(temporary, { force: true });
    };
    try {
      if (temporary !== null) {
        const descriptor = openSync(temporary, 'wx', 0o600);
        try {
          for (const piece of sealObject(access, kind, name, content)) writeAllSync(descriptor, [piece]);
          fsyncSync(descriptor);
        } finally {
          closeSync(descriptor);
        }
      }
    } catch (error) {
      drop();
      throw mapFailure(error);
    }
    return {
      object: { name, kind, bytes: content.length },
      land() {
        try {
          if (temporary !== null) renameSync(temporary, path);
          headers.delete(name);
          syncDirectory(folderOf(name));
        } catch (error) {
          throw mapFailure(error);
        }
      },
      drop,
    };
  }

  function putSync(kind: ObjectKind, content: Uint8Array, name?: string): StoredObject {
    const prepared = prepareSync(kind, content, name);
    try {
      prepared.land();
    } catch (error) {
      prepared.drop();
      throw error;
    }
    return prepared.object;
  }

  async function putMany(kind: ObjectKind, contents: readonly Uint8Array[]): Promise<StoredObject[]> {
    const results: StoredObject[] = new Array(contents.length);
    let next = 0;
    async function worker(): Promise<void> {
      for (let index = next++; index < contents.length; index = next++) {
        results[index] = await put(kind, contents[index]!);
      }
    }
    await Promise.all(Array.from({ length: Math.min(parallelWrites, contents.length) }, worker));
    return results;
  }

  /** Opens an object's file and calls back with its opened header. */
  function withObject<Result>(name: string, work: (object: OpenedObject, descriptor: number) => Result): Result {
    let descriptor: number;
    try {
      descriptor = openSync(pathOf(name), 'r');
    } catch (error) {
      throw mapFailure(error);
    }
    try {
      let object = headers.get(name);
      if (!object) {
        object = openHeader(access, name, readFully(descriptor, headerBytes, 0), fstatSync(descriptor).size);
        if (headers.size >= keptHeaders) headers.delete(headers.keys().next().value!);
        headers.set(name, object);
      }
      return work(object, descriptor);
    } finally {
      closeSync(descriptor);
    }
  }

  /** The chunks that hold a range, and what to cut from each. */
  function chunksOf(object: OpenedObject, start: number, end: number): { index: number; from: number; to: number }[] {
    if (start < 0 || end > object.plainBytes || start > end) throw new RangeError('range outside the object');
    if (start === end && object.plainBytes > 0) return [];
    const size = Math.max(object.chunkBytes, 1);
    const parts: { index: number; from: number; to: number }[] = [];
    for (let index = Math.floor(start / size); index === 0 ? parts.length === 0 : index * size < end; index += 1) {
      parts.push({ index, from: Math.max(0, start - index * size), to: Math.min(size, end - index * size) });
    }
    return parts;
  }

  /** True when the object may have been written anew, with a key of its own, since this thread opened its header. */
  function forgets(name: string, error: unknown): boolean {
    return error instanceof Failure && error.code === 'storage.objectDamaged' && headers.delete(name);
  }

  function getRangeSync(name: string, start: number, end: number): Uint8Array {
    try {
      return readRange(name, start, end);
    } catch (error) {
      if (!forgets(name, error)) throw error;
      return readRange(name, start, end);
    }
  }

  function readRange(name: string, start: number, end: number): Uint8Array {
    return withObject(name, (object, descriptor) => {
      const pieces = chunksOf(object, start, end).map(({ index, from, to }) => {
        const place = chunkPlace(object, index);
        // Deciphering copies: what was read is done with.
        return openChunk(object, index, readBriefly(descriptor, place.length, place.offset)).subarray(from, to);
      });
      return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
    });
  }

  /** Reads without blocking the thread; at most one chunk (8 MiB) is decrypted between two turns of the loop. */
  async function getRange(name: string, start: number, end: number | null): Promise<Uint8Array> {
    try {
      return await readRangeLater(name, start, end);
    } catch (error) {
      if (!forgets(name, error)) throw error;
      return readRangeLater(name, start, end);
    }
  }

  async function readRangeLater(name: string, start: number, end: number | null): Promise<Uint8Array> {
    const object = withObject(name, (opened) => opened);
    const parts = chunksOf(object, start, end ?? object.plainBytes);
    const handle = await open(pathOf(name), 'r').catch((error) => {
      throw mapFailure(error);
    });
    try {
      const pieces: Buffer[] = [];
      for (const { index, from, to } of parts) {
        const place = chunkPlace(object, index);
        const sealed = Buffer.allocUnsafe(place.length);
        let read = 0;
        while (read < sealed.length) {
          const { bytesRead } = await handle.read(sealed, read, sealed.length - read, place.offset + read);
          if (bytesRead === 0) break;
          read += bytesRead;
        }
        pieces.push(openChunk(object, index, sealed.subarray(0, read)).subarray(from, to));
      }
      return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
    } finally {
      await handle.close();
    }
  }

  function getSync(name: string): Uint8Array {
    return getRangeSync(
      name,
      0,
      withObject(name, (object) => object.plainBytes),
    );
  }

  function find(name: string): StoredObject | null {
    try {
      return withObject(name, (object) => ({ name, kind: object.kind, bytes: object.plainBytes }));
    } catch (error) {
      if (error instanceof Failure && error.code === 'storage.objectMissing') return null;
      throw error;
    }
  }

  async function* names(): AsyncIterable<string> {
    for (const folder of folderNames()) {
      const entries = await readdir(join(access.directory, folder)).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return [];
        throw error;
      });
      for (const name of entries) if (/^[0-9a-f]{64}$/.test(name)) yield name;
    }
  }

  return {
    access,
    put: (kind, content) => put(kind, content),
    putMany,
    putSync: (kind, content) => putSync(kind, content),
    prepareSync: (kind, content) => prepareSync(kind, content),
    beginName: (kind) => beginName(access, kind),
    putNamed: async (kind, content, name, inPlace) =>
      inPlace ? putSync(kind, content, name) : put(kind, content, name),
    get: (name) => getRange(name, 0, null),
    getRange,
    getSync,
    getRangeSync,
    openSpool: (kind) =>
      openSpool(access, kind, temporaryPath()).catch((error: unknown) => {
        throw mapFailure(error);
      }),
    putSpool,
    find,
    names,
  };
}
