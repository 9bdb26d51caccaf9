import type { Found } from '../../../../app/domains/exchange/exchangeSchema.ts';
import type { JsonDataSet } from '../../../dicom/dicomJson.ts';
import { type FindLevel, uniqueKeys } from './findKeys.ts';

/** A match before our own index was asked what of it is here. */
export type FoundRow = Omit<Found, 'hereCount'>;

/** Longest text of a peer that is shown; longer than any of the attributes may be (PS3.5 table 6.2-1: PN 3 × 64 and `=`). */
const longestText = 324;
const mostModalities = 32;
const largestCount = 10_000_000;

/**
 * What a peer answered as a row, whatever it is worth: text is cut and cleaned of control characters, a count is a count
 * or null. `above` fills in what was asked for and peers leave out of their answers.
 *
 * @returns null when it does not name what its level is about, or names what was not asked for
 */
export function toFoundRow(
  nodeId: string,
  level: FindLevel,
  answer: JsonDataSet,
  above: { readonly studyUid: string; readonly seriesUid: string },
): FoundRow | null {
  const text = (tag: string) => textOf(answer, tag);
  const own = text(uniqueKeys[level]);
  if (own === '' || (level !== 'PATIENT' && !isUid(own))) return null;
  const studyUid = text('0020000D') || above.studyUid;
  const seriesUid = text('0020000E') || above.seriesUid;
  // A peer that ignores a unique key answers with everything it has.
  if (level !== 'PATIENT' && above.studyUid !== '' && studyUid !== above.studyUid) return null;
  if (level === 'IMAGE' && above.seriesUid !== '' && seriesUid !== above.seriesUid) return null;
  if ((level === 'SERIES' || level === 'IMAGE') && (!isUid(studyUid) || !isUid(seriesUid))) return null;
  return {
    nodeId,
    level,
    patientName: text('00100010'),
    patientId: text('00100020'),
    issuer: text('00100021'),
    birthDate: text('00100030'),
    sex: text('00100040'),
    studyUid: level === 'PATIENT' ? '' : studyUid,
    studyDate: text('00080020'),
    studyTime: text('00080030'),
    studyDescription: text('00081030'),
    accessionNumber: text('00080050'),
    modalities: modalitiesOf(answer),
    seriesUid: level === 'SERIES' || level === 'IMAGE' ? seriesUid : '',
    seriesNumber: text('00200011'),
    seriesDescription: text('0008103E'),
    sopUid: level === 'IMAGE' ? own : '',
    instanceNumber: text('00200013'),
    instanceCount: level === 'IMAGE' ? 1 : countOf(answer, countTags[level]),
  };
}

/** By which a second answer of the same thing is known. */
export function keyOfRow(row: FoundRow): string {
  switch (row.level) {
    case 'PATIENT':
      return JSON.stringify([row.patientId, row.issuer, row.patientName]);
    case 'STUDY':
      return row.studyUid;
    case 'SERIES':
      return row.seriesUid;
    case 'IMAGE':
      return row.sopUid;
  }
}

const countTags: Readonly<Record<Exclude<FindLevel, 'IMAGE'>, string>> = {
  PATIENT: '00201204',
  STUDY: '00201208',
  SERIES: '00201209',
};

/** At most 64 characters of digits and dots (PS3.5 9.1); leading zeros are written by many and do no harm. */
export function isUid(text: string): boolean {
  return text.length <= 64 && /^\d+(\.\d+)+$/.test(text);
}

function firstValue(answer: JsonDataSet, tag: string): unknown {
  const values = answer[tag]?.Value;
  return Array.isArray(values) ? values[0] : undefined;
}

export function textOf(answer: JsonDataSet, tag: string): string {
  return clean(firstValue(answer, tag));
}

function clean(value: unknown): string {
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : '';
  if (typeof value === 'object' && value !== null) {
    const { Alphabetic, Ideographic, Phonetic } = value as Record<string, unknown>;
    const groups = [Alphabetic, Ideographic, Phonetic].map((group) => (typeof group === 'string' ? clean(group) : ''));
    return groups.join('=').replace(/=+$/, '').slice(0, longestText);
  }
  if (typeof value !== 'string') return '';
  // Control characters, and those that turn the direction of text round what follows.
  return value
    .slice(0, 4 * longestText)
    .toWellFormed()
    .replace(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu, '')
    .trim()
    .slice(0, longestText);
}

function modalitiesOf(answer: JsonDataSet): string[] {
  const values = [answer['00080061']?.Value, answer['00080060']?.Value].flatMap((each) =>
    Array.isArray(each) ? each.slice(0, mostModalities) : [],
  );
  // Some peers answer 'CT\\MR' as one value, some 'CT,MR'.
  const codes = values.flatMap((value) => clean(value).split(/[\\,/]/)).map((code) => code.trim().slice(0, 16));
  return [...new Set(codes)].filter((code) => code !== '').slice(0, mostModalities);
}

function countOf(answer: JsonDataSet, tag: string): number | null {
  const value = Number(textOf(answer, tag) || Number.NaN);
  return Number.isInteger(value) && value >= 0 && value <= largestCount ? value : null;
}
