import type { MessagePort } from 'node:worker_threads';
import type { ArchiveAccess } from '../../../archive/archive.ts';
import type { Taken } from '../import/receptionIntake.ts';

export interface StowWorkerData {
  readonly archiveAccess: ArchiveAccess;
  /** To the thread that writes rows. */
  readonly intakePort: MessagePort;
  readonly receptionId: string;
  readonly boundary: string;
  /** The only study that objects may belong to; null: any. */
  readonly studyUid: string | null;
  readonly leastFreeBytes: number;
}

export type ToStow =
  | { readonly type: 'chunk'; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly type: 'end' }
  /** The caller went away: what has come whole stays. */
  | { readonly type: 'gone' };

export type FromStow =
  /** So many chunks were used up: as many more may come. */
  | { readonly type: 'credit'; readonly count: number }
  | { readonly type: 'taken'; readonly taken: Taken }
  /** `problem`: what was wrong with the message itself, in words of ours; null when it was read to its end. */
  | { readonly type: 'done'; readonly problem: string | null };

/** Chunks that may be on their way to the worker. */
export const chunkCredit = 16;
