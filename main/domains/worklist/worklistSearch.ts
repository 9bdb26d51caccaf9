import { searchWords } from '../../../app/domains/worklist/worklistRules.ts';
import type { WorklistFilter, WorklistSort } from '../../../app/domains/worklist/worklistSchema.ts';
import { foldText } from '../../../app/shared/foldText.ts';
import type { SqlPart } from '../../database/rowLists.ts';

interface SortIndex {
  readonly index: string;
  readonly columns: readonly string[];
}

/** Every order ends with the number of the study, so that no two studies share a place. */
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

/** The index of a sort key, and what to order `i` = worklist_item by: from the list's beginning and from its end. */
export function sortIndexOf(sort: WorklistSort): { index: string; forward: string; backward: string } {
  const { index, columns } = sortIndexes[sort.key];
  const by = (direction: string) => columns.map((column) => `i.${column} ${direction}`).join(', ');
  return sort.direction === 'ascending'
    ? { index, forward: by('ASC'), backward: by('DESC') }
    : { index, forward: by('DESC'), backward: by('ASC') };
}

/** A search split by what can answer it: the substring index needs three characters, the word index takes beginnings. */
function splitWords(text: string): { readonly long: readonly string[]; readonly short: readonly string[] } {
  const long: string[] = [];
  const short: string[] = [];
  for (const word of searchWords(text)) {
    if ([...word].length >= 3) long.push(word);
    else if (foldText(word) !== '') short.push(foldText(word));
  }
  return { long, short };
}

const quoted = (word: string) => `"${word.replaceAll('"', '""')}"`;

/** What the filter asks, each by itself and from an index alone: the `study_row`s that meet it. */
export function conditionsOf(filter: WorklistFilter): SqlPart[] {
  const conditions: SqlPart[] = [];
  const add = (sql: string, ...parameters: (string | number)[]) => conditions.push({ sql, parameters });
  const { long, short } = splitWords(filter.text);
  for (const word of long) add('SELECT rowid FROM worklist_text WHERE worklist_text MATCH ?', quoted(word));
  for (const word of short) add('SELECT rowid FROM worklist_word WHERE worklist_word MATCH ?', `${quoted(word)}*`);
  if (filter.patientId !== null) {
    // A study of two people is both's: whoever looks at one of them must come to know of it.
    add(
      `SELECT study_row FROM worklist_item WHERE patient_id = ?
       UNION ALL SELECT n.study_row FROM study_identity n JOIN study s ON s.study_row = n.study_row
         WHERE n.patient_id = ? AND s.identity_conflict = 1`,
      filter.patientId,
      filter.patientId,
    );
  }
  if (filter.conflictsOnly) {
    add('SELECT study_row FROM worklist_item INDEXED BY worklist_by_conflict WHERE in_conflict = 1');
  }
  if (filter.assignedTo !== null) add('SELECT study_row FROM worklist_item WHERE assigned_to = ?', filter.assignedTo);
  if (filter.reportStates.length > 0) {
    add(
      // From worklist_by_state alone. What came to compare with is nobody's unread work.
      `SELECT study_row FROM worklist_item WHERE report_state IN (${marks(filter.reportStates)}) AND (report_state <> 'none' OR prior = 0)`,
      ...filter.reportStates,
    );
  }
  if (filter.modalities.length > 0) {
    add(
      `SELECT study_row FROM worklist_modality WHERE modality IN (${marks(filter.modalities)})`,
      ...filter.modalities,
    );
  }
  // Text that is no date sorts below '0': an open beginning never lets in the studies without any date.
  if (filter.dateFrom !== '' || filter.dateTo !== '') {
    add(
      'SELECT study_row FROM worklist_item WHERE study_date BETWEEN ? AND ?',
      filter.dateFrom || '0',
      filter.dateTo || '99999999',
    );
  }
  return conditions;
}

function marks(values: readonly unknown[]): string {
  return values.map(() => '?').join(', ');
}
