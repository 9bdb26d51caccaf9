import type { OpenStore } from '../../../core.ts';
import { type Attribute, attributes, findAttribute, type Level } from './qidoAttributes.ts';
import { BadQuery, conditionOf, type Parameter } from './qidoMatch.ts';

export interface QidoQuery {
  readonly level: Level;
  readonly studyUid?: string | undefined;
  readonly seriesUid?: string | undefined;
  readonly parameters: URLSearchParams;
  /** Base URI of this service, for the addresses of what is found. */
  readonly service: string;
}

export interface QidoAnswer {
  readonly matches: Record<string, JsonValue>[];
  /** What of the query was not obeyed and what is still to be had, each a sentence for a Warning header. */
  readonly warnings: string[];
}

type JsonValue = { vr: string; Value?: unknown[] };
type Row = Record<string, string | number | null>;

const depth: Readonly<Record<Level, number>> = { study: 0, series: 1, instance: 2 };
const defaultLimit = 200;
const mostResults = 5000;

/** Parameters that are known and not served, with the words of PS3.18 sections 8.3.4.5 and 8.3.4.6. */
const unserved: Readonly<Record<string, string>> = {
  emptyvaluematching: 'The emptyvaluematching parameter is not supported. Empty Value Matching has not been performed.',
  multiplevaluematching:
    'The multiplevaluematching parameter is not supported. Multiple Value Matching has not been performed.',
};

interface Asked {
  readonly keys: { attribute: Attribute; value: string }[];
  readonly warnings: string[];
  fuzzy: boolean;
  limit: number;
  offset: number;
}

/**
 * Searches studies, series or instances (QIDO-RS, PS3.18 section 10.6), newest studies first. Every attribute that can
 * be given of a level is given, asked for or not.
 *
 * @throws BadQuery when a value is none
 */
export async function searchDicomweb(store: Pick<OpenStore, 'readLater'>, query: QidoQuery): Promise<QidoAnswer> {
  const { keys, warnings, fuzzy, limit, offset } = readParameters(query);
  const conditions = keys.map(({ attribute, value }) => conditionOf(attribute, value, fuzzy));
  if (query.studyUid !== undefined) conditions.push({ sql: 'st.study_uid = ?', parameters: [query.studyUid] });
  if (query.seriesUid !== undefined) conditions.push({ sql: 's.series_uid = ?', parameters: [query.seriesUid] });
  const values = conditions.flatMap(({ parameters }): Parameter[] => [...parameters]);
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
  const found = `FROM ${joins.join(' ')} WHERE ${conditions.map(({ sql }) => sql).join(' AND ') || '1'}`;
  const columns = returned.map((attribute) => `${attribute.column} AS "${attribute.tag}"`).join(', ');
  const rows = await store.readLater<Row & { conflict: number }>(
    `SELECT ${columns}, st.identity_conflict AS conflict ${found} ORDER BY ${order} LIMIT ? OFFSET ?`,
    ...values,
    limit,
    offset,
  );
  if (rows.length === limit) {
    const [all] = await store.readLater<{ n: number }>(`SELECT count(*) AS n ${found}`, ...values);
    const remaining = (all?.n ?? 0) - offset - rows.length;
    if (remaining > 0) warnings.push(`There are ${remaining} additional results that can be requested`);
  }
  return { matches: rows.map((row) => toMatch(row, returned, query)), warnings };
}

function readParameters(query: QidoQuery): Asked {
  const asked: Asked = { keys: [], warnings: [], fuzzy: false, limit: defaultLimit, offset: 0 };
  const ignored: string[] = [];
  for (const [name, value] of query.parameters) {
    const parameter = name.toLowerCase();
    if (parameter === 'limit') asked.limit = Math.min(mostResults, readCount(value));
    else if (parameter === 'offset') asked.offset = readCount(value);
    else if (parameter === 'includefield') ignored.push(...value.split(',').filter((field) => !isGiven(field, query)));
    else if (parameter === 'fuzzymatching') asked.fuzzy = value === 'true';
    else if (unserved[parameter] !== undefined) {
      if (value === 'true') asked.warnings.push(unserved[parameter]);
    } else {
      const attribute = findAttribute(name);
      // A key below the level that is asked for can't select here.
      if (!attribute || attribute.match === 'none' || depth[attribute.level] > depth[query.level]) ignored.push(name);
      else if (value !== '') asked.keys.push({ attribute, value });
    }
  }
  // Only what has the form of an attribute is said back: a header is no place for anything else.
  const names = [...new Set(ignored.filter((name) => /^[0-9A-Za-z.]{1,64}$/.test(name)))].join(', ');
  if (ignored.length > 0) asked.warnings.push(`Parameters that are not supported were ignored: ${names || 'unnamed'}`);
  const isLiteral = asked.keys.some(({ attribute }) => attribute.keyword === 'ReferringPhysicianName');
  if (asked.fuzzy && isLiteral)
    asked.warnings.push('The fuzzymatching parameter is not supported for ReferringPhysicianName.');
  return asked;
}

function isGiven(field: string, query: QidoQuery): boolean {
  if (field === '' || field.toLowerCase() === 'all') return true;
  const attribute = findAttribute(field);
  return attribute !== undefined && depth[attribute.level] <= depth[query.level];
}

function readCount(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new BadQuery('limit and offset are whole numbers');
  return Number(text);
}

function toMatch(
  row: Row & { conflict: number },
  returned: readonly Attribute[],
  { level, service }: QidoQuery,
): Record<string, JsonValue> {
  const match: Record<string, JsonValue> = {};
  for (const { tag, vr, match: kind } of returned) {
    const value = row[tag];
    if (value === null || value === undefined || value === '') match[tag] = { vr };
    else if (vr === 'PN') match[tag] = { vr, Value: [toName(String(value))] };
    else if (kind === 'modalities') match[tag] = { vr, Value: String(value).split('\\') };
    else match[tag] = { vr, Value: [value] };
  }
  // Nothing of a study that names two people is given out: it is found, and that is all.
  match['00080056'] = { vr: 'CS', Value: [row.conflict === 1 ? 'UNAVAILABLE' : 'ONLINE'] };
  if (row.conflict !== 1) {
    const parts = [`studies/${row['0020000D']}`];
    if (level !== 'study') parts.push(`series/${row['0020000E']}`);
    if (level === 'instance') parts.push(`instances/${row['00080018']}`);
    match['00081190'] = { vr: 'UR', Value: [`${service}/${parts.join('/')}`] };
  }
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
