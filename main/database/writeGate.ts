import type { Topic } from '../../app/shared/operation.ts';
import type { StoredObject } from '../archive/archive.ts';

/** Who acts. The system itself acts as `{operatorId: null, operatorName: null}`. */
export interface Author {
  readonly operatorId: string | null;
  readonly operatorName: string | null;
}

export type SqlValue = string | number | bigint | Uint8Array | null;

/** A handle that can only read. Statements are prepared once and kept. Reads on the window's thread must stay under 5 ms. */
export interface Reader {
  get<Row>(sql: string, ...parameters: SqlValue[]): Row | undefined;
  all<Row>(sql: string, ...parameters: SqlValue[]): Row[];
}

export interface AuditSubject {
  readonly type:
    | 'patient'
    | 'study'
    | 'series'
    | 'instance'
    | 'annotation'
    | 'report'
    | 'document'
    | 'operator'
    | 'job'
    | 'store'
    | 'node'
    | 'delivery'
    | 'association'
    | 'scheduledEntry'
    | 'rule'
    | 'token';
  readonly id: string;
}

/** The inside of one write: rows and the audit entry commit together or not at all. */
export interface Transaction extends Reader {
  run(sql: string, ...parameters: SqlValue[]): { changes: number };
  /** Commit time of this transaction, epoch ms. */
  readonly nowMs: number;
  /** Hybrid logical clock stamp of this transaction: sortable text, unique on this site. Every fact row carries it. */
  readonly hlc: string;
  /** This installation's site id; every fact row carries it. */
  readonly siteId: string;
  /** Says what this write was about; goes into its audit entry. No patient names: ids only. */
  subject(subject: AuditSubject, detail?: Record<string, string | number | boolean>): void;
  /** Adds a topic to be published after the commit. */
  topic(topic: Topic): void;
  /**
   * Archives a clinical fact with this transaction, so that the index can be rebuilt from the archive alone: its bytes are
   * on the disk before the commit (a full disk refuses the fact), and it is in the archive once `write` returns. Of a
   * transaction that fails, or is cut off before its commit, the archive holds nothing.
   */
  statement(fact: Pick<Statement, 'type' | 'id' | 'version' | 'payload'>): StoredObject;
}

/** One clinical fact as the archive keeps it (kind `statement`, JSON). Of the same (type, id, version) the newest hlc counts. */
export interface Statement {
  readonly type: string;
  readonly id: string;
  readonly version: number;
  readonly hlc: string;
  readonly author: Author;
  readonly siteId: string;
  /** Epoch ms. */
  readonly at: number;
  readonly payload: unknown;
}

/**
 * The only way facts change: one BEGIN IMMEDIATE holding the rows and the hash-chained, signed audit entry. `work` must
 * be synchronous; a promise it returns rolls back and throws. Topics are published after the commit.
 *
 * @throws Failure('storage.diskFull') and leaves the store as it was, when the disk is full.
 */
export interface WriteGate {
  write<Result>(author: Author, action: string, work: (tx: Transaction) => Result): Result;
  /**
   * The same without an audit entry of its own: for the many small steps of one thing that has one entry at its end,
   * such as the objects of an association. Whoever appends owes that entry, also after a crash.
   */
  append<Result>(author: Author, work: (tx: Transaction) => Result): Result;
  /** An audit entry with no rows: something was opened, refused, or failed. */
  record(
    author: Author,
    action: string,
    outcome: 'success' | 'refused' | 'failed',
    subject?: AuditSubject,
    detail?: Record<string, string | number | boolean>,
  ): void;
  /** Called after each commit with its sequence number and topics. Returns the way to stop listening. */
  onCommit(listener: (sequence: number, topics: readonly Topic[]) => void): () => void;
  readonly sequence: number;
}
