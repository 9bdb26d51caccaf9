import type { MessagePort } from 'node:worker_threads';
import { Failure } from '../../../../app/shared/failure.ts';
import type { OpenStore } from '../../../core.ts';
import type { Author, Transaction } from '../../../database/writeGate.ts';
import { faultText } from '../../../platform/faultText.ts';
import type { ArrivalOutbox, ArrivalPayload } from './arrivalOutbox.ts';
import type { ArrivalOrigin, IndexParts, Outcome } from './arrived.ts';
import { endArrivals, indexInstances } from './indexInstances.ts';
import type { FromIntake, ToIntake } from './receptionMessages.ts';

/** What one commit added to a reception. */
export interface ReceptionChange {
  readonly imported: number;
  readonly duplicates: number;
  readonly conflicts: number;
  readonly bytes: number;
}

/** An association, a request or a fetch that brings objects; whoever opens one owes its audit entry. */
export interface Reception {
  readonly receptionId: string;
  /** Where it comes from, for the list: an AE title. */
  readonly source: string;
  readonly origin: ArrivalOrigin;
  readonly author: Author;
  /** Inside the transaction of each group of objects. */
  note(tx: Transaction, change: ReceptionChange): void;
}

/** Rows for objects that intakes in worker threads have archived. */
export interface Receptions {
  /** Answers an intake's questions on this port until it is closed. */
  serve(port: MessagePort): void;
  open(reception: Reception): void;
  /** Nothing more comes of it: its studies are complete as far as anyone knows, unless something was cut off. */
  end(receptionId: string, isWhole: boolean): void;
  /** Ends the arrival of what an earlier run of the program received whole and did not come to say so. */
  finishEarlier(receptionId: string): void;
  /** Resolves when everything taken so far is written, its statements of arrival too. */
  settle(): Promise<void>;
  close(): void;
}

/** Rows to a transaction at most: what waits meanwhile goes into the next. */
const rowsPerWrite = 100;
/** So many contents kept under one UID are told to an intake: each may be read to compare it. */
const mostContents = 20;
/** A study counts as arriving until so long after the last association that brought something of it. */
const usualQuietMs = 5_000;

type ObjectMessage = Extract<FromIntake, { type: 'object' }>;

interface Waiting {
  readonly message: ObjectMessage;
  readonly reception: Reception;
  answer(message: ToIntake): void;
}

export interface ReceptionParts {
  readonly store: OpenStore;
  readonly index: IndexParts;
  readonly outbox: ArrivalOutbox;
  readonly quietMs?: number;
}

/** Opens the writing of rows for received objects: all that wait go into one transaction, and are answered after it. */
export function openReceptions({ store, index, outbox, quietMs = usualQuietMs }: ReceptionParts): Receptions {
  const { gate, reader } = store;
  const receptions = new Map<string, Reception>();
  const quiet = new Map<string, NodeJS.Timeout>();
  const ports = new Set<MessagePort>();
  let waiting: Waiting[] = [];
  let scheduled = false;
  let closed = false;
  let idle: (() => void)[] = [];

  function schedule(): void {
    if (scheduled) return;
    scheduled = true;
    // A turn of the loop for each group: windows are answered in between.
    setImmediate(flush);
  }

  function flush(): void {
    scheduled = false;
    const [first] = waiting;
    if (!first) return;
    // One author to a transaction; receptions of the system, which are most, share theirs.
    const { operatorId } = first.reception.author;
    const group = waiting.filter(({ reception }) => reception.author.operatorId === operatorId).slice(0, rowsPerWrite);
    waiting = waiting.filter((one) => !group.includes(one));
    let outcomes: Map<Waiting, Outcome> | null = null;
    let code = 'storage.diskFull';
    try {
      outcomes = write(group);
    } catch (error) {
      // Nothing is written: whoever sent it hears that, and the log hears why.
      code = error instanceof Failure ? error.code : 'jobs.failed';
      if (!(error instanceof Failure)) store.platform.log.error('received objects could not be written', error);
    }
    for (const one of group) {
      const outcome = outcomes?.get(one);
      const { id } = one.message;
      one.answer(outcome ? { type: 'written', id, outcome } : { type: 'failed', id, code });
    }
    if (waiting.length > 0) schedule();
    else for (const wake of idle.splice(0)) wake();
  }

  function write(group: readonly Waiting[]): Map<Waiting, Outcome> {
    const outcomes = new Map<Waiting, Outcome>();
    const author = (group[0] as Waiting).reception.author;
    const committed = gate.append(author, (tx) => {
      outbox.clear(tx);
      const added: ArrivalPayload[] = [];
      for (const reception of new Set(group.map((one) => one.reception))) {
        const own = group.filter((one) => one.reception === reception);
        const { source, origin, receptionId } = reception;
        const objects = own.map(({ message }) => message.object);
        const note = { source, origin, receivedAt: tx.nowMs, jobId: receptionId };
        const results = indexInstances(tx, author, objects, note, index);
        for (const [at, one] of own.entries()) outcomes.set(one, results[at] as Outcome);
        const kept = objects.filter((_, at) => results[at] !== 'duplicate').map(({ objectName }) => objectName);
        if (kept.length > 0) added.push({ source, origin, objects: kept });
        const count = (outcome: Outcome) => results.filter((result) => result === outcome).length;
        reception.note(tx, {
          imported: count('imported'),
          duplicates: count('duplicate'),
          conflicts: count('conflict'),
          bytes: objects.reduce((sum, { bytes }) => sum + bytes, 0),
        });
      }
      return outbox.gather(tx, author, added);
    });
    committed();
    return outcomes;
  }

  function receive(message: FromIntake, answer: (message: ToIntake) => void): void {
    const { id } = message;
    if (message.type === 'find') {
      const rows = reader.all<{ object_name: string }>(
        `SELECT object_name FROM instance WHERE sop_uid = ? UNION ALL SELECT object_name FROM instance_aside WHERE sop_uid = ?
         UNION ALL SELECT * FROM (SELECT object_name FROM instance_conflict WHERE sop_uid = ? LIMIT ${mostContents})`,
        ...[message.sopUid, message.sopUid, message.sopUid],
      );
      answer({ type: 'found', id, objectNames: rows.map((row) => row.object_name) });
      return;
    }
    const reception = receptions.get(message.receptionId);
    if (!reception || closed) {
      answer({ type: 'failed', id, code: 'jobs.interrupted' });
      return;
    }
    waiting.push({ message, reception, answer });
    schedule();
  }

  /** As `receive`, and answers also what goes wrong: a store that is closed or full must end nothing but the question. */
  function hear(message: FromIntake, answer: (message: ToIntake) => void): void {
    try {
      receive(message, answer);
    } catch (error) {
      store.platform.log.error('a question of an intake could not be answered', new Error(faultText(error)));
      answer({ type: 'failed', id: message.id, code: error instanceof Failure ? error.code : 'jobs.failed' });
    }
  }

  /**
   * The studies of a reception that ended whole are complete as far as anyone knows. What another one left when it was
   * cut off goes by the rule of `endArrivals`: only once something of the study came again, so that its sender started
   * over, or once all that was cut off is here (`settledBy`).
   */
  function finish(receptionId: string): void {
    quiet.delete(receptionId);
    if (closed) return;
    try {
      for (const ended of [...settledBy(receptionId), receptionId]) endMarks(ended);
    } catch (error) {
      // The studies stay marked as arriving, which is the safe side; the next start tries again.
      store.platform.log.error('the end of an arrival could not be written', error);
    }
  }

  function endMarks(receptionId: string): void {
    let left = reader.get('SELECT 1 FROM study_arrival WHERE job_id = ? LIMIT 1', receptionId) ? 1 : 0;
    while (left > 0) {
      left = gate.append({ operatorId: null, operatorName: null }, (tx) => {
        outbox.clear(tx);
        for (const topic of ['studies', 'worklist'] as const) tx.topic(topic);
        return endArrivals(tx, receptionId, index, rowsPerWrite);
      });
    }
  }

  /** Associations that were cut off in studies of this one, and of which everything that was missing has come since. */
  function settledBy(receptionId: string): string[] {
    return reader
      .all<{ association_id: string }>(
        `SELECT DISTINCT a.association_id FROM study_arrival own
           JOIN study_arrival other ON other.study_row = own.study_row AND other.job_id <> own.job_id
           JOIN association a ON a.association_id = other.job_id
         WHERE own.job_id = ? AND a.ended_at IS NOT NULL AND a.missing IS NOT NULL
           AND NOT EXISTS (SELECT 1 FROM json_each(a.missing) m
             WHERE NOT EXISTS (SELECT 1 FROM instance i WHERE i.sop_uid = m.value)
               AND NOT EXISTS (SELECT 1 FROM instance_aside s WHERE s.sop_uid = m.value))`,
        receptionId,
      )
      .map(({ association_id }) => association_id);
  }

  return {
    serve(port) {
      ports.add(port);
      port.on('message', (message: FromIntake) => hear(message, (reply) => port.postMessage(reply)));
      port.on('close', () => ports.delete(port));
      // The worker at the other end keeps the process alive, not the port.
      port.unref();
    },
    open: (reception) => void receptions.set(reception.receptionId, reception),
    end(receptionId, isWhole) {
      receptions.delete(receptionId);
      if (isWhole && !closed) {
        quiet.set(receptionId, setTimeout(() => finish(receptionId), quietMs).unref());
      }
    },
    finishEarlier: finish,
    async settle() {
      if (waiting.length > 0) await new Promise<void>((resolve) => idle.push(resolve));
      await outbox.settle();
    },
    close() {
      // Marks that wait for their quiet time are ended at the next start.
      for (const timer of quiet.values()) clearTimeout(timer);
      quiet.clear();
      closed = true;
      for (const { message, answer } of waiting.splice(0))
        answer({ type: 'failed', id: message.id, code: 'jobs.interrupted' });
      for (const wake of idle.splice(0)) wake();
      idle = [];
      for (const port of ports) port.close();
    },
  };
}
