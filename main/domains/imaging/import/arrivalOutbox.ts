import type { OpenStore } from '../../../core.ts';
import type { Author, Statement, Transaction } from '../../../database/writeGate.ts';

/** What the import archives of each of its transactions: the objects it committed, in order. */
export interface ArrivalPayload {
  readonly source: string;
  readonly objects: readonly string[];
}

interface Waiting {
  readonly id: string;
  readonly statement: string;
}

/**
 * The statements of arrival on their way into the archive. They are no one's finding, only the order in which objects
 * came, so they need not delay the commit by two fsyncs on the window's thread: each is committed with its rows, goes
 * into the archive right after, and leaves the table with the next transaction. What a crash leaves is sent at the next
 * start.
 */
export interface ArrivalOutbox {
  /** Notes an arrival inside the transaction of its rows; call `send` with the result after the commit. */
  add(tx: Transaction, author: Author, payload: ArrivalPayload): Waiting;
  send(waiting: Waiting): void;
  /** Drops what is archived; inside any transaction of an import. */
  clear(tx: Transaction): void;
  /** Resolves when everything sent so far is archived. @throws what the archive threw */
  settle(): Promise<void>;
}

export function openArrivalOutbox(store: OpenStore): ArrivalOutbox {
  const archived: string[] = [];
  let sending: Promise<void> = Promise.resolve();
  let trouble: unknown = null;

  function send({ id, statement }: Waiting): void {
    sending = Promise.all([
      sending,
      store.archive.put('statement', Buffer.from(statement, 'utf8')).then(
        () => void archived.push(id),
        (error: unknown) => {
          trouble ??= error;
        },
      ),
    ]).then(() => undefined);
  }

  for (const row of store.reader.all<{ arrival_id: string; statement: string }>(
    'SELECT arrival_id, statement FROM arrival_outbox',
  )) {
    send({ id: row.arrival_id, statement: row.statement });
  }

  return {
    add(tx, author, payload) {
      const { operatorId, operatorName } = author;
      const statement: Statement = {
        type: 'arrival',
        id: store.newId(),
        version: 1,
        hlc: tx.hlc,
        author: { operatorId, operatorName },
        siteId: tx.siteId,
        at: tx.nowMs,
        payload,
      };
      const waiting: Waiting = { id: statement.id, statement: JSON.stringify(statement) };
      tx.run('INSERT INTO arrival_outbox (arrival_id, statement) VALUES (?, ?)', waiting.id, waiting.statement);
      return waiting;
    },
    send,
    clear(tx) {
      for (const id of archived.splice(0)) tx.run('DELETE FROM arrival_outbox WHERE arrival_id = ?', id);
    },
    async settle() {
      await sending;
      if (trouble === null) return;
      const error = trouble;
      trouble = null;
      throw error;
    },
  };
}
