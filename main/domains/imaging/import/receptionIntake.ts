import { statfs } from 'node:fs/promises';
import type { MessagePort } from 'node:worker_threads';
import { Failure } from '../../../../app/shared/failure.ts';
import type { ArchiveAccess } from '../../../archive/archive.ts';
import { openArchive } from '../../../archive/openArchive.ts';
import type { Spool } from '../../../archive/spool.ts';
import type { InstanceHeader } from '../header/instanceHeader.ts';
import type { Outcome } from './arrived.ts';
import { type ExaminedObject, examineObject } from './examineObject.ts';
import { openReceptionBuffers } from './receptionBuffers.ts';
import { examineSpool } from './receptionExamine.ts';
import type { FromIntake, ToIntake } from './receptionMessages.ts';
import { hasSameDataset, hasSameDatasetInParts, type NetworkFacts, networkFileHead } from './receptionPart10.ts';

/** What became of one object. `code` says why it was refused; no refused object left anything behind. */
export type Taken = {
  readonly sopClassUid: string;
  readonly sopUid: string;
  readonly studyUid: string;
  readonly bytes: number;
} & (
  | { readonly outcome: Outcome }
  | {
      readonly outcome: 'refused';
      readonly reason: 'space' | 'mismatch' | 'unreadable' | 'tooLarge' | 'fault';
      readonly code: string;
    }
);

export interface IntakeLimits {
  /** Longest object, bytes. */
  readonly objectBytes: number;
  /** Longest object that is held in memory; a longer one goes through an encrypted spool. */
  readonly inMemoryBytes: number;
  /** All objects in memory together; whoever finds no room goes through the spool. */
  readonly memoryBytes: number;
  /** With less free space than this nothing is taken. */
  readonly leastFreeBytes: number;
}

export const usualIntakeLimits: IntakeLimits = {
  objectBytes: 2 * 1024 ** 3,
  inMemoryBytes: 16 * 1024 ** 2,
  memoryBytes: 128 * 1024 ** 2,
  leastFreeBytes: 1024 ** 3,
};

/**
 * Takes objects into the archive, in a worker thread: reads, examines, encrypts and fsyncs them there, then has their
 * rows committed by the thread that writes. What it calls imported, duplicate or conflict is on the disk and in the
 * index.
 */
export interface Intake {
  /**
   * A data set from a network; `studyUid` is the only study it may belong to. The rest of the stream is left unread when
   * the object is refused.
   */
  takeDataset(
    receptionId: string,
    facts: NetworkFacts,
    dataset: AsyncIterable<Uint8Array>,
    studyUid?: string,
  ): Promise<Taken>;
  /** A file (PS3.10), from a web request or a peer's archive; `studyUid` is the only study it may belong to. */
  takeFile(receptionId: string, bytes: AsyncIterable<Uint8Array>, studyUid?: string): Promise<Taken>;
  setLeastFree(bytes: number): void;
  /** Free space as it is now, less than `leastFreeBytes`: nothing is taken. */
  isNearlyFull(): Promise<boolean>;
}

/** The archive or the thread that writes cannot go on, not the object. */
class IntakeTrouble extends Error {
  readonly code: string;
  constructor(code: string) {
    super(`an object could not be kept: ${code}`);
    this.code = code;
  }
}

/** An object as it lies here: in a pooled buffer or in a spool. */
type Held = { readonly buffer: Buffer; readonly bytes: Buffer; readonly name: string } | { readonly spool: Spool };

const spaceLookMs = 200;
/** What was found under a UID counts so long. */
const freshMs = 1000;
/** Of a long object: the disk is looked at again after so many bytes. */
const spaceLookBytes = 16 * 1024 ** 2;
const firstGuessBytes = 256 * 1024;

export function openIntake(access: ArchiveAccess, port: MessagePort, given: Partial<IntakeLimits> = {}): Intake {
  const limits = { ...usualIntakeLimits, ...given };
  const archive = openArchive(access, { writesInPlace: true });
  const buffers = openReceptionBuffers(limits.memoryBytes);
  /** How long the last object of a reception was: the next is most often as long. */
  const guesses = new Map<string, number>();
  const asked = new Map<number, (answer: ToIntake) => void>();
  let nextId = 1;
  /** Objects that are being taken. */
  let underWay = 0;
  let leastFreeBytes = limits.leastFreeBytes;
  let space: { free: number; readonly atMs: number } | null = null;

  port.on('message', (answer: ToIntake) => {
    const settle = asked.get(answer.id);
    asked.delete(answer.id);
    settle?.(answer);
  });
  port.on('close', () => {
    for (const [id, settle] of asked) settle({ type: 'failed', id, code: 'jobs.interrupted' });
    asked.clear();
  });

  function ask(question: FromIntake): Promise<ToIntake> {
    return new Promise((resolve) => {
      asked.set(question.id, resolve);
      port.postMessage(question);
    });
  }

  async function isNearlyFull(): Promise<boolean> {
    const nowMs = performance.now();
    if (space === null || nowMs - space.atMs > spaceLookMs) {
      const { bavail, bsize } = await statfs(access.directory);
      space = { free: bavail * bsize, atMs: nowMs };
    }
    return space.free < leastFreeBytes;
  }

  /** Reads a stream to its end. @throws Failure('imaging.tooLarge'), what the stream throws, IntakeTrouble */
  async function hold(receptionId: string, head: Buffer, stream: AsyncIterable<Uint8Array>): Promise<Held> {
    let buffer = buffers.take(Math.max(head.length, guesses.get(receptionId) ?? firstGuessBytes));
    let spool: Spool | null = null;
    let length = 0;
    let unlooked = 0;
    // The archive's name is a hash of the content: taken while the peer still sends, it costs no time of its own.
    const name = archive.beginName('dicom');
    const spill = async (): Promise<Spool> => {
      const opened = await archive.openSpool('dicom').catch((error: unknown) => {
        throw troubleOf(error);
      });
      spool = opened;
      if (buffer) {
        await opened.append(buffer.subarray(0, length));
        buffers.give(buffer);
        buffer = null;
      }
      return opened;
    };
    const add = async (part: Uint8Array): Promise<void> => {
      if (length + part.length > limits.objectBytes) throw new Failure('imaging.tooLarge', 'the object is too large');
      if (buffer && length + part.length > buffer.length) {
        const wanted = Math.max(2 * buffer.length, length + part.length);
        const larger = wanted <= limits.inMemoryBytes ? buffers.take(wanted) : null;
        if (larger) {
          buffer.copy(larger, 0, 0, length);
          buffers.give(buffer);
          buffer = larger;
        } else if (length + part.length > buffer.length) await spill();
      }
      if (buffer) {
        buffer.set(part, length);
        name.update(part);
      } else {
        const target: Spool = spool ?? (await spill());
        try {
          await target.append(part);
        } catch (error) {
          throw troubleOf(error);
        }
      }
      length += part.length;
      unlooked += part.length;
      if (unlooked < spaceLookBytes) return;
      unlooked = 0;
      space = null;
      if (await isNearlyFull()) throw new IntakeTrouble('imaging.diskFull');
    };
    try {
      await add(head);
      for await (const part of stream) await add(part);
    } catch (error) {
      await release({ buffer, spool });
      throw error;
    }
    guesses.set(receptionId, length);
    if (guesses.size > 256) guesses.delete(guesses.keys().next().value as string);
    if (spool) return { spool };
    const whole = buffer as Buffer | null;
    if (!whole) throw new Error('an object is neither in memory nor in a spool');
    return { buffer: whole, bytes: whole.subarray(0, length), name: name.digest('hex') };
  }

  async function release({ buffer, spool }: { buffer?: Buffer | null; spool?: Spool | null }): Promise<void> {
    if (buffer) buffers.give(buffer);
    if (spool) await spool.close();
  }

  const lengthOf = (held: Held): number => ('spool' in held ? held.spool.bytes : held.bytes.length);

  /** True when the object that is here under this UID holds the same data set in another file. */
  async function isSameAs(objectName: string, held: Held): Promise<boolean> {
    const known = archive.find(objectName);
    // A meta group is some hundred bytes: files that differ by more hold other data sets.
    if (known === null || Math.abs(known.bytes - lengthOf(held)) > 16_384) return false;
    if ('spool' in held) {
      const read = (start: number, end: number) => archive.getRangeSync(objectName, start, end);
      return hasSameDatasetInParts(held.spool, { bytes: known.bytes, read });
    }
    return hasSameDataset(archive.getSync(objectName), held.bytes);
  }

  const find = (sopUid: string): Promise<ToIntake> => ask({ type: 'find', id: nextId++, sopUid });

  /** Archives what is held, unless it is here already, and has its rows written. */
  async function keep(receptionId: string, held: Held, examined: ExaminedObject, found: ToIntake): Promise<Outcome> {
    if (found.type === 'failed') throw new IntakeTrouble(found.code);
    const bytes = lengthOf(held);
    let objectName: string | null = null;
    for (const known of found.type === 'found' ? found.objectNames : []) {
      try {
        if (await isSameAs(known, held)) objectName = known;
        if (objectName !== null) break;
      } catch (error) {
        // What cannot be compared is kept beside it.
        if (!(error instanceof Failure)) throw error;
      }
    }
    try {
      if ('spool' in held) objectName ??= (await archive.putSpool(held.spool)).name;
      // Alone, nobody waits for this thread: three trips to the thread pool cost more than they would spare.
      else objectName ??= (await archive.putNamed('dicom', held.bytes, held.name, underWay === 1)).name;
    } catch (error) {
      throw troubleOf(error);
    }
    const object = { ...examined, objectName, bytes };
    const answer = await ask({ type: 'object', id: nextId++, receptionId, object });
    if (answer.type === 'written') return answer.outcome;
    throw new IntakeTrouble(answer.type === 'failed' ? answer.code : 'jobs.failed');
  }

  async function take(
    receptionId: string,
    head: Buffer,
    stream: AsyncIterable<Uint8Array>,
    check: (header: InstanceHeader) => void,
    claimedUid?: string,
  ): Promise<Taken> {
    const about = { sopClassUid: '', sopUid: '', studyUid: '', bytes: 0 };
    const refuse = (reason: Extract<Taken, { outcome: 'refused' }>['reason'], code: string): Taken => ({
      ...about,
      outcome: 'refused',
      reason,
      code,
    });
    if (await isNearlyFull()) return refuse('space', 'imaging.diskFull');
    let held: Held | null = null;
    underWay += 1;
    // Where the sender names it first, it is looked up while the object still comes.
    const claim = claimedUid === undefined ? null : { atMs: performance.now(), found: find(claimedUid) };
    try {
      try {
        held = await hold(receptionId, head, stream);
      } catch (error) {
        if (error instanceof Failure && error.code === 'imaging.tooLarge') return refuse('tooLarge', error.code);
        throw error;
      }
      about.bytes = lengthOf(held);
      let examined: ExaminedObject;
      try {
        examined = 'spool' in held ? await examineSpool(held.spool) : examineObject(held.bytes);
      } catch (error) {
        // Whatever a hostile object makes a parser throw, the object is what is wrong.
        return refuse('unreadable', error instanceof Failure ? error.code : 'imaging.notDicom');
      }
      about.sopUid = examined.header.sopUid;
      about.sopClassUid = examined.header.sopClassUid;
      about.studyUid = examined.header.studyUid;
      try {
        check(examined.header);
      } catch (error) {
        if (error instanceof Failure) return refuse('mismatch', error.code);
        throw error;
      }
      // Between two looks at the disk what was taken counts.
      if (space) space.free -= about.bytes;
      // What took long to come may have come another way meanwhile.
      const isFresh = claim !== null && performance.now() - claim.atMs < freshMs;
      const found = await (isFresh ? claim.found : find(about.sopUid));
      return { ...about, outcome: await keep(receptionId, held, examined, found) };
    } catch (error) {
      if (!(error instanceof IntakeTrouble)) throw error;
      // A full disk is looked at again before the next object.
      space = null;
      if (error.code === 'storage.diskFull' || error.code === 'imaging.diskFull')
        return refuse('space', 'imaging.diskFull');
      return refuse('fault', error.code);
    } finally {
      underWay -= 1;
      // `putSpool` has closed it already where it came that far; closing twice is safe.
      if (held) await release(held);
    }
  }

  return {
    takeDataset(receptionId, facts, dataset, studyUid) {
      const check = (header: InstanceHeader): void => {
        if (header.sopUid !== facts.sopInstanceUid || header.sopClassUid !== facts.sopClassUid)
          throw new Failure('exchange.doesNotMatch', 'the object is another one than its command says');
        if (studyUid !== undefined && header.studyUid !== studyUid)
          throw new Failure('exchange.doesNotMatch', 'the object belongs to another study');
      };
      return take(receptionId, networkFileHead(facts), dataset, check, facts.sopInstanceUid);
    },
    takeFile(receptionId, bytes, studyUid) {
      return take(receptionId, Buffer.alloc(0), bytes, (header) => {
        if (studyUid !== undefined && header.studyUid !== studyUid)
          throw new Failure('exchange.doesNotMatch', 'the object belongs to another study');
      });
    },
    setLeastFree(bytes) {
      leastFreeBytes = bytes;
      space = null;
    },
    isNearlyFull,
  };
}

function troubleOf(error: unknown): unknown {
  if (error instanceof Failure) return new IntakeTrouble(error.code);
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOSPC' || code === 'EDQUOT' ? new IntakeTrouble('storage.diskFull') : error;
}
