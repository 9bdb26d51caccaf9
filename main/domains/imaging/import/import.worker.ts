import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import yauzl from 'yauzl';
import { Failure } from '../../../../app/shared/failure.ts';
import { openArchive } from '../../../archive/openArchive.ts';
import { hasPrefix, readHeader } from '../../../dicom/part10.ts';
import { faultText } from '../../../platform/faultText.ts';
import { readDicomdir } from './dicomdir.ts';
import { examineObject } from './examineObject.ts';
import { importLimits } from './importLimits.ts';
import {
  type FromImportWorker,
  type ImportWorkerData,
  type ItemResult,
  type ToImportWorker,
  type WorkItem,
  workerCredit,
} from './importMessages.ts';
import { headLength, readFrom, readHead } from './readHead.ts';
import { openWorkNote } from './workNote.ts';
import { isZip, openZipBudget, readZip } from './zipEntries.ts';

/**
 * Reads files, examines them, encrypts them into the archive and posts what came of each. Nothing of a file is ever
 * written but into the archive. The thread that started this one writes the rows.
 */
const { archiveAccess, note } = workerData as ImportWorkerData;
const archive = openArchive(archiveAccess, { writesInPlace: true });
const cancelled = new Set<number>();
const noted = openWorkNote(note);

/** The archive failed, not the file: the import stops. */
class StoreTrouble extends Error {}

/** Lets so many bytes and so many objects be worked on at once; the rest wait their turn. */
function openGate(mostCount: number, mostBytes: number) {
  let count = 0;
  let bytes = 0;
  const waiting: (() => void)[] = [];
  return {
    async enter(size: number): Promise<void> {
      while (count > 0 && (count >= mostCount || bytes + size > mostBytes))
        await new Promise<void>((resolve) => waiting.push(resolve));
      count += 1;
      bytes += size;
    },
    leave(size: number): void {
      count -= 1;
      bytes -= size;
      for (const wake of waiting.splice(0)) wake();
    },
  };
}

/**
 * Buffers of objects that are dealt with, for the next ones: a new one for each costs page faults and drives the
 * garbage collector. Only those up to a few megabytes are kept.
 */
function openBuffers(longestKept: number, mostKept: number) {
  const free: Buffer[] = [];
  return {
    /** At least `size` bytes, whatever lay there before. */
    take(size: number): Buffer {
      const index = free.findIndex((buffer) => buffer.length >= size);
      if (index >= 0) return free.splice(index, 1)[0] as Buffer;
      const step = 256 * 1024;
      return Buffer.allocUnsafeSlow(size > longestKept ? size : Math.ceil(size / step) * step);
    },
    give(buffer: Buffer): void {
      if (buffer.length > longestKept) return;
      free.push(buffer);
      // Small ones go first: the next object is most often as long as the last.
      if (free.length > mostKept) free.shift();
    },
  };
}

const buffers = openBuffers(4 * 1024 ** 2, importLimits.parallelObjects);
const objects = openGate(importLimits.parallelObjects, importLimits.parallelBytes);
let credit = workerCredit;
const forCredit: (() => void)[] = [];

function post(message: FromImportWorker): void {
  parentPort?.postMessage(message);
}

async function postResult(itemId: number, result: ItemResult): Promise<void> {
  while (credit <= 0) await new Promise<void>((resolve) => forCredit.push(resolve));
  credit -= 1;
  post({ type: 'result', itemId, result });
}

function reject(itemId: number, path: string, reason: string, bytes: number): Promise<void> {
  return postResult(itemId, { kind: 'rejected', path, reason, bytes });
}

/**
 * Examines and archives one object; `ordinal` is its place in the item. Failures of the file become its result.
 *
 * @throws StoreTrouble
 */
async function keep(itemId: number, ordinal: number, path: string, bytes: Uint8Array): Promise<void> {
  let examined: ReturnType<typeof examineObject>;
  try {
    examined = noted(itemId, ordinal, bytes.length, () => examineObject(bytes));
  } catch (error) {
    // Whatever a hostile file makes a parser throw, the file is what is wrong.
    await reject(itemId, path, error instanceof Failure ? error.code : 'imaging.notDicom', bytes.length);
    return;
  }
  let name: string;
  try {
    ({ name } = await archive.put('dicom', bytes));
  } catch (error) {
    throw new StoreTrouble('the archive could not take an object', { cause: error });
  }
  await postResult(itemId, { kind: 'object', path, object: { ...examined, objectName: name, bytes: bytes.length } });
}

/** What the system says of a file that it can't open or read; not of this program, which may have too many files open. */
function isUnreadable(error: unknown): boolean {
  const { code, syscall } = error as NodeJS.ErrnoException;
  return syscall !== undefined && code !== undefined && !['EMFILE', 'ENFILE', 'ENOMEM', 'EBADF'].includes(code);
}

async function importFile(itemId: number, runId: number, path: string, skip: readonly number[]): Promise<void> {
  let descriptor: number | null = null;
  let taken: { buffer: Buffer; size: number } | null = null;
  try {
    let bytes: Uint8Array;
    try {
      // Without O_NONBLOCK opening a named pipe would wait for its writer for ever.
      descriptor = noted(itemId, 0, 0, () => openSync(path, constants.O_RDONLY | constants.O_NONBLOCK));
      const source = descriptor;
      const stat = fstatSync(source);
      if (!stat.isFile()) return await reject(itemId, path, 'imaging.pathUnreadable', 0);
      if (stat.size === 0) return await reject(itemId, path, 'imaging.emptyFile', 0);
      const head = noted(itemId, 0, headLength(stat.size), () => readHead(source, stat.size));
      if (isZip(head)) return await importZip(itemId, runId, path, source, stat.size, skip);
      const isDicom = noted(itemId, 0, head.length, () => hasPrefix(head) || readHeader(head, true) !== null);
      if (!isDicom) return await reject(itemId, path, 'imaging.notDicom', stat.size);
      if (stat.size > importLimits.objectBytes) return await reject(itemId, path, 'imaging.tooLarge', stat.size);
      await objects.enter(stat.size);
      if (cancelled.has(runId)) return objects.leave(stat.size);
      taken = { buffer: buffers.take(stat.size), size: stat.size };
      const whole = taken.buffer.subarray(0, stat.size);
      head.copy(whole);
      bytes = whole.subarray(
        0,
        noted(itemId, 0, stat.size, () => readFrom(source, whole, head.length)),
      );
    } catch (error) {
      if (!isUnreadable(error)) throw error;
      // A medium that fails half way (EIO), a file that may not be read: the file's trouble, not the import's.
      return await reject(itemId, path, 'imaging.pathUnreadable', 0);
    }
    await keep(itemId, 0, path, bytes);
  } finally {
    if (taken) {
      buffers.give(taken.buffer);
      objects.leave(taken.size);
    }
    if (descriptor !== null) closeSync(descriptor);
  }
}

async function importZip(
  itemId: number,
  runId: number,
  path: string,
  source: number | Buffer,
  size: number,
  skip: readonly number[],
): Promise<void> {
  const options = { decodeStrings: false, validateEntrySizes: true, autoClose: false };
  let zip: yauzl.ZipFile;
  try {
    zip =
      typeof source === 'number'
        ? await yauzl.fromFdPromise(source, options)
        : await yauzl.fromBufferPromise(source, options);
  } catch {
    return reject(itemId, path, 'imaging.zipDamaged', size);
  }
  const running = new Set<Promise<void>>();
  let trouble: unknown = null;
  let ordinal = 0;
  await readZip(zip, path, 1, openZipBudget(size), {
    cancelled: () => cancelled.has(runId) || trouble !== null,
    rejected: (entryPath, reason, bytes) => reject(itemId, entryPath, reason, bytes),
    async object(entryPath, bytes) {
      ordinal += 1;
      if (skip.includes(ordinal)) return reject(itemId, entryPath, 'imaging.tookTooLong', bytes.length);
      await objects.enter(bytes.length);
      const work = keep(itemId, ordinal, entryPath, bytes)
        .catch((error: unknown) => {
          trouble ??= error;
        })
        .finally(() => {
          objects.leave(bytes.length);
          running.delete(work);
        });
      running.add(work);
    },
  });
  await Promise.all(running);
  if (trouble !== null) throw trouble;
}

async function importBytes(
  itemId: number,
  runId: number,
  path: string,
  bytes: Buffer,
  skip: readonly number[],
): Promise<void> {
  if (bytes.length === 0) return reject(itemId, path, 'imaging.emptyFile', 0);
  if (isZip(bytes)) return importZip(itemId, runId, path, bytes, bytes.length, skip);
  await objects.enter(bytes.length);
  try {
    if (!cancelled.has(runId)) await keep(itemId, 0, path, bytes);
  } finally {
    objects.leave(bytes.length);
  }
}

async function followDicomdir(itemId: number, path: string, follow: boolean): Promise<void> {
  let references: ReturnType<typeof readDicomdir>;
  try {
    references = noted(itemId, 0, importLimits.dicomdirBytes, () => readDicomdir(path));
  } catch (error) {
    const reason = isUnreadable(error) ? 'imaging.pathUnreadable' : 'imaging.notDicom';
    return reject(itemId, path, error instanceof Failure ? error.code : reason, 0);
  }
  for (const reference of references) {
    if (reference.kind === 'refused') await reject(itemId, reference.path, reference.reason, 0);
    else if (follow) await postResult(itemId, { kind: 'reference', path: reference.path });
  }
}

let lastTurn: Promise<void> = Promise.resolve();

/**
 * Resolves on a turn of the loop that no other item starts on. Items given together would else be worked one after the
 * other before the word that their run is cancelled, which came after them, is heard.
 */
function ownTurn(): Promise<void> {
  lastTurn = lastTurn.then(() => new Promise((resolve) => setImmediate(resolve)));
  return lastTurn;
}

async function runItem(itemId: number, runId: number, item: WorkItem, skip: readonly number[]): Promise<void> {
  let failure: string | null = null;
  let trouble: string | null = null;
  try {
    await ownTurn();
    if (!cancelled.has(runId)) {
      if (item.kind === 'file') await importFile(itemId, runId, item.path, skip);
      else if (item.kind === 'dicomdir') await followDicomdir(itemId, item.path, item.follow);
      else await importBytes(itemId, runId, item.path, Buffer.from(item.bytes), skip);
    }
  } catch (error) {
    if (error instanceof StoreTrouble) {
      const { cause } = error;
      failure = cause instanceof Failure ? cause.code : 'jobs.failed';
      if (!(cause instanceof Failure)) trouble = faultText(cause);
    } else {
      // A fault of this program: this file is listed with it, the log says where, and the rest goes on.
      trouble = error instanceof Failure ? error.code : faultText(error);
      await reject(itemId, item.path, 'imaging.importFault', 0);
    }
  }
  post({ type: 'done', itemId, failure, trouble });
}

parentPort?.on('message', (message: ToImportWorker) => {
  switch (message.type) {
    case 'item':
      void runItem(message.itemId, message.runId, message.item, message.skip);
      break;
    case 'cancel':
      cancelled.add(message.runId);
      break;
    case 'credit':
      credit += message.count;
      for (const wake of forCredit.splice(0)) wake();
      break;
  }
});
