import type { OpenStore } from '../../../core.ts';
import type { Author, Statement, Transaction } from '../../../database/writeGate.ts';
import type { ArrivalOrigin } from './arrived.ts';

/** What the import archives of each of its transactions: the objects it committed, in order. */
export interface ArrivalPayload {
  readonly source: string;
  readonly origin?: ArrivalOrigin;
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
  /**
   * The same for objects that come one by one: what follows one another from one source is gathered into one statement,
   * which is committed anew with each and goes into the archive when it is long enough, when something else comes in
   * between, or after a second. Call the result after the commit.
   */
  gather(tx: Transaction, author: Author, payloads: readonly ArrivalPayload[]): () => void;
  /** Drops what is archived; inside any transaction of an import. */
  clear(tx: Transaction): void;
  /** Resolves when everything sent so far is archived. @throws what the archive threw */
  settle(): Promise<void>;
}

/** Objects to a gathered statement, and how long one stays open. */
const mostGathered = 50;
const longestOpenMs = 1_000;

/** A statement that grows; it has the stamp of its first objects, so that it keeps its place among the others. */
interface Gathered {
  readonly statement: Omit<Statement, 'payload'>;
  readonly source: string;
  readonly origin: ArrivalOrigin | undefined;
  readonly objects: readonly string[];
}

function isSameOrigin(one: ArrivalOrigin | undefined, other: ArrivalOrigin | undefined): boolean {
  return one?.channel === other?.channel && one?.callingAe === other?.callingAe && one?.nodeId === other?.nodeId;
}

export function openArrivalOutbox(store: OpenStore): ArrivalOutbox {
  const archived: string[] = [];
  let open: Gathered | null = null;
  let openTimer: NodeJS.Timeout | null = null;
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

  function begin(tx: Transaction, { operatorId, operatorName }: Author): Omit<Statement, 'payload'> {
    return {
      type: 'arrival',
      id: store.newId(),
      version: 1,
      hlc: tx.hlc,
      author: { operatorId, operatorName },
      siteId: tx.siteId,
      at: tx.nowMs,
    };
  }

  const textOf = ({ statement, source, origin, objects }: Gathered): string =>
    JSON.stringify({ ...statement, payload: { source, origin, objects } });

  function sendOpen(): void {
    if (openTimer !== null) clearTimeout(openTimer);
    openTimer = null;
    const gathered = open;
    open = null;
    if (gathered) send({ id: gathered.statement.id, statement: textOf(gathered) });
  }

  return {
    gather(tx, author, payloads) {
      const written: Gathered[] = [];
      for (const { source, origin, objects } of payloads) {
        const last = written.at(-1) ?? open;
        const goesOn =
          last !== null &&
          last.source === source &&
          isSameOrigin(last.origin, origin) &&
          last.statement.author.operatorId === author.operatorId &&
          last.objects.length + objects.length <= mostGathered;
        if (goesOn) written.pop();
        const next: Gathered = goesOn
          ? { ...last, objects: [...last.objects, ...objects] }
          : { statement: begin(tx, author), source, origin, objects };
        written.push(next);
        tx.run(
          `INSERT INTO arrival_outbox (arrival_id, statement) VALUES (?, ?)
           ON CONFLICT (arrival_id) DO UPDATE SET statement = excluded.statement`,
          next.statement.id,
          textOf(next),
        );
      }
      return () => {
        for (const next of written) {
          if (open?.statement.id !== next.statement.id) sendOpen();
          open = next;
        }
        if (open !== null) openTimer ??= setTimeout(sendOpen, longestOpenMs).unref();
      };
    },
    add(tx, author, payload) {
      // What was gathered came before this.
      sendOpen();
      const statement: Statement = { ...begin(tx, author), payload };
      const waiting: Waiting = { id: statement.id, statement: JSON.stringify(statement) };
      tx.run('INSERT INTO arrival_outbox (arrival_id, statement) VALUES (?, ?)', waiting.id, waiting.statement);
      return waiting;
    },
    send,
    clear(tx) {
      for (const id of archived.splice(0)) tx.run('DELETE FROM arrival_outbox WHERE arrival_id = ?', id);
    },
    async settle() {
      sendOpen();
      await sending;
      if (trouble === null) return;
      const error = trouble;
      trouble = null;
      throw error;
    },
  };
}
