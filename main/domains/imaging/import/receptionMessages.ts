import type { Arrived, Outcome } from './arrived.ts';

/** From a thread that takes objects in, to the one that writes their rows. `id` pairs a question with its answer. */
export type FromIntake =
  | { readonly type: 'find'; readonly id: number; readonly sopUid: string }
  /** The object lies in the archive, fsynced. */
  | { readonly type: 'object'; readonly id: number; readonly receptionId: string; readonly object: Arrived };

export type ToIntake =
  /** The archive's names of the objects that have this UID here: what is shown or set aside, and what is kept beside it. */
  | { readonly type: 'found'; readonly id: number; readonly objectNames: readonly string[] }
  /** Its rows are committed. */
  | { readonly type: 'written'; readonly id: number; readonly outcome: Outcome }
  | { readonly type: 'failed'; readonly id: number; readonly code: string };
