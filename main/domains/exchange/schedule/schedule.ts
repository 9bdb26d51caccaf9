import type { NewEntry, OwnEntry } from '../../../../app/domains/exchange/scheduleSchema.ts';
import { Failure } from '../../../../app/shared/failure.ts';
import type { OpenStore } from '../../../core.ts';
import type { Author, Transaction } from '../../../database/writeGate.ts';
import { type EntryPayload, findEntry, listEntries, putEntry } from './scheduleRows.ts';

/** A clinic's own entries of the modality worklist: what is to be done, for the modalities that ask. */
export interface Schedule {
  /** Empty days are open; without any, from yesterday on. Soonest first, 5,000 at most. */
  list(days: { readonly dateFrom: string; readonly dateTo: string }): OwnEntry[];
  /** @throws Failure('exchange.entryUnknown' | 'exchange.entryChanged') */
  save(author: Author, input: { entryId: string | null; baseVersion: number | null; entry: NewEntry }): OwnEntry;
  /** @throws Failure('exchange.entryUnknown') */
  archive(author: Author, entryId: string): void;
}

export function openSchedule({ gate, reader, newId, platform }: OpenStore): Schedule {
  function append(tx: Transaction, author: Author, entryId: string, version: number, payload: EntryPayload): void {
    tx.statement({ type: 'scheduledEntry', id: entryId, version, payload });
    const { hlc, siteId } = tx;
    putEntry(tx, entryId, payload, { version, at: tx.nowMs, hlc, siteId, author: author.operatorName });
    tx.subject({ type: 'scheduledEntry', id: entryId }, { version, archived: payload.archived });
    tx.topic('worklist');
  }

  return {
    list: (days) => listEntries(reader, days, platform.clock.nowMs()),
    save(author, input) {
      const entryId = input.entryId ?? newId();
      gate.write(author, 'exchange.saveEntry', (tx) => {
        const before = input.entryId === null ? undefined : findEntry(tx, entryId);
        if (input.entryId !== null && (!before || before.archived))
          throw new Failure('exchange.entryUnknown', 'no such entry');
        const version = before?.version ?? 0;
        if (version !== (input.baseVersion ?? 0))
          throw new Failure('exchange.entryChanged', 'a newer version was saved meanwhile', { version });
        // UUID-derived (PS3.5 B.2): the modality's images and the order they answer share it.
        const studyUid = input.entry.studyUid || `2.25.${BigInt(`0x${entryId.replaceAll('-', '')}`)}`;
        append(tx, author, entryId, version + 1, { entry: { ...input.entry, studyUid }, archived: false });
      });
      return findEntry(reader, entryId) as OwnEntry;
    },
    archive(author, entryId) {
      gate.write(author, 'exchange.archiveEntry', (tx) => {
        const before = findEntry(tx, entryId);
        if (!before || before.archived) throw new Failure('exchange.entryUnknown', 'no such entry');
        const { nodeId: _node, entryId: _entry, version, archived: _archived, ...entry } = before;
        append(tx, author, entryId, version + 1, { entry, archived: true });
      });
    },
  };
}
