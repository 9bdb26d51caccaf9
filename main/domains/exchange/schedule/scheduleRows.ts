import type { NewEntry, OwnEntry } from '../../../../app/domains/exchange/scheduleSchema.ts';
import { localDay } from '../../../../app/shared/localDay.ts';
import type { Reader, Statement, Transaction } from '../../../database/writeGate.ts';

/** An entry at one version, as it is archived. */
export interface EntryPayload {
  readonly entry: NewEntry;
  readonly archived: boolean;
}

interface EntryRow {
  readonly entry_id: string;
  readonly version: number;
  readonly entry: string;
  readonly archived: number;
}

/** Most entries that are listed: a clinic plans hundreds a day, not thousands. */
const mostEntries = 5000;
const msPerDay = 86_400_000;

const fromEntryRow = ({ entry_id, version, entry }: EntryRow): OwnEntry => ({
  ...(JSON.parse(entry) as NewEntry),
  nodeId: null,
  entryId: entry_id,
  version,
});

const fromSql = `SELECT entry_id, version, entry, archived FROM scheduled_entry
  WHERE archived = 0 AND start_date >= ? AND start_date <= ? ORDER BY start_date, entry_id LIMIT ?`;
const beforeSql = `SELECT entry_id, version, entry, archived FROM scheduled_entry
  WHERE archived = 0 AND start_date >= ? AND start_date < ? AND start_date <= ? ORDER BY start_date DESC LIMIT ?`;

/**
 * Entries that start within these days, both included, soonest first; an empty day is open. Without any day: from
 * yesterday on, for whoever names none asks what is to be done. Where there are more than 5,000, those from yesterday on
 * go first, soonest first, then the latest before.
 */
export function listEntries(
  reader: Reader,
  { dateFrom, dateTo }: { readonly dateFrom: string; readonly dateTo: string },
  nowMs: number,
): OwnEntry[] {
  // Yesterday too: a night's work goes on past midnight.
  const yesterday = localDay(nowMs - msPerDay);
  const from = dateFrom === '' && dateTo === '' ? yesterday : dateFrom;
  const to = dateTo || '99999999';
  const rows = reader.all<EntryRow>(fromSql, from > yesterday ? from : yesterday, to, mostEntries);
  if (from < yesterday && rows.length < mostEntries) {
    rows.push(...reader.all<EntryRow>(beforeSql, from, yesterday, to, mostEntries - rows.length));
  }
  return rows
    .map(fromEntryRow)
    .sort((left, right) => (`${left.startDate}${left.startTime}` < `${right.startDate}${right.startTime}` ? -1 : 1));
}

/** Also an archived one. */
export function findEntry(reader: Reader, entryId: string): (OwnEntry & { readonly archived: boolean }) | undefined {
  const row = reader.get<EntryRow>(
    'SELECT entry_id, version, entry, archived FROM scheduled_entry WHERE entry_id = ?',
    entryId,
  );
  return row && { ...fromEntryRow(row), archived: row.archived === 1 };
}

/** Writes a version of an entry; an older one than is there changes nothing. */
export function putEntry(
  tx: Transaction,
  entryId: string,
  { entry, archived }: EntryPayload,
  origin: Pick<Statement, 'version' | 'at' | 'hlc' | 'siteId'> & { readonly author: string | null },
): void {
  tx.run(
    `INSERT INTO scheduled_entry (entry_id, version, entry, start_date, archived, changed_at, hlc, author, site_id)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (entry_id) DO UPDATE SET version = excluded.version, entry = excluded.entry, start_date = excluded.start_date,
       archived = excluded.archived, changed_at = excluded.changed_at, hlc = excluded.hlc, author = excluded.author,
       site_id = excluded.site_id
     WHERE excluded.version >= scheduled_entry.version`,
    entryId,
    origin.version,
    JSON.stringify(entry),
    entry.startDate,
    archived ? 1 : 0,
    origin.at,
    origin.hlc,
    origin.author,
    origin.siteId,
  );
}
