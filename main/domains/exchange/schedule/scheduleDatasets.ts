import type { ScheduledStep } from '../../../../app/domains/exchange/exchangeSchema.ts';
import type { ScheduleQuery } from '../../../../app/domains/exchange/scheduleSchema.ts';
import type { JsonAttribute, JsonDataSet } from '../../../dicom/dicomJson.ts';
import { asCode, asMatch, dateRange, matching } from '../finding/findKeys.ts';
import { isUid, textOf } from '../finding/foundRows.ts';

/** Modality Worklist Information Model – FIND (PS3.4 K.4). */
export const worklistModel = '1.2.840.10008.5.1.4.31';

/** One entry of a worklist has one scheduled step here; its attributes lie in this sequence. */
const stepSequence = '00400100';

/** Fields and where they stand: in the data set, or in its scheduled step (PS3.4 table K.6-1). */
const places: readonly (readonly [
  field: Exclude<keyof ScheduledStep, 'nodeId' | 'entryId'>,
  part: 'set' | 'step',
  tag: string,
  vr: string,
])[] = [
  ['accessionNumber', 'set', '00080050', 'SH'],
  ['patientName', 'set', '00100010', 'PN'],
  ['patientId', 'set', '00100020', 'LO'],
  ['birthDate', 'set', '00100030', 'DA'],
  ['sex', 'set', '00100040', 'CS'],
  ['studyUid', 'set', '0020000D', 'UI'],
  ['procedureDescription', 'set', '00321060', 'LO'],
  ['requestedProcedureId', 'set', '00401001', 'SH'],
  ['modality', 'step', '00080060', 'CS'],
  ['stationAeTitle', 'step', '00400001', 'AE'],
  ['startDate', 'step', '00400002', 'DA'],
  ['startTime', 'step', '00400003', 'TM'],
  ['performingPhysician', 'step', '00400006', 'PN'],
];

/** The identifier of a question to a worklist: what to match, and empty what to give back. */
export function makeScheduleKeys(query: ScheduleQuery, plain = false): JsonDataSet {
  const asked: Partial<Record<(typeof places)[number][0], string>> = {
    accessionNumber: asMatch(query.accessionNumber),
    patientName: asMatch(query.patientName),
    patientId: asMatch(query.patientId),
    modality: asCode(query.modality),
    stationAeTitle: query.stationAeTitle,
    startDate: dateRange(query.dateFrom, query.dateTo),
  };
  const parts: Record<'set' | 'step', JsonDataSet> = { set: {}, step: {} };
  for (const [field, part, tag, vr] of places) {
    const text = asked[field] ?? '';
    parts[part][tag] = text === '' ? { vr } : matching(vr, text);
  }
  return {
    ...(plain ? {} : { '00080005': { vr: 'CS', Value: ['ISO_IR 192'] } }),
    ...parts.set,
    [stepSequence]: { vr: 'SQ', Value: [parts.step] },
  };
}

/** What a worklist answered, whatever it is worth; null when it names no patient. */
export function toScheduledStep(nodeId: string, answer: JsonDataSet): ScheduledStep | null {
  const step = stepOf(answer);
  const row: ScheduledStep = {
    nodeId,
    entryId: null,
    ...(Object.fromEntries(
      places.map(([field, part, tag]) => [field, textOf(part === 'set' ? answer : step, tag).slice(0, longest(field))]),
    ) as Omit<ScheduledStep, 'nodeId' | 'entryId'>),
  };
  if (row.patientName === '' && row.patientId === '') return null;
  return isUid(row.studyUid) ? row : { ...row, studyUid: '' };
}

/** As the schema of the contract has it. */
function longest(field: (typeof places)[number][0]): number {
  switch (field) {
    case 'patientName':
    case 'performingPhysician':
      return 324;
    case 'patientId':
    case 'procedureDescription':
    case 'studyUid':
      return 64;
    case 'birthDate':
    case 'startDate':
      return 8;
    case 'startTime':
      return 14;
    default:
      return 16;
  }
}

function stepOf(dataset: JsonDataSet): JsonDataSet {
  const items = dataset[stepSequence]?.Value;
  const item: unknown = Array.isArray(items) ? items[0] : undefined;
  return typeof item === 'object' && item !== null ? (item as JsonDataSet) : {};
}

/** An own entry as a modality is answered. What it asks for beyond that it gets empty (PS3.4 C.2.2.1.3). */
export function toWorklistAnswer(entry: ScheduledStep & { readonly entryId: string }, keys: JsonDataSet): JsonDataSet {
  const parts: Record<'set' | 'step', JsonDataSet> = { set: emptyOf(keys), step: emptyOf(stepOf(keys)) };
  for (const [field, part, tag, vr] of places) {
    const text = entry[field];
    parts[part][tag] = text === '' ? { vr } : matching(vr, text);
  }
  // A step needs an id of its own; there is one to an entry.
  parts.step['00400009'] = { vr: 'SH', Value: [entry.entryId.replaceAll('-', '').slice(-16)] };
  parts.step['00400007'] = parts.set['00321060'] ?? { vr: 'LO' };
  return {
    ...parts.set,
    '00080005': { vr: 'CS', Value: ['ISO_IR 192'] },
    [stepSequence]: { vr: 'SQ', Value: [parts.step] },
  };
}

function emptyOf(keys: JsonDataSet): JsonDataSet {
  const known = Object.entries(keys).filter(([tag, { vr }]) => vr !== 'SQ' && vr !== 'UN' && !tag.startsWith('0002'));
  return Object.fromEntries(known.map(([tag, { vr }]): [string, JsonAttribute] => [tag, { vr }]));
}

/**
 * Whether an entry is what a modality asks for (PS3.4 C.2.2.2): single values with wildcards, letter case and accents
 * aside in names, and ranges of days. Keys that are not known are no reason to leave it out.
 */
export function matchesKeys(entry: ScheduledStep, keys: JsonDataSet): boolean {
  const step = stepOf(keys);
  return places.every(([field, part, tag, vr]) => {
    const wanted = textOf(part === 'set' ? keys : step, tag);
    if (wanted === '' || wanted === '*') return true;
    const value = entry[field];
    if (vr === 'DA' || vr === 'TM') return isWithin(value, wanted);
    if (vr === 'UI') return wanted.split('\\').includes(value);
    return isLike(vr === 'PN' ? fold(value) : value, vr === 'PN' ? fold(wanted) : wanted);
  });
}

/** The days of the start that a modality asks for, for who looks them up; empty is open. */
export function startDaysOf(keys: JsonDataSet): { dateFrom: string; dateTo: string } {
  const match = /^(\d{8})?(-)?(\d{8})?$/.exec(textOf(stepOf(keys), '00400002'));
  const [, from = '', range, to = ''] = match ?? [];
  return range === undefined ? { dateFrom: from, dateTo: from } : { dateFrom: from, dateTo: to };
}

const fold = (text: string): string =>
  text
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/\^+(?=$|=)/g, '');

function isWithin(value: string, wanted: string): boolean {
  const range = /^(\d*)-(\d*)$/.exec(wanted);
  if (!range) return value.startsWith(wanted);
  const [, from = '', to = ''] = range;
  return (from === '' || value >= from) && (to === '' || value.slice(0, to.length) <= to);
}

/** `*` any characters, `?` any one; no regular expression made of what a peer sent. */
function isLike(value: string, wanted: string): boolean {
  const pieces = wanted.split('*');
  const fits = (piece: string, at: number): boolean =>
    at + piece.length <= value.length && [...piece].every((c, index) => c === '?' || c === value[at + index]);
  let at = 0;
  for (const [index, piece] of pieces.entries()) {
    if (index === 0) {
      if (!fits(piece, 0)) return false;
      at = piece.length;
    } else if (index === pieces.length - 1) {
      return value.length - piece.length >= at && fits(piece, value.length - piece.length);
    } else {
      while (at <= value.length && !fits(piece, at)) at += 1;
      if (at > value.length) return false;
      at += piece.length;
    }
  }
  return at === value.length;
}
