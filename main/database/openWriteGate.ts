import type { KeyObject } from 'node:crypto';
import { Failure } from '../../app/shared/failure.ts';
import type { Topic } from '../../app/shared/operation.ts';
import type { Clock, Log } from '../platform/platform.ts';
import { type AuditFacts, auditHash, canonicalJson, genesisHash, signHash } from './auditChain.ts';
import { type AuditHead, openAuditHeadFile, readAuditHead } from './auditHead.ts';
import { openHybridClock, setBackByMs } from './hybridClock.ts';
import { type DatabaseHandle, storageFailureOf } from './openDatabase.ts';
import { inReadLane } from './readLane.ts';
import { StatementCache } from './statementCache.ts';
import { openStatementOutbox, type PrepareStatement } from './statementOutbox.ts';
import type { AuditSubject, Author, Statement, Transaction, WriteGate } from './writeGate.ts';

type Detail = Record<string, string | number | boolean>;
type Outcome = 'success' | 'refused' | 'failed';

/** The system's own hand: start, clock, keyring and the like. */
export const systemAuthor: Author = { operatorId: null, operatorName: null };

export interface GateParts {
  /** The one writable handle of the store. */
  readonly handle: DatabaseHandle;
  readonly clock: Clock;
  readonly log: Log;
  readonly siteId: string;
  readonly auditPrivateKey: KeyObject;
  readonly auditPublicKey: KeyObject;
  readonly headPath: string;
  readonly prepareSync: PrepareStatement;
}

/** The gate and what only the store itself may use. */
export interface StoreGate extends WriteGate {
  /** Rows that are no clinical fact (a job's progress): committed without an audit entry. Topics are published. */
  note(work: (tx: Pick<Transaction, 'run' | 'get' | 'all'>) => void, topics: readonly Topic[]): void;
  /** Called after each entry that is committed, at once and in the same call. Returns the way to stop listening. */
  onEntry(listener: (action: string, outcome: Outcome) => void): () => void;
  /** How far the clock lies behind the newest audit entry, in milliseconds; 0 when it does not. */
  readonly clockSetBackByMs: number;
  /** The chain's newest entry. */
  readonly head: AuditHead;
  close(): void;
}

/** A database without any entry (made anew after damage) goes on from the kept head: the chain has a gap, not a second start. */
function lastRow(
  handle: DatabaseHandle,
  keptHead: AuditHead | null,
): { sequence: number; hash: Uint8Array; hlc: string | null; newestAt: number } {
  const row = handle.prepare('SELECT sequence, hash, hlc FROM audit_entry ORDER BY sequence DESC LIMIT 1').get() as
    | { sequence: number; hash: Uint8Array; hlc: string }
    | undefined;
  if (!row && keptHead)
    return { sequence: keptHead.sequence, hash: Buffer.from(keptHead.hash, 'hex'), hlc: null, newestAt: 0 };
  if (!row) return { sequence: 0, hash: genesisHash, hlc: null, newestAt: 0 };
  // The stamp's physical part is the newest time ever seen here, also when the clock was set back since.
  return { ...row, newestAt: Number.parseInt(row.hlc.slice(0, 12), 16) };
}

/**
 * Opens the write gate over the store's one writable handle, checks the chain's head against the copy outside the
 * database, and records what it finds (`audit.tailMissing`, `audit.headMissing`, `clock.setBack`).
 */
export function openWriteGate(parts: GateParts): StoreGate {
  const { handle, clock, log, siteId, auditPrivateKey, auditPublicKey } = parts;
  const statements = new StatementCache(handle);
  const outbox = openStatementOutbox(statements, parts.prepareSync, log);
  const listeners = new Set<(sequence: number, topics: readonly Topic[]) => void>();
  const entryListeners = new Set<(action: string, outcome: Outcome) => void>();
  const keptHead = readAuditHead(parts.headPath, siteId, auditPublicKey);
  const last = lastRow(handle, keptHead);
  const hybrid = openHybridClock(siteId, last.hlc);
  let head: { sequence: number; hash: Uint8Array } = { sequence: last.sequence, hash: last.hash };
  let newestAt = last.newestAt;
  let saidSetBack = false;
  let commits = last.sequence;
  let busy = false;
  let transaction = 0;
  let closed = false;

  const headFile = openAuditHeadFile(parts.headPath, siteId, auditPrivateKey, log);

  function publish(topics: readonly Topic[]): void {
    commits += 1;
    for (const listener of listeners) {
      try {
        // What a commit sets going outlives the call that made it.
        inReadLane(null, () => listener(commits, topics));
      } catch (error) {
        log.error('a commit listener failed', error);
      }
    }
  }

  function appendEntry(
    nowMs: number,
    hlc: string,
    author: Author,
    action: string,
    outcome: Outcome,
    subject: AuditSubject | null,
    detail: Detail,
  ) {
    const facts: AuditFacts = {
      sequence: head.sequence + 1,
      at: nowMs,
      hlc,
      operator_id: author.operatorId,
      operator_name: author.operatorName,
      action,
      outcome,
      subject_type: subject?.type ?? null,
      subject_id: subject?.id ?? null,
      detail: canonicalJson(detail),
    };
    const hash = auditHash(head.hash, facts);
    statements
      .prepare(
        `INSERT INTO audit_entry (sequence, at, hlc, operator_id, operator_name, action, outcome, subject_type, subject_id, detail, hash, signature)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(
        facts.sequence,
        facts.at,
        facts.hlc,
        facts.operator_id,
        facts.operator_name,
        facts.action,
        facts.outcome,
        facts.subject_type,
        facts.subject_id,
        facts.detail,
        hash,
        signHash(hash, auditPrivateKey),
      );
    head = { sequence: facts.sequence, hash };
  }

  /** One BEGIN IMMEDIATE … COMMIT; on any error everything is undone, the chain's head in memory included. */
  function transact<Result>(work: () => Result): Result {
    if (closed) throw new Error('the store is closed');
    if (busy) throw new Error('a write inside a write: pass the transaction instead');
    busy = true;
    transaction += 1;
    const before = head;
    let result: Result;
    try {
      handle.exec('BEGIN IMMEDIATE');
      outbox.forgetArchived();
      result = work();
      handle.exec('COMMIT');
    } catch (error) {
      head = before;
      if (handle.inTransaction) handle.exec('ROLLBACK');
      outbox.rolledBack();
      throw storageFailureOf(error);
    } finally {
      busy = false;
    }
    // Outside: whatever happens now, the work is committed.
    outbox.committed();
    return result;
  }

  function afterEntry(action: string, outcome: Outcome): void {
    for (const listener of entryListeners) listener(action, outcome);
    try {
      headFile.write({ sequence: head.sequence, hash: Buffer.from(head.hash).toString('hex') });
    } catch (error) {
      // The entry is committed; a head that lags is allowed and is caught up by the next one.
      log.error('the audit head could not be written', error);
    }
  }

  /** Writes an entry about the clock once each time it is found behind the newest entry. Inside a transaction. */
  function noticeClock(nowMs: number): void {
    const behindMs = setBackByMs(clock, newestAt);
    if (behindMs === 0) {
      saidSetBack = false;
    } else if (!saidSetBack) {
      appendEntry(nowMs, hybrid.next(nowMs), systemAuthor, 'clock.setBack', 'failed', null, { behindMs });
      saidSetBack = true;
      log.warn('the clock reads earlier than the last audit entry', { behindMs });
    }
    newestAt = Math.max(newestAt, nowMs);
  }

  /** Row access of one transaction: of no use after its end, so that a kept `tx` cannot write outside the gate. */
  function rows(): Pick<Transaction, 'run' | 'get' | 'all'> {
    const own = transaction;
    function assertOpen(): void {
      // SQLite itself rolls back on some errors (a full disk): work that swallowed one must not go on outside.
      if (!busy || own !== transaction || !handle.inTransaction) throw new Error('this transaction has ended');
    }
    return {
      get(sql, ...parameters) {
        assertOpen();
        return statements.get(sql, ...parameters);
      },
      all(sql, ...parameters) {
        assertOpen();
        return statements.all(sql, ...parameters);
      },
      run(sql, ...parameters) {
        assertOpen();
        return { changes: statements.prepare(sql).run(...parameters).changes };
      },
    };
  }

  function refusePromise(result: unknown): void {
    if (result !== null && typeof result === 'object' && typeof (result as { then?: unknown }).then === 'function') {
      throw new Error('the work of a write must be synchronous');
    }
  }

  function record(author: Author, action: string, outcome: Outcome, subject?: AuditSubject, detail: Detail = {}): void {
    const saidBefore = saidSetBack;
    const newestBefore = newestAt;
    try {
      transact(() => {
        const nowMs = clock.nowMs();
        noticeClock(nowMs);
        appendEntry(nowMs, hybrid.next(nowMs), author, action, outcome, subject ?? null, detail);
      });
    } catch (error) {
      saidSetBack = saidBefore;
      newestAt = newestBefore;
      throw error;
    }
    afterEntry(action, outcome);
  }

  function write<Result>(author: Author, action: string, work: (tx: Transaction) => Result): Result {
    return commit(author, action, work);
  }

  /** @param action of the audit entry; null for none */
  function commit<Result>(author: Author, action: string | null, work: (tx: Transaction) => Result): Result {
    const topics = new Set<Topic>(action === null ? [] : ['audit']);
    const headBefore = head;
    const saidBefore = saidSetBack;
    const newestBefore = newestAt;
    let result: Result;
    try {
      result = transact(() => {
        const nowMs = clock.nowMs();
        noticeClock(nowMs);
        const hlc = hybrid.next(nowMs);
        let subject: AuditSubject | null = null;
        let detail: Detail = {};
        const tx: Transaction = {
          nowMs,
          hlc,
          siteId,
          ...rows(),
          subject(about, more = {}) {
            if (action === null) throw new Error('a write without an audit entry is about nothing');
            subject = about;
            detail = { ...detail, ...more };
          },
          topic: (topic) => topics.add(topic),
          statement({ type, id, version, payload }) {
            const by: Author = { operatorId: author.operatorId, operatorName: author.operatorName };
            const statement: Statement = { type, id, version, hlc, author: by, siteId, at: nowMs, payload };
            return outbox.put(Buffer.from(canonicalJson(statement), 'utf8'));
          },
        };
        const value = work(tx);
        refusePromise(value);
        if (action !== null) appendEntry(nowMs, hlc, author, action, 'success', subject, detail);
        return value;
      });
    } catch (error) {
      saidSetBack = saidBefore;
      newestAt = newestBefore;
      throw error;
    }
    if (action !== null) afterEntry(action, 'success');
    // Without an entry of its own the transaction may still have noted that the clock was set back.
    else if (head !== headBefore) {
      topics.add('audit');
      afterEntry('clock.setBack', 'failed');
    }
    publish([...topics]);
    return result;
  }

  function checkHead(): void {
    if (keptHead === null) {
      // A store without any entry has no head yet.
      if (head.sequence > 0)
        record(systemAuthor, 'audit.headMissing', 'failed', undefined, { databaseSequence: head.sequence });
      return;
    }
    const row = handle.prepare('SELECT hash FROM audit_entry WHERE sequence = ?').get(keptHead.sequence) as
      | { hash: Uint8Array }
      | undefined;
    if (row && Buffer.from(row.hash).toString('hex') === keptHead.hash) return;
    record(systemAuthor, 'audit.tailMissing', 'failed', undefined, {
      headSequence: keptHead.sequence,
      headHash: keptHead.hash,
      databaseSequence: head.sequence,
    });
    log.warn('the audit chain does not reach its kept head', {
      headSequence: keptHead.sequence,
      databaseSequence: head.sequence,
    });
  }

  const gate: StoreGate = {
    write,
    append: (author, work) => commit(author, null, work),
    record,
    note(work, topics) {
      transact(() => {
        refusePromise(work(rows()));
      });
      publish(topics);
    },
    onCommit(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    onEntry(listener) {
      entryListeners.add(listener);
      return () => entryListeners.delete(listener);
    },
    get sequence() {
      return commits;
    },
    get head() {
      return { sequence: head.sequence, hash: Buffer.from(head.hash).toString('hex') };
    },
    get clockSetBackByMs() {
      return setBackByMs(clock, newestAt);
    },
    close() {
      if (closed) return;
      closed = true;
      listeners.clear();
      entryListeners.clear();
      headFile.close();
      handle.close();
    },
  };

  try {
    checkHead();
    outbox.archiveWaiting();
    record(systemAuthor, 'store.opened', 'success', { type: 'store', id: siteId });
  } catch (error) {
    // A full disk must not keep a person from reading; the next write says it again.
    if (!(error instanceof Failure && error.code === 'storage.diskFull')) {
      gate.close();
      throw error;
    }
    log.warn('opened with a full disk: the opening is not in the audit');
  }
  return gate;
}
