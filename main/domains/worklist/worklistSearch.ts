import { searchWords } from '../../../app/domains/worklist/worklistRules.ts';
import type { WorklistFilter, WorklistSort } from '../../../app/domains/worklist/worklistSchema.ts';
import { foldText } from '../../../app/shared/foldText.ts';

type Parameter = string | number | null;

/** A piece of SQL with its parameters. */
export interface SqlPart {
  readonly sql: string;
  readonly parameters: readonly Parameter[];
}

/** A way into the list that finds few studies without looking at the others. */
export interface Driver extends SqlPart {
  /** How many studies it finds: exact, or one more than `fewStudies` when it finds more. */
  readonly count: SqlPart;
  /** How many, exact. */
  readonly whole: SqlPart;
  /** How many of the filter's conditions it answers in full. */
  readonly answers: number;
}

/** Up to so many studies are fetched and sorted; more are met by walking the index of the sort key instead. */
export const fewStudies = 3000;

interface SortIndex {
  readonly index: string;
  readonly columns: readonly string[];
}

const sortIndexes: Readonly<Record<WorklistSort['key'], SortIndex>> = {
  receivedAt: { index: 'worklist_by_received', columns: ['received_at', 'study_row'] },
  studyDate: { index: 'worklist_by_date', columns: ['study_date', 'study_time', 'study_row'] },
  patient: { index: 'worklist_by_name', columns: ['sort_name', 'study_row'] },
  modality: { index: 'worklist_by_modality', columns: ['modalities', 'study_row'] },
  description: { index: 'worklist_by_description', columns: ['sort_description', 'study_row'] },
  instances: { index: 'worklist_by_instances', columns: ['instance_count', 'study_row'] },
  reportState: { index: 'worklist_by_report', columns: ['report_rank', 'received_at', 'study_row'] },
  age: { index: 'worklist_by_age', columns: ['age_years', 'study_row'] },
  source: { index: 'worklist_by_source', columns: ['source', 'study_row'] },
};

export function sortIndexOf(sort: WorklistSort): { index: string; orderBy: string } {
  const { index, columns } = sortIndexes[sort.key];
  const direction = sort.direction === 'ascending' ? 'ASC' : 'DESC';
  return { index, orderBy: columns.map((column) => `i.${column} ${direction}`).join(', ') };
}

/** A search split by what can answer it: the substring index needs three characters, the word index takes beginnings. */
interface Words {
  readonly long: readonly string[];
  readonly short: readonly string[];
}

function splitWords(text: string): Words {
  const long: string[] = [];
  const short: string[] = [];
  for (const word of searchWords(text)) {
    if ([...word].length >= 3) long.push(word);
    else if (foldText(word) !== '') short.push(foldText(word));
  }
  return { long, short };
}

const quoted = (word: string) => `"${word.replaceAll('"', '""')}"`;

/** Every condition of the filter, on `i` = worklist_item; one entry per thing the person set. */
export function conditionsOf(filter: WorklistFilter): SqlPart[] {
  const { long, short } = splitWords(filter.text);
  const conditions: SqlPart[] = [];
  for (const word of long) conditions.push({ sql: 'instr(i.search_text, ?) > 0', parameters: [word] });
  for (const word of short) conditions.push({ sql: 'instr(i.search_words, ?) > 0', parameters: [` ${word}`] });
  if (filter.modalities.length > 0) {
    conditions.push({
      sql: `EXISTS (SELECT 1 FROM worklist_modality m WHERE m.study_row = i.study_row AND m.modality IN (${marks(filter.modalities)}))`,
      parameters: filter.modalities,
    });
  }
  if (filter.reportStates.length > 0) {
    conditions.push({ sql: `i.report_state IN (${marks(filter.reportStates)})`, parameters: filter.reportStates });
  }
  if (filter.dateFrom !== '') conditions.push({ sql: 'i.study_date >= ?', parameters: [filter.dateFrom] });
  // An open lower end would otherwise let in the studies without any date.
  if (filter.dateTo !== '')
    conditions.push({ sql: "i.study_date <= ? AND i.study_date <> ''", parameters: [filter.dateTo] });
  if (filter.assignedTo !== null) conditions.push({ sql: 'i.assigned_to = ?', parameters: [filter.assignedTo] });
  if (filter.patientId !== null) conditions.push({ sql: 'i.patient_id = ?', parameters: [filter.patientId] });
  if (filter.conflictsOnly) conditions.push({ sql: 'i.in_conflict = 1', parameters: [] });
  return conditions;
}

/** The ways into the list that this filter offers, each giving the `study_row`s that meet one of its conditions. */
export function driversOf(filter: WorklistFilter): Driver[] {
  const { long, short } = splitWords(filter.text);
  const drivers: Driver[] = [];
  const add = (sql: string, parameters: readonly Parameter[], answers: number, count?: SqlPart) => {
    const limited = { sql: `SELECT count(*) AS n FROM (${sql} LIMIT ${fewStudies + 1})`, parameters };
    drivers.push({
      sql,
      parameters,
      count: count ?? limited,
      whole: count ?? { sql: `SELECT count(*) AS n FROM (${sql})`, parameters },
      answers,
    });
  };
  if (filter.patientId !== null) add('SELECT study_row FROM worklist_item WHERE patient_id = ?', [filter.patientId], 1);
  if (filter.conflictsOnly) {
    add(
      'SELECT study_row FROM worklist_item INDEXED BY worklist_by_conflict WHERE in_conflict = 1',
      [],
      1,
      counter(['conflicts']),
    );
  }
  if (filter.assignedTo !== null) {
    add(
      'SELECT study_row FROM worklist_item WHERE assigned_to = ?',
      [filter.assignedTo],
      1,
      counter([`assigned:${filter.assignedTo}`]),
    );
  }
  if (long.length > 0) {
    const match = long.map(quoted).join(' AND ');
    add('SELECT rowid AS study_row FROM worklist_text WHERE worklist_text MATCH ?', [match], long.length);
  }
  if (short.length > 0) {
    const match = short.map((word) => `${quoted(word)}*`).join(' AND ');
    add('SELECT rowid AS study_row FROM worklist_word WHERE worklist_word MATCH ?', [match], short.length);
  }
  if (filter.reportStates.length > 0) {
    const names = filter.reportStates.map((state) => `state:${state}`);
    add(
      `SELECT study_row FROM worklist_item WHERE report_state IN (${marks(filter.reportStates)})`,
      filter.reportStates,
      1,
      counter(names),
    );
  }
  if (filter.modalities.length > 0) {
    const [first = '', ...more] = filter.modalities;
    const one = 'SELECT study_row FROM worklist_modality WHERE modality = ?';
    // A study of several modalities is one study: the counters of modalities may not be added up.
    if (more.length === 0) add(one, [first], 1, counter([`modality:${first}`]));
    else add(filter.modalities.map(() => one).join(' UNION '), filter.modalities, 1);
  }
  if (filter.dateFrom !== '' || filter.dateTo !== '') {
    const from = filter.dateFrom === '' ? '0' : filter.dateFrom;
    const to = filter.dateTo === '' ? '99999999' : filter.dateTo;
    const answers = (filter.dateFrom === '' ? 0 : 1) + (filter.dateTo === '' ? 0 : 1);
    add('SELECT study_row FROM worklist_item WHERE study_date BETWEEN ? AND ?', [from, to], answers);
  }
  return drivers;
}

function counter(names: readonly string[]): SqlPart {
  return {
    sql: `SELECT coalesce(sum(studies), 0) AS n FROM worklist_count WHERE name IN (${marks(names)})`,
    parameters: names,
  };
}

function marks(values: readonly unknown[]): string {
  return values.map(() => '?').join(', ');
}
