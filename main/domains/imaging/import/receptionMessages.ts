import type { Arrived, Outcome } from './arrived.ts';

/** From a thread that takes objects in, to the one that writes their rows. `id` pairs a question with its answer. */
export type FromIntake =
  | { readonly type: 'find'; readonly id: number; readonly sopUid: string }
  /** The object lies in the archive, fsynced. */
  | { readonly type: 'object'; readonly id: number; readonly receptionId: string; readonly object: Arrived };

export type ToIntake =
  /** The archive's name of the object that has this UID here; null when there is none. */
  | { readonly type: 'found'; readonly id: number; readonly objectName: string | null }
  /** Its rows are committed. */
  | { readonly type: 'written'; readonly id: number; readonly outcome: Outcome }
  | { readonly type: 'failed'; readonly id: number; readonly code: string };
