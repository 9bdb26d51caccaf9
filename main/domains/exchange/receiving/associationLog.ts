import type { ReceivedAssociation } from '../../../../app/domains/exchange/exchangeSchema.ts';
import type { OpenStore } from '../../../core.ts';
import { systemAuthor } from '../../../database/openWriteGate.ts';
import type { Author, Transaction } from '../../../database/writeGate.ts';
import { tallyOf } from '../exchangeTally.ts';

type Channel = ReceivedAssociation['channel'];

/** One association, STOW-RS request or look at a watched folder, as it begins. */
export interface BegunAssociation {
  readonly associationId: string;
  readonly channel: Channel;
  readonly callingAe: string;
  readonly calledAe: string;
  readonly address: string;
  readonly nodeId: string | null;
  readonly startedAt: number;
}

export interface AddedObjects {
  readonly imported: number;
  readonly duplicates: number;
  readonly conflicts: number;
  readonly bytes: number;
}

export interface AssociationEnd {
  readonly endedAt: number;
  readonly ending: string;
  readonly details: Readonly<Record<string, string | number | boolean>>;
  readonly refused: number;
  readonly reasons: Readonly<Record<string, number>>;
  /** False when something of a study may be missing. */
  readonly isWhole: boolean;
  /** SOP Instance UIDs of what is missing, where that is known. */
  readonly missing: readonly string[] | null;
}

/** What came in, newest first, bounded. */
export interface AssociationLog {
  /** Inside the transaction of a group of its objects; the first of them writes its row. */
  note(tx: Transaction, begun: BegunAssociation, added: AddedObjects): void;
  /**
   * Writes how it ended: at once with its audit entry when objects came, or were refused; else with others, a little
   * later, so that a flood of calls costs no more than a few transactions a second.
   */
  end(author: Author, begun: BegunAssociation, end: AssociationEnd): void;
  /** Ends what a sudden death left open. Returns the ids of those that ended whole and whose studies are marked still. */
  endEarlier(nowMs: number): string[];
  list(page: { offset: number; limit: number }): { total: number; rows: ReceivedAssociation[] };
  /** Writes what waits. */
  close(): void;
}

const keptAssociations = 10_000;
/** Of those that brought nothing: whoever knocks for days must not push out what was received. */
const keptEmpty = 1_000;
/** The audit hears of those who were turned away at most so often: it never forgets. */
const auditEveryMs = 60_000;
const flushMs = 250;
/** Of one flood: of what is beyond only those that were turned away are counted. */
const mostWaiting = 100;
/** Rows after which the oldest are dropped. */
const trimEvery = 100;

interface Row {
  readonly association_id: string;
  readonly channel: Channel;
  readonly calling_ae: string;
  readonly called_ae: string;
  readonly address: string;
  readonly node_id: string | null;
  readonly started_at: number;
  readonly ended_at: number;
  readonly ending: string;
  readonly details: string;
  readonly objects: number;
  readonly duplicates: number;
  readonly conflicts: number;
  readonly refused: number;
  readonly reasons: string;
  readonly bytes: number;
}

export function openAssociationLog(store: OpenStore): AssociationLog {
  const { gate, reader } = store;
  let waiting: { readonly begun: BegunAssociation; readonly end: AssociationEnd }[] = [];
  /** Turned away since the audit last heard of it. */
  let rejected = 0;
  let rejectedId = '';
  let auditedMs: number | null = null;
  let timer: NodeJS.Timeout | null = null;
  let auditTimer: NodeJS.Timeout | null = null;
  let sinceTrim = trimEvery;

  function insert(tx: Transaction, begun: BegunAssociation): void {
    tx.run(
      `INSERT INTO association (association_id, channel, calling_ae, called_ae, address, node_id, started_at, ending, details)
       VALUES (?, ?, ?, ?, ?, ?, ?, '', '{}') ON CONFLICT DO NOTHING`,
      begun.associationId,
      begun.channel,
      begun.callingAe,
      begun.calledAe,
      begun.address,
      begun.nodeId,
      begun.startedAt,
    );
  }

  function finish(tx: Transaction, begun: BegunAssociation, end: AssociationEnd): void {
    insert(tx, begun);
    tx.run(
      `UPDATE association SET ended_at = ?, ending = ?, details = ?, refused = ?, reasons = ?, whole = ?, missing = ? WHERE association_id = ?`,
      end.endedAt,
      end.ending,
      JSON.stringify(end.details),
      end.refused,
      JSON.stringify(end.reasons),
      end.isWhole ? 1 : 0,
      end.missing && JSON.stringify(end.missing),
      begun.associationId,
    );
    tx.topic('receiver');
    sinceTrim += 1;
    if (sinceTrim < trimEvery) return;
    sinceTrim = 0;
    tx.run(
      `DELETE FROM association WHERE objects = 0 AND refused = 0 AND ended_at IS NOT NULL
         AND association_id NOT IN (SELECT association_id FROM association
           WHERE objects = 0 AND refused = 0 AND ended_at IS NOT NULL ORDER BY started_at DESC, association_id DESC LIMIT ?)`,
      keptEmpty,
    );
    tx.run(
      `DELETE FROM association WHERE ended_at IS NOT NULL
         AND association_id NOT IN (SELECT job_id FROM study_arrival)
         AND association_id NOT IN (SELECT association_id FROM association ORDER BY started_at DESC, association_id DESC LIMIT ?)`,
      keptAssociations,
    );
  }

  function flush(isLast = false): void {
    for (const one of [timer, auditTimer]) if (one !== null) clearTimeout(one);
    timer = null;
    auditTimer = null;
    const group = waiting;
    waiting = [];
    const sinceAuditMs = auditedMs === null ? auditEveryMs : performance.now() - auditedMs;
    // Somebody was turned away: that is said in the audit, once for many of them.
    const isTold = rejected > 0 && (isLast || sinceAuditMs >= auditEveryMs);
    const work = (tx: Transaction) => {
      for (const { begun, end } of group) finish(tx, begun, end);
      if (isTold) tx.subject({ type: 'association', id: rejectedId }, { rejected });
    };
    try {
      if (isTold) {
        gate.write(systemAuthor, 'exchange.rejectAssociations', work);
        auditedMs = performance.now();
        rejected = 0;
      } else if (group.length > 0) gate.append(systemAuthor, work);
      if (rejected > 0) auditTimer = setTimeout(() => flush(), auditEveryMs - sinceAuditMs).unref();
    } catch (error) {
      store.platform.log.error('the log of associations could not be written', error);
    }
  }

  return {
    note(tx, begun, added) {
      insert(tx, begun);
      tx.run(
        `UPDATE association SET objects = objects + ?, duplicates = duplicates + ?, conflicts = conflicts + ?, bytes = bytes + ?
         WHERE association_id = ?`,
        added.imported + added.duplicates + added.conflicts,
        added.duplicates,
        added.conflicts,
        added.bytes,
        begun.associationId,
      );
    },
    end(author, begun, end) {
      const row = reader.get<Pick<Row, 'objects' | 'duplicates' | 'conflicts' | 'bytes'>>(
        'SELECT objects, duplicates, conflicts, bytes FROM association WHERE association_id = ?',
        begun.associationId,
      );
      tallyOf(store).associationEnded({
        channel: begun.channel,
        ending: end.ending,
        seconds: (end.endedAt - begun.startedAt) / 1000,
        objects: row?.objects ?? 0,
        bytes: row?.bytes ?? 0,
        duplicates: row?.duplicates ?? 0,
        conflicts: row?.conflicts ?? 0,
        reasons: end.reasons,
      });
      if (!row && end.refused === 0) {
        if (waiting.length < mostWaiting) waiting.push({ begun, end });
        if (end.ending === 'rejected') {
          rejected += 1;
          rejectedId = begun.associationId;
        }
        timer ??= setTimeout(() => flush(), flushMs).unref();
        return;
      }
      gate.write(author, 'exchange.receive', (tx) => {
        finish(tx, begun, end);
        tx.subject(
          { type: 'association', id: begun.associationId },
          {
            channel: begun.channel,
            node: begun.nodeId ?? '',
            ending: end.ending,
            objects: row?.objects ?? 0,
            duplicates: row?.duplicates ?? 0,
            conflicts: row?.conflicts ?? 0,
            refused: end.refused,
            bytes: row?.bytes ?? 0,
          },
        );
        for (const topic of ['studies', 'worklist'] as const) tx.topic(topic);
      });
    },
    endEarlier(nowMs) {
      const open = reader.all<{ association_id: string; objects: number }>(
        'SELECT association_id, objects FROM association WHERE ended_at IS NULL',
      );
      for (const { association_id, objects } of open) {
        gate.write(systemAuthor, 'exchange.receive', (tx) => {
          tx.run(
            `UPDATE association SET ended_at = ?, ending = 'closed', details = '{"interrupted":true}', whole = 0 WHERE association_id = ?`,
            nowMs,
            association_id,
          );
          tx.subject({ type: 'association', id: association_id }, { ending: 'closed', interrupted: true, objects });
          tx.topic('receiver');
        });
      }
      return reader
        .all<{ association_id: string }>(
          `SELECT DISTINCT a.association_id FROM study_arrival s JOIN association a ON a.association_id = s.job_id
           WHERE a.whole = 1 AND a.ended_at IS NOT NULL`,
        )
        .map(({ association_id }) => association_id);
    },
    list({ offset, limit }) {
      const total = reader.get<{ n: number }>('SELECT count(*) AS n FROM association WHERE ended_at IS NOT NULL');
      const rows = reader.all<Row>(
        `SELECT association_id, channel, calling_ae, called_ae, address, node_id, started_at, ended_at, ending, details, objects,
           duplicates, conflicts, refused, reasons, bytes
         FROM association WHERE ended_at IS NOT NULL ORDER BY started_at DESC, association_id DESC LIMIT ? OFFSET ?`,
        limit,
        offset,
      );
      return { total: total?.n ?? 0, rows: rows.map(fromRow) };
    },
    close: () => flush(true),
  };
}

function fromRow(row: Row): ReceivedAssociation {
  return {
    associationId: row.association_id,
    channel: row.channel,
    callingAe: row.calling_ae,
    calledAe: row.called_ae,
    address: row.address,
    nodeId: row.node_id,
    startedAt: row.started_at,
    endedAt: row.ended_at,
    ending: row.ending,
    details: JSON.parse(row.details) as ReceivedAssociation['details'],
    objects: row.objects,
    duplicates: row.duplicates,
    conflicts: row.conflicts,
    refused: row.refused,
    reasons: JSON.parse(row.reasons) as ReceivedAssociation['reasons'],
    bytes: row.bytes,
  };
}
