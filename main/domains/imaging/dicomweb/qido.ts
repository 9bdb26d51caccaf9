import type { OpenStore } from '../../../core.ts';

type Level = 'study' | 'series' | 'instance';

export interface QidoQuery {
  readonly level: Level;
  readonly studyUid?: string | undefined;
  readonly seriesUid?: string | undefined;
  readonly parameters: URLSearchParams;
}

export interface QidoAnswer {
  readonly matches: Record<string, JsonValue>[];
  /** What of the query was not obeyed, for a Warning header. */
  readonly ignored: string[];
}

type JsonValue = { vr: string; Value?: unknown[] };
type Parameter = string | number;

interface Attribute {
  readonly tag: string;
  readonly keyword: string;
  readonly level: Level;
  readonly vr: string;
  readonly column: string;
  readonly match: 'text' | 'uid' | 'date' | 'number' | 'modalities' | 'none';
}

/** What can be matched and what is returned (PS3.18 tables 10.6.1-5 and 10.6.3-3 to -5). `column` is of the joined rows. */
const attributes: readonly Attribute[] = [
  { tag: '00080020', keyword: 'StudyDate', level: 'study', vr: 'DA', column: 'st.study_date', match: 'date' },
  { tag: '00080030', keyword: 'StudyTime', level: 'study', vr: 'TM', column: 'st.study_time', match: 'date' },
  {
    tag: '00080050',
    keyword: 'AccessionNumber',
    level: 'study',
    vr: 'SH',
    column: 'st.accession_number',
    match: 'text',
  },
  {
    tag: '00080061',
    keyword: 'ModalitiesInStudy',
    level: 'study',
    vr: 'CS',
    column: 'st.modalities',
    match: 'modalities',
  },
  {
    tag: '00080090',
    keyword: 'ReferringPhysicianName',
    level: 'study',
    vr: 'PN',
    column: 'st.referring_physician',
    match: 'text',
  },
  { tag: '00081030', keyword: 'StudyDescription', level: 'study', vr: 'LO', column: 'st.description', match: 'text' },
  { tag: '00100010', keyword: 'PatientName', level: 'study', vr: 'PN', column: 'p.name', match: 'text' },
  { tag: '00100020', keyword: 'PatientID', level: 'study', vr: 'LO', column: 'p.identifier', match: 'text' },
  { tag: '00100021', keyword: 'IssuerOfPatientID', level: 'study', vr: 'LO', column: 'p.issuer', match: 'text' },
  { tag: '00100030', keyword: 'PatientBirthDate', level: 'study', vr: 'DA', column: 'p.birth_date', match: 'date' },
  { tag: '00100040', keyword: 'PatientSex', level: 'study', vr: 'CS', column: 'p.sex', match: 'text' },
  { tag: '0020000D', keyword: 'StudyInstanceUID', level: 'study', vr: 'UI', column: 'st.study_uid', match: 'uid' },
  { tag: '00200010', keyword: 'StudyID', level: 'study', vr: 'SH', column: 'st.study_id', match: 'text' },
  {
    tag: '00201206',
    keyword: 'NumberOfStudyRelatedSeries',
    level: 'study',
    vr: 'IS',
    column: 'st.series_count',
    match: 'none',
  },
  {
    tag: '00201208',
    keyword: 'NumberOfStudyRelatedInstances',
    level: 'study',
    vr: 'IS',
    column: 'st.instance_count',
    match: 'none',
  },
  { tag: '00080060', keyword: 'Modality', level: 'series', vr: 'CS', column: 's.modality', match: 'text' },
  { tag: '0008103E', keyword: 'SeriesDescription', level: 'series', vr: 'LO', column: 's.description', match: 'text' },
  { tag: '00180015', keyword: 'BodyPartExamined', level: 'series', vr: 'CS', column: 's.body_part', match: 'text' },
  { tag: '0020000E', keyword: 'SeriesInstanceUID', level: 'series', vr: 'UI', column: 's.series_uid', match: 'uid' },
  { tag: '00200011', keyword: 'SeriesNumber', level: 'series', vr: 'IS', column: 's.series_number', match: 'number' },
  {
    tag: '00201209',
    keyword: 'NumberOfSeriesRelatedInstances',
    level: 'series',
    vr: 'IS',
    column: 's.instance_count',
    match: 'none',
  },
  { tag: '00080016', keyword: 'SOPClassUID', level: 'instance', vr: 'UI', column: 'i.sop_class_uid', match: 'uid' },
  { tag: '00080018', keyword: 'SOPInstanceUID', level: 'instance', vr: 'UI', column: 'i.sop_uid', match: 'uid' },
  {
    tag: '00083002',
    keyword: 'AvailableTransferSyntaxUID',
    level: 'instance',
    vr: 'UI',
    column: 'i.transfer_syntax_uid',
    match: 'none',
  },
  {
    tag: '00200013',
    keyword: 'InstanceNumber',
    level: 'instance',
    vr: 'IS',
    column: 'i.instance_number',
    match: 'number',
  },
  { tag: '00280008', keyword: 'NumberOfFrames', level: 'instance', vr: 'IS', column: 'i.frames', match: 'none' },
  { tag: '00280010', keyword: 'Rows', level: 'instance', vr: 'US', column: 'i.rows', match: 'none' },
  { tag: '00280011', keyword: 'Columns', level: 'instance', vr: 'US', column: 'i.columns', match: 'none' },
];

const byName = new Map(
  attributes.flatMap(
    (attribute) =>
      [
        [attribute.tag, attribute],
        [attribute.keyword.toLowerCase(), attribute],
      ] as const,
  ),
);
const depth: Readonly<Record<Level, number>> = { study: 0, series: 1, instance: 2 };

const defaultLimit = 200;
const mostResults = 5000;

/** Searches studies, series or instances (QIDO-RS, PS3.18 section 10.6), newest studies first. */
export async function searchDicomweb(store: Pick<OpenStore, 'readLater'>, query: QidoQuery): Promise<QidoAnswer> {
  const conditions: string[] = [];
  const values: Parameter[] = [];
  const ignored: string[] = [];
  const addCondition = (sql: string, ...parameters: Parameter[]) => {
    conditions.push(sql);
    values.push(...parameters);
  };
  if (query.studyUid !== undefined) addCondition('st.study_uid = ?', query.studyUid);
  if (query.seriesUid !== undefined) addCondition('s.series_uid = ?', query.seriesUid);
  let limit = defaultLimit;
  let offset = 0;
  for (const [name, value] of query.parameters) {
    if (name === 'limit') limit = boundedInteger(value, 1, mostResults, defaultLimit);
    else if (name === 'offset') offset = boundedInteger(value, 0, Number.MAX_SAFE_INTEGER, 0);
    else if (name === 'includefield') continue;
    else if (name === 'fuzzymatching') {
      if (value === 'true') ignored.push(name);
    } else {
      const attribute = byName.get(name.toLowerCase()) ?? byName.get(name.toUpperCase());
      // A key below the level that is asked for can't select here.
      if (!attribute || attribute.match === 'none' || depth[attribute.level] > depth[query.level]) ignored.push(name);
      else if (value !== '') addMatch(attribute, value, addCondition);
    }
  }
  const returned = attributes.filter((attribute) => depth[attribute.level] <= depth[query.level]);
  const joins = ['study st JOIN patient p ON p.patient_id = st.patient_id'];
  if (query.level !== 'study') joins.push('JOIN series s ON s.study_row = st.study_row');
  if (query.level === 'instance') joins.push('JOIN instance i ON i.series_row = s.series_row');
  const order = {
    study: 'st.study_date DESC, st.study_time DESC, st.study_uid',
    series: 'st.study_date DESC, st.study_time DESC, st.study_uid, s.series_number, s.series_uid',
    instance:
      'st.study_date DESC, st.study_time DESC, st.study_uid, s.series_number, s.series_uid, i.instance_number, i.sop_uid',
  }[query.level];
  const rows = await store.readLater<Record<string, string | number | null>>(
    `SELECT ${returned.map((attribute) => `${attribute.column} AS "${attribute.tag}"`).join(', ')} FROM ${joins.join(' ')}
     WHERE ${conditions.join(' AND ') || '1'} ORDER BY ${order} LIMIT ? OFFSET ?`,
    ...values,
    limit,
    offset,
  );
  return { matches: rows.map((row) => toMatch(row, returned)), ignored };
}

function addMatch(attribute: Attribute, value: string, add: (sql: string, ...parameters: Parameter[]) => void): void {
  const { column } = attribute;
  if (attribute.match === 'uid') {
    const uids = value.split(/[\\,]/).filter((uid) => uid !== '');
    add(`${column} IN (${uids.map(() => '?').join(', ')})`, ...uids);
  } else if (attribute.match === 'date') {
    addRange(column, value, add);
  } else if (attribute.match === 'number') {
    add(`${column} = ?`, Number(value));
  } else if (attribute.match === 'modalities') {
    const wanted = value.split(/[\\,]/).filter((modality) => modality !== '');
    const one = `instr('\\' || ${column} || '\\', ?) > 0`;
    add(`(${wanted.map(() => one).join(' OR ')})`, ...wanted.map((modality) => `\\${modality}\\`));
  } else {
    add(`${column} LIKE ? ESCAPE '!'`, likePattern(value));
  }
}

/** A date or time, or a range with a hyphen whose ends may be open (PS3.4 C.2.2.2.5). Missing values match no range. */
function addRange(column: string, value: string, add: (sql: string, ...parameters: Parameter[]) => void): void {
  const [from = '', to] = value.split('-');
  if (to === undefined) {
    add(`${column} = ?`, from);
    return;
  }
  add(`${column} <> ''`);
  if (from !== '') add(`${column} >= ?`, from);
  // The end takes in every longer value that begins with it: '10' ends with 105959.
  if (to !== '') add(`substr(${column}, 1, ${to.length}) <= ?`, to);
}

/** DICOM wildcards (PS3.4 C.2.2.2.4) as a LIKE pattern, whose letters ignore ASCII case. */
function likePattern(value: string): string {
  return value.replace(/[!%_]/g, '!$&').replaceAll('*', '%').replaceAll('?', '_');
}

function boundedInteger(text: string, low: number, high: number, otherwise: number): number {
  const value = Number(text);
  return Number.isInteger(value) ? Math.min(high, Math.max(low, value)) : otherwise;
}

function toMatch(
  row: Record<string, string | number | null>,
  returned: readonly Attribute[],
): Record<string, JsonValue> {
  const match: Record<string, JsonValue> = {};
  for (const { tag, vr, match: kind } of returned) {
    const value = row[tag];
    if (value === null || value === undefined || value === '') match[tag] = { vr };
    else if (vr === 'PN') match[tag] = { vr, Value: [toName(String(value))] };
    else if (kind === 'modalities') match[tag] = { vr, Value: String(value).split('\\') };
    else match[tag] = { vr, Value: [value] };
  }
  match['00080056'] = { vr: 'CS', Value: ['ONLINE'] };
  return match;
}

function toName(value: string): Record<string, string> {
  const [alphabetic, ideographic, phonetic] = value.split('=');
  return {
    ...(alphabetic ? { Alphabetic: alphabetic } : {}),
    ...(ideographic ? { Ideographic: ideographic } : {}),
    ...(phonetic ? { Phonetic: phonetic } : {}),
  };
}
