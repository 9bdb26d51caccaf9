import type { ArchiveAccess } from '../../../archive/archive.ts';
import type { Arrived } from './arrived.ts';

export interface ImportWorkerData {
  readonly archiveAccess: ArchiveAccess;
  /** Where this worker notes what it is busy with; see workNote.ts. */
  readonly note: SharedArrayBuffer;
}

/** One thing to read: a file that may turn out to be an archive, a media directory, or bytes that a window sent. */
export type WorkItem =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'dicomdir'; readonly path: string; readonly follow: boolean }
  | { readonly kind: 'bytes'; readonly path: string; readonly bytes: ArrayBuffer };

/** What came of one file. `path` is what a person reads: inside an archive it goes on after the archive's own path. */
export type ItemResult =
  | { readonly kind: 'object'; readonly path: string; readonly object: Arrived }
  | { readonly kind: 'rejected'; readonly path: string; readonly reason: string; readonly bytes: number }
  /** A file that a media directory names: the run imports it next. */
  | { readonly kind: 'reference'; readonly path: string };

export type ToImportWorker =
  | {
      readonly type: 'item';
      readonly itemId: number;
      readonly runId: number;
      readonly item: WorkItem;
      /** Entries of this archive, by their number, that took too long before: refused unread. */
      readonly skip: readonly number[];
    }
  | { readonly type: 'cancel'; readonly runId: number }
  /** So many results of this worker have been written: as many more may follow. */
  | { readonly type: 'credit'; readonly count: number };

export type FromImportWorker =
  | { readonly type: 'result'; readonly itemId: number; readonly result: ItemResult }
  /** `failure`: a reason to stop the whole run, such as a full disk. `trouble`: for the log, when nobody expected it. */
  | {
      readonly type: 'done';
      readonly itemId: number;
      readonly failure: string | null;
      readonly trouble: string | null;
    };

/** Results a worker may post before the first of them are written. */
export const workerCredit = 256;
