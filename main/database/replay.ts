import type { ObjectKind, StoredObject } from '../archive/archive.ts';
import type { Reader, Statement, Transaction } from './writeGate.ts';

/**
 * A domain's way to write its rows again from the archive alone. Received DICOM objects are replayed first, in the order
 * they were stored, then documents, then statements in the order of their hlc (of one type, id and version only the
 * newest). `tx` belongs to the index under construction: read through it, never through an open service's reader, and
 * archive nothing.
 */
export interface Replayer {
  readonly kinds: readonly ObjectKind[];
  /** For statements: the types this replayer takes. Missing: none. */
  readonly types?: readonly string[];
  replay(tx: Transaction, object: StoredObject, bytes: Uint8Array, statement: Statement | null): void;
  /** Called when the old index can be read, before `finish`: for facts that it holds and no archived object tells. */
  takeOver?(tx: Transaction, old: Reader): void;
  /** Called once, after the last object and statement of the last catch-up: for what waited for a statement that never came. */
  finish?(tx: Transaction): void;
}
