import type { FindQuery, Found } from '../../../app/domains/exchange/exchangeSchema.ts';
import { parseDicomDate } from '../../i18n/formats.ts';

/** What a person types into the search form, dates included: day, month, year in the order of both languages. */
export interface FindForm {
  readonly patientName: string;
  readonly patientId: string;
  readonly accessionNumber: string;
  readonly dateFrom: string;
  readonly dateTo: string;
  readonly modality: string;
}

export const emptyForm: FindForm = {
  patientName: '',
  patientId: '',
  accessionNumber: '',
  dateFrom: '',
  dateTo: '',
  modality: '',
};

/** DICOM wildcard matching (PS3.4 C.2.2.2.4): a name without a wildcard also finds what begins with it. */
function nameQuery(text: string): string {
  // People write 'DUPONT Jean' or 'Dupont, Jean'; DICOM's separator of name parts is '^'.
  const name = text.trim().replace(/\s*[,^]\s*/gu, '^');
  if (name === '' || /[*?]/u.test(name)) return name;
  return `${name}*`;
}

/**
 * A typed date as DICOM DA text; '' for an empty one, null for what is no date. Day first, as both languages write it,
 * or year first; never month first, and never two digits of a year. A date field of the browser would follow the
 * browser's language, not the window's, and show 05/04 for either.
 */
export function parseTypedDate(text: string): string | null {
  const typed = text.trim();
  if (typed === '') return '';
  const parts =
    /^(?:(?<d>\d{1,2})[/.\s-](?<m>\d{1,2})[/.\s-](?<y>\d{4})|(?<y2>\d{4})-?(?<m2>\d{2})-?(?<d2>\d{2}))$/u.exec(typed);
  if (!parts?.groups) return null;
  const { d, m, y, d2, m2, y2 } = parts.groups;
  const da = `${y ?? y2}${(m ?? m2 ?? '').padStart(2, '0')}${(d ?? d2 ?? '').padStart(2, '0')}`;
  return parseDicomDate(da) ? da : null;
}

/** The question at study level that the form asks. Only for a form whose dates are dates. */
export function queryOfForm(form: FindForm): FindQuery {
  return {
    level: 'STUDY',
    patientName: nameQuery(form.patientName),
    patientId: form.patientId.trim(),
    accessionNumber: form.accessionNumber.trim(),
    studyDateFrom: parseTypedDate(form.dateFrom) ?? '',
    studyDateTo: parseTypedDate(form.dateTo) ?? '',
    modality: form.modality.trim().toUpperCase(),
    studyDescription: '',
    studyUid: '',
    seriesUid: '',
  };
}

/** One match of one node: the same study on two nodes is two rows. */
export function foundKey(row: Pick<Found, 'nodeId' | 'studyUid' | 'seriesUid'>): string {
  return `${row.nodeId} ${row.studyUid} ${row.seriesUid}`;
}

/** Adds matches as they come, each once; a node that sends one twice does not make it two. */
export function mergeFound(known: readonly Found[], more: readonly Found[]): readonly Found[] {
  const seen = new Set(known.map(foundKey));
  const added = more.filter((row) => {
    const key = foundKey(row);
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
  return added.length === 0 ? known : [...known, ...added];
}

/** By node in the order they were asked, the newest study of each first. Rows never change places between equal dates. */
export function groupByNode(rows: readonly Found[], nodeIds: readonly string[]): readonly Found[] {
  const place = new Map(nodeIds.map((nodeId, index) => [nodeId, index]));
  const when = (row: Found): string => row.studyDate + row.studyTime;
  return rows.toSorted(
    (a, b) => (place.get(a.nodeId) ?? 0) - (place.get(b.nodeId) ?? 0) || when(b).localeCompare(when(a)),
  );
}

/** How much of a match is on this machine: nothing, all of it, or so many of how many (null: the node does not count). */
export type HereState = 'none' | 'whole' | 'part';

export function hereState(row: Pick<Found, 'hereCount' | 'instanceCount'>): HereState {
  if (row.hereCount === 0) return 'none';
  return row.instanceCount !== null && row.hereCount >= row.instanceCount ? 'whole' : 'part';
}

/** 'DUPONT^JEAN' as a person reads it. */
export function readableName(name: string): string {
  return (name.split('=')[0] ?? '').split('^').filter(Boolean).slice(0, 3).join(' ');
}
