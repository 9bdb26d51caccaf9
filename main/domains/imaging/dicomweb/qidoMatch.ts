import { foldText } from '../../../../app/shared/foldText.ts';
import type { Attribute } from './qidoAttributes.ts';

/** A query that says something it can't mean: answered with 400 (PS3.18 section 8.5). */
export class BadQuery extends Error {}

export type Parameter = string | number;

export interface Condition {
  readonly sql: string;
  readonly parameters: readonly Parameter[];
}

/** The columns of study_identity: what else a study of two people says of whose it is. */
const identityColumns: Readonly<Record<string, string>> = {
  'p.name': 'n.name',
  'p.identifier': 'n.identifier',
  'p.issuer': 'n.issuer',
  'p.birth_date': 'n.birth_date',
};

/**
 * One matching key as SQL (PS3.4 section C.2.2.2). A study that names two people is met by either of them.
 *
 * @throws BadQuery for a value that its VR does not allow
 */
export function conditionOf(attribute: Attribute, value: string, fuzzy: boolean): Condition {
  const own =
    fuzzy && attribute.keyword === 'PatientName'
      ? matchWords('p.name_key', value)
      : matchColumn(attribute, attribute.column, value);
  const column = identityColumns[attribute.column];
  if (column === undefined) return own;
  const other = matchColumn(attribute, column, value);
  return {
    sql: `(${own.sql} OR (st.identity_conflict = 1 AND EXISTS (SELECT 1 FROM study_identity n WHERE n.study_row = st.study_row AND ${other.sql})))`,
    parameters: [...own.parameters, ...other.parameters],
  };
}

function matchColumn({ match }: Attribute, column: string, value: string): Condition {
  switch (match) {
    case 'uid': {
      const uids = listOf(value);
      if (!uids.every((uid) => /^[0-9.]{1,64}$/.test(uid))) throw new BadQuery('a UID is digits and dots');
      return { sql: `${column} IN (${uids.map(() => '?').join(', ')})`, parameters: uids };
    }
    case 'date':
      return matchRange(column, value, /^\d{8}$/);
    case 'time':
      return matchRange(column, value, /^\d{2}(\d{2}(\d{2}(\.\d{1,6})?)?)?$/);
    case 'number': {
      if (!/^\s*[+-]?\d{1,12}\s*$/.test(value)) throw new BadQuery('an integer string is digits');
      return { sql: `${column} = ?`, parameters: [Number(value)] };
    }
    case 'modalities': {
      const wanted = listOf(value);
      const one = `instr('\\' || ${column} || '\\', ?) > 0`;
      return {
        sql: `(${wanted.map(() => one).join(' OR ') || '0'})`,
        parameters: wanted.map((modality) => `\\${modality}\\`),
      };
    }
    default:
      return { sql: `${column} LIKE ? ESCAPE '!'`, parameters: [likePattern(value)] };
  }
}

/** Values with a comma or, as in a data set, a backslash between them. */
function listOf(value: string): string[] {
  return value.split(/[\\,]/).filter((each) => each !== '');
}

/** A date or time, or a range with a hyphen whose ends may be open (PS3.4 C.2.2.2.5). Missing values match no range. */
function matchRange(column: string, value: string, form: RegExp): Condition {
  const [from = '', to, ...more] = value.split('-');
  const ends = [from, to ?? ''].filter((end) => end !== '');
  if (more.length > 0 || ends.length === 0 || !ends.every((end) => form.test(end)))
    throw new BadQuery('a date or time, or a range of them');
  if (to === undefined) return { sql: `${column} = ?`, parameters: [from] };
  const conditions = [`${column} <> ''`];
  const parameters: string[] = [];
  if (from !== '') {
    conditions.push(`${column} >= ?`);
    parameters.push(from);
  }
  if (to !== '') {
    // The end takes in every longer value that begins with it: '10' ends with 105959.
    conditions.push(`substr(${column}, 1, ${to.length}) <= ?`);
    parameters.push(to);
  }
  return { sql: `(${conditions.join(' AND ')})`, parameters };
}

/** DICOM wildcards (PS3.4 C.2.2.2.4) as a LIKE pattern, whose letters ignore ASCII case. */
function likePattern(value: string): string {
  return value.replace(/[!%_]/g, '!$&').replaceAll('*', '%').replaceAll('?', '_');
}

/** Fuzzy matching of a name (PS3.4 C.2.2.2.1.1), which is the server's to define: beginnings of words, any order, accents and case aside. */
function matchWords(column: string, value: string): Condition {
  const words = foldText(value)
    .split(' ')
    .filter((word) => word !== '');
  return {
    sql: `(${words.map(() => `instr(' ' || ${column}, ?) > 0`).join(' AND ') || '1'})`,
    parameters: words.map((word) => ` ${word}`),
  };
}
