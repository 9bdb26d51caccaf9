import type { FindQuery } from '../../../../app/domains/exchange/exchangeSchema.ts';
import { Failure } from '../../../../app/shared/failure.ts';
import type { JsonAttribute, JsonDataSet } from '../../../dicom/dicomJson.ts';
import type { DicomwebSearch } from '../../../dicom/web/dicomweb.ts';

export type FindLevel = FindQuery['level'];

/** Information models of query and retrieve (PS3.4 C.6.1 and C.6.2). */
export const findModels = {
  patientRoot: '1.2.840.10008.5.1.4.1.2.1.1',
  studyRoot: '1.2.840.10008.5.1.4.1.2.2.1',
} as const;

/** A patient is a level of its own in the patient root model alone. */
export const modelOf = (level: FindLevel): string =>
  level === 'PATIENT' ? findModels.patientRoot : findModels.studyRoot;

/** A search by nothing else may reach over so many days. */
const longestBareRangeDays = 31;
const msPerDay = 86_400_000;

/** VRs of the keys that are asked for; those of PS3.4 C.6.1.1 and C.6.2.1. */
const keyVrs: Readonly<Record<string, string>> = {
  '00080016': 'UI',
  '00080018': 'UI',
  '00080020': 'DA',
  '00080030': 'TM',
  '00080050': 'SH',
  '00080060': 'CS',
  '00080061': 'CS',
  '00081030': 'LO',
  '0008103E': 'LO',
  '00100010': 'PN',
  '00100020': 'LO',
  '00100021': 'LO',
  '00100030': 'DA',
  '00100040': 'CS',
  '0020000D': 'UI',
  '0020000E': 'UI',
  '00200011': 'IS',
  '00200013': 'IS',
  '00201204': 'IS',
  '00201206': 'IS',
  '00201208': 'IS',
  '00201209': 'IS',
};

const patientKeys = ['00100010', '00100020', '00100021', '00100030', '00100040'];
const studyKeys = ['00080020', '00080030', '00080050', '00081030', '0020000D'];

/** What each level gives back (required, unique and the optional ones that are shown). */
const returnedKeys: Readonly<Record<FindLevel, readonly string[]>> = {
  PATIENT: [...patientKeys, '00201204'],
  STUDY: [...patientKeys, ...studyKeys, '00080061', '00201206', '00201208'],
  SERIES: ['00080060', '0008103E', '0020000D', '0020000E', '00200011', '00201209'],
  IMAGE: ['00080016', '00080018', '0020000D', '0020000E', '00200013'],
};

/** The UID, or for a patient the identifier, without which an answer of this level names nothing. */
export const uniqueKeys: Readonly<Record<FindLevel, string>> = {
  PATIENT: '00100020',
  STUDY: '0020000D',
  SERIES: '0020000E',
  IMAGE: '00080018',
};

/**
 * Refuses what would make a peer list everything it has. A patient or study needs something to go by: a letter or digit
 * of a name, a number or a description, or else a range of days of at most 31; series are asked for in one study and
 * images in one series (the hierarchical search that every peer has, PS3.4 C.4.1.2.2.1).
 *
 * @param nowMs for a range without an end, epoch ms
 * @throws Failure('exchange.queryTooWide')
 */
export function requireBound(query: FindQuery, nowMs: number): void {
  if (isBound(query, nowMs)) return;
  throw new Failure('exchange.queryTooWide', 'the search would list everything', {
    level: query.level,
    days: longestBareRangeDays,
  });
}

function isBound(query: FindQuery, nowMs: number): boolean {
  if (query.level === 'SERIES') return query.studyUid !== '';
  if (query.level === 'IMAGE') return query.studyUid !== '' && query.seriesUid !== '';
  const { patientName, patientId, accessionNumber, studyDescription } = query;
  if ([patientName, patientId].some(saysSomething)) return true;
  if (query.level === 'PATIENT') return false;
  if ([accessionNumber, studyDescription].some(saysSomething) || query.studyUid !== '') return true;
  const from = dayOf(query.studyDateFrom);
  // An end that is open goes on until tomorrow: clocks and time zones differ.
  const to = query.studyDateTo === '' ? nowMs + msPerDay : dayOf(query.studyDateTo);
  return from !== null && to !== null && to - from <= longestBareRangeDays * msPerDay;
}

const saysSomething = (text: string): boolean => /[\p{L}\p{N}]/u.test(text);

function dayOf(date: string): number | null {
  const match = /^(\d{4})(\d\d)(\d\d)$/.exec(date);
  return match ? Date.UTC(Number(match[1]), Number(match[2]) - 1, Number(match[3])) : null;
}

/**
 * The identifier of a C-FIND (PS3.4 C.4.1.1.3) as the DICOM JSON model: what to match, and empty what to give back.
 * Text is asked for in UTF-8, unless `plain`: some old peers refuse a character set they do not know.
 */
export function makeFindKeys(query: FindQuery, plain = false): JsonDataSet {
  const keys: JsonDataSet = { '00080052': { vr: 'CS', Value: [query.level] } };
  if (!plain) keys['00080005'] = { vr: 'CS', Value: ['ISO_IR 192'] };
  for (const tag of returnedKeys[query.level]) keys[tag] = { vr: keyVrs[tag] ?? 'LO' };
  for (const [tag, text] of matchedKeys(query)) keys[tag] = matching(keyVrs[tag] ?? 'LO', text);
  return keys;
}

/** The identifiers of C-GET and C-MOVE (PS3.4 C.4.2.1.4): only the level and the unique keys down to it. */
export function makeRetrieveKeys(place: {
  readonly studyUid: string;
  readonly seriesUid?: string;
  readonly sopUids?: readonly string[];
}): JsonDataSet {
  const { studyUid, seriesUid, sopUids } = place;
  const uid = (...values: string[]): JsonAttribute => ({ vr: 'UI', Value: values });
  const keys: JsonDataSet = {
    '00080052': { vr: 'CS', Value: [sopUids ? 'IMAGE' : seriesUid === undefined ? 'STUDY' : 'SERIES'] },
    '0020000D': uid(studyUid),
  };
  if (seriesUid !== undefined) keys['0020000E'] = uid(seriesUid);
  if (sopUids) keys['00080018'] = uid(...sopUids);
  return keys;
}

/** The same question as a QIDO-RS search (PS3.18 10.6). Patients are what their studies name. */
export function makeQidoSearch(query: FindQuery): Omit<DicomwebSearch, 'signal' | 'atMost'> {
  const keywords: Readonly<Record<string, string>> = {
    '00080020': 'StudyDate',
    '00080050': 'AccessionNumber',
    '00080060': 'Modality',
    '00080061': 'ModalitiesInStudy',
    '00081030': 'StudyDescription',
    '00100010': 'PatientName',
    '00100020': 'PatientID',
    '0020000D': 'StudyInstanceUID',
    '0020000E': 'SeriesInstanceUID',
  };
  const asked = query.level === 'PATIENT' ? { ...query, level: 'STUDY' as const } : query;
  const inPath = asked.level === 'SERIES' ? ['0020000D'] : asked.level === 'IMAGE' ? ['0020000D', '0020000E'] : [];
  const match: Record<string, string> = {};
  for (const [tag, text] of matchedKeys(asked)) {
    const keyword = keywords[tag];
    if (keyword !== undefined && !inPath.includes(tag)) match[keyword] = text;
  }
  switch (asked.level) {
    case 'SERIES':
      return { level: 'series', studyUid: query.studyUid, match, includeFields: ['SeriesDescription'] };
    case 'IMAGE':
      return { level: 'instances', studyUid: query.studyUid, seriesUid: query.seriesUid, match };
    default:
      return { level: 'studies', match, includeFields: ['StudyDescription', 'IssuerOfPatientID'] };
  }
}

/** Keys of the level and above it that the person filled in. */
function matchedKeys(query: FindQuery): [tag: string, text: string][] {
  const { level } = query;
  const keys: [string, string][] = [];
  const add = (tag: string, text: string) => {
    if (text !== '') keys.push([tag, text]);
  };
  if (level === 'PATIENT' || level === 'STUDY') {
    add('00100010', asMatch(query.patientName));
    add('00100020', asMatch(query.patientId));
  }
  if (level === 'STUDY') {
    add('00080050', asMatch(query.accessionNumber));
    add('00080020', dateRange(query.studyDateFrom, query.studyDateTo));
    add('00080061', asCode(query.modality));
    add('00081030', asMatch(query.studyDescription));
  }
  if (level === 'SERIES') add('00080060', asCode(query.modality));
  if (level !== 'PATIENT') add('0020000D', query.studyUid);
  if (level === 'SERIES' || level === 'IMAGE') add('0020000E', query.seriesUid);
  return keys;
}

/** A key of one value; a name in its groups. */
export function matching(vr: string, text: string): JsonAttribute {
  if (vr !== 'PN') return { vr, Value: [text] };
  const [alphabetic = '', ideographic = '', ...phonetic] = text.split('=');
  return {
    vr,
    Value: [{ Alphabetic: alphabetic, Ideographic: ideographic, Phonetic: phonetic.join('?') }],
  };
}

/** What would split a value or break off a message stands for any one character: nothing that was meant is lost. */
export function asMatch(text: string): string {
  return text
    .toWellFormed()
    .trim()
    .replace(/[\\\p{Cc}]/gu, '?');
}

/** A code string has capitals of ASCII alone. */
export function asCode(text: string): string {
  return asMatch(text)
    .toUpperCase()
    .replace(/[^\x20-\x7e]/g, '?');
}

/** Range matching (PS3.4 C.2.2.2.5); one day is matched as itself. */
export function dateRange(from: string, to: string): string {
  if (from === to) return from;
  return `${from}-${to}`;
}
