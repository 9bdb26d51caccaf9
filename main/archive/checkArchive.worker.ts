import { parentPort, workerData } from 'node:worker_threads';
import { Failure } from '../../app/shared/failure.ts';
import type { ArchiveAccess } from './archive.ts';
import { openArchive } from './openArchive.ts';

export interface CheckArchiveData {
  readonly access: ArchiveAccess;
  /** Names the index holds. */
  readonly names: readonly string[];
  /** Objects are read in full until this many bytes were read; of the rest the header and the length are checked. */
  readonly fullBytes: number;
}

export interface ArchiveCheck {
  readonly present: number;
  readonly missing: number;
  readonly damaged: number;
  readonly readInFull: number;
}

/** Checks each object an index names: a thread of its own, because it reads and decrypts for seconds. */
function checkArchive({ access, names, fullBytes }: CheckArchiveData): ArchiveCheck {
  const archive = openArchive(access);
  let present = 0;
  let missing = 0;
  let damaged = 0;
  let readInFull = 0;
  let left = fullBytes;
  for (const name of names) {
    try {
      const object = archive.find(name);
      if (object === null) {
        missing += 1;
        continue;
      }
      if (object.bytes <= left) {
        archive.getSync(name);
        left -= object.bytes;
        readInFull += 1;
      }
      present += 1;
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      damaged += 1;
    }
  }
  return { present, missing, damaged, readInFull };
}

parentPort?.postMessage(checkArchive(workerData as CheckArchiveData));
