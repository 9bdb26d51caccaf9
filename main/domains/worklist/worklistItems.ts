import { displayPersonName } from '../../../app/domains/patients/personName.ts';
import { ageInYears, unreadInstances } from '../../../app/domains/worklist/worklistRules.ts';
import type { ReportState, WorklistRow } from '../../../app/domains/worklist/worklistSchema.ts';
import { reportStates } from '../../../app/domains/worklist/worklistSchema.ts';
import { foldMarks, foldText } from '../../../app/shared/foldText.ts';
import type { Transaction } from '../../database/writeGate.ts';

/** A row of worklist_item as it is shown. */
export interface WorklistItemRow {
  readonly study_row: number;
  readonly study_uid: string;
  readonly patient_id: string;
  readonly display_name: string;
  readonly other_names: string;
  readonly identifier: string;
  readonly sex: WorklistRow['sex'];
  readonly birth_date: string;
  readonly age_years: number | null;
  readonly modalities: string;
  readonly description: string;
  readonly study_date: string;
  readonly study_time: string;
  readonly accession_number: string;
  readonly referring_physician: string;
  readonly series_count: number;
  readonly instance_count: number;
  readonly frame_count: number;
  readonly received_at: number;
  readonly report_state: ReportState;
  readonly signed_at: number | null;
  readonly signed_instance_count: number | null;
  readonly assigned_to: string | null;
  readonly source: string;
  readonly identity_conflict: number;
  readonly conflict_count: number;
  readonly needs_link_decision: number;
  readonly arriving: number;
  readonly prior: number;
}

export const itemColumns = `study_row, study_uid, patient_id, display_name, other_names, identifier, sex, birth_date, age_years, modalities, description,
  study_date, study_time, accession_number, referring_physician, series_count, instance_count, frame_count, received_at, report_state,
  signed_at, signed_instance_count, assigned_to, source, identity_conflict, conflict_count, needs_link_decision, arriving, prior`;

export function fromItemRow(row: WorklistItemRow): WorklistRow {
  return {
    studyUid: row.study_uid,
    patientId: row.patient_id,
    displayName: row.display_name,
    otherNames: splitList(row.other_names),
    identifier: row.identifier,
    sex: row.sex,
    birthDate: row.birth_date,
    ageYears: row.age_years,
    modalities: splitList(row.modalities),
    description: row.description,
    studyDate: row.study_date,
    studyTime: row.study_time,
    accessionNumber: row.accession_number,
    referringPhysician: row.referring_physician,
    seriesCount: row.series_count,
    instanceCount: row.instance_count,
    frameCount: row.frame_count,
    receivedAt: row.received_at,
    reportState: row.report_state,
    signedAt: row.signed_at,
    unreadInstances: unreadInstances(row.instance_count, row.signed_instance_count),
    assignedTo: row.assigned_to,
    source: row.source,
    identityConflict: row.identity_conflict === 1,
    conflictCount: row.conflict_count,
    arriving: row.arriving === 1,
    prior: row.prior === 1,
    needsLinkDecision: row.needs_link_decision === 1,
  };
}

/** A list kept as 'CT\SR', the way DICOM writes it; empty text is an empty list. */
export function splitList(text: string): string[] {
  return text === '' ? [] : text.split('\\');
}

/** What the counters are kept of. */
interface Counted {
  readonly modalities: readonly string[];
  readonly reportState: ReportState;
  readonly assignedTo: string | null;
  readonly inConflict: boolean;
  readonly isPrior: boolean;
}

function counterNames(counted: Counted): string[] {
  const names = [
    'all',
    // What came to compare with is nobody's unread work.
    counted.isPrior && counted.reportState === 'none' ? 'state:prior' : `state:${counted.reportState}`,
    ...counted.modalities.map((modality) => `modality:${modality}`),
  ];
  if (counted.assignedTo !== null) names.push(`assigned:${counted.assignedTo}`);
  if (counted.inConflict) names.push('conflicts');
  return names;
}

function moveCounters(tx: Transaction, before: Counted | null, after: Counted): void {
  const change = new Map<string, number>();
  for (const name of before ? counterNames(before) : []) change.set(name, (change.get(name) ?? 0) - 1);
  for (const name of counterNames(after)) change.set(name, (change.get(name) ?? 0) + 1);
  for (const [name, difference] of change) {
    if (difference === 0) continue;
    tx.run(
      'INSERT INTO worklist_count (name, studies) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET studies = studies + excluded.studies',
      name,
      difference,
    );
  }
}

/** What a line is written from: the study and its patient. What people do to a study is kept on the line itself. */
type SourceRow = Omit<
  WorklistItemRow,
  'other_names' | 'age_years' | 'report_state' | 'signed_at' | 'signed_instance_count' | 'assigned_to'
> & { readonly name: string; readonly sort_name: string };

type KeptRow = Pick<WorklistItemRow, 'modalities' | 'report_state' | 'assigned_to' | 'prior'> & {
  in_conflict: number;
  search_text: string;
};

/** Writes one study's line from the facts as they stand in this transaction, with its search text and counters. */
export function refreshItem(tx: Transaction, studyUid: string): void {
  const source = tx.get<SourceRow>(
    `SELECT s.study_row, s.study_uid, s.patient_id, p.name, p.display_name, p.sort_name, p.identifier, p.sex, p.birth_date, s.modalities,
       s.description, s.study_date, s.study_time, s.accession_number, s.referring_physician, s.series_count, s.instance_count,
       s.frame_count, s.received_at, s.source, s.identity_conflict, s.conflict_count, p.needs_link_decision,
       EXISTS (SELECT 1 FROM study_arrival a WHERE a.study_row = s.study_row) AS arriving,
       EXISTS (SELECT 1 FROM worklist_prior q WHERE q.study_uid = s.study_uid AND q.prior = 1) AS prior
     FROM study s JOIN patient p ON p.patient_id = s.patient_id WHERE s.study_uid = ?`,
    studyUid,
  );
  if (!source) return;
  const kept = tx.get<KeptRow>(
    'SELECT modalities, report_state, assigned_to, prior, in_conflict, search_text FROM worklist_item WHERE study_row = ?',
    source.study_row,
  );
  const inConflict = source.identity_conflict === 1 || source.conflict_count > 0;
  const others = source.identity_conflict === 1 ? listIdentities(tx, source.study_row) : [];
  const named = others.map(({ name, identifier }) => ` ${name} ${identifier}`).join('');
  const raw = `${source.name} ${source.identifier} ${source.accession_number} ${source.description}${named}`;
  const searchText = foldMarks(raw).replace(/[\^=\s]+/g, ' ');
  const searchWords = ` ${foldText(raw)}`;
  tx.run(
    `INSERT INTO worklist_item (study_row, study_uid, patient_id, display_name, other_names, sort_name, identifier, sex, birth_date, age_years,
       modalities, description, sort_description, study_date, study_time, accession_number, referring_physician, series_count, instance_count, frame_count,
       received_at, source, identity_conflict, conflict_count, in_conflict, needs_link_decision, arriving, prior, search_text, search_words)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (study_row) DO UPDATE SET patient_id = excluded.patient_id, display_name = excluded.display_name,
       other_names = excluded.other_names, sort_name = excluded.sort_name,
       identifier = excluded.identifier, sex = excluded.sex, birth_date = excluded.birth_date, age_years = excluded.age_years,
       modalities = excluded.modalities, description = excluded.description, sort_description = excluded.sort_description,
       study_date = excluded.study_date, study_time = excluded.study_time, accession_number = excluded.accession_number,
       referring_physician = excluded.referring_physician, series_count = excluded.series_count, instance_count = excluded.instance_count,
       frame_count = excluded.frame_count, received_at = excluded.received_at, source = excluded.source,
       identity_conflict = excluded.identity_conflict, conflict_count = excluded.conflict_count, in_conflict = excluded.in_conflict,
       needs_link_decision = excluded.needs_link_decision, arriving = excluded.arriving, prior = excluded.prior, search_text = excluded.search_text, search_words = excluded.search_words`,
    source.study_row,
    source.study_uid,
    source.patient_id,
    source.display_name,
    otherNames(source.display_name, others),
    source.sort_name,
    source.identifier,
    source.sex,
    source.birth_date,
    ageInYears(source.birth_date, source.study_date),
    source.modalities,
    source.description,
    foldText(source.description),
    source.study_date,
    source.study_time,
    source.accession_number,
    source.referring_physician,
    source.series_count,
    source.instance_count,
    source.frame_count,
    source.received_at,
    source.source,
    source.identity_conflict,
    source.conflict_count,
    inConflict ? 1 : 0,
    source.needs_link_decision,
    source.arriving,
    source.prior,
    searchText,
    searchWords,
  );
  if (kept?.search_text !== searchText)
    writeSearchText(tx, source.study_row, searchText, searchWords, kept !== undefined);
  if (kept?.modalities !== source.modalities) writeModalities(tx, source.study_row, splitList(source.modalities));
  moveCounters(tx, kept ? countedOf(kept) : null, {
    modalities: splitList(source.modalities),
    reportState: kept?.report_state ?? 'none',
    assignedTo: kept?.assigned_to ?? null,
    inConflict,
    isPrior: source.prior === 1,
  });
}

/** Most people one study is listed under; the import compares no more either. */
const mostNames = 50;

/** Whom the instances of a study name. */
function listIdentities(tx: Transaction, studyRow: number): { name: string; identifier: string }[] {
  return tx.all(
    `SELECT DISTINCT name, identifier FROM study_identity WHERE study_row = ? ORDER BY name, identifier LIMIT ${mostNames}`,
    studyRow,
  );
}

function otherNames(displayName: string, identities: readonly { readonly name: string }[]): string {
  const names = new Set(identities.map(({ name }) => displayPersonName(name).replaceAll('\\', '/')));
  names.delete(displayName);
  names.delete('');
  return [...names].join('\\');
}

function countedOf(kept: KeptRow): Counted {
  return {
    modalities: splitList(kept.modalities),
    reportState: kept.report_state,
    assignedTo: kept.assigned_to,
    inConflict: kept.in_conflict === 1,
    isPrior: kept.prior === 1,
  };
}

function writeSearchText(tx: Transaction, studyRow: number, text: string, words: string, replace: boolean): void {
  if (replace) {
    tx.run('DELETE FROM worklist_text WHERE rowid = ?', studyRow);
    tx.run('DELETE FROM worklist_word WHERE rowid = ?', studyRow);
  }
  tx.run('INSERT INTO worklist_text (rowid, search_text) VALUES (?, ?)', studyRow, text);
  tx.run('INSERT INTO worklist_word (rowid, search_words) VALUES (?, ?)', studyRow, words);
}

function writeModalities(tx: Transaction, studyRow: number, modalities: readonly string[]): void {
  tx.run('DELETE FROM worklist_modality WHERE study_row = ?', studyRow);
  for (const modality of new Set(modalities)) {
    tx.run('INSERT INTO worklist_modality (modality, study_row) VALUES (?, ?)', modality, studyRow);
  }
}

/** What the reports of a study say about its line in the list. */
export interface ReportMark {
  readonly state: ReportState;
  readonly signedAt: number | null;
  /** Instances the study had when its newest report was signed. */
  readonly signedInstanceCount: number | null;
}

export function markReport(tx: Transaction, studyUid: string, mark: ReportMark): void {
  changeItem(tx, studyUid, { reportState: mark.state }, (studyRow) => {
    tx.run(
      'UPDATE worklist_item SET report_state = ?, report_rank = ?, signed_at = ?, signed_instance_count = ? WHERE study_row = ?',
      mark.state,
      reportStates.indexOf(mark.state),
      mark.signedAt,
      mark.signedInstanceCount,
      studyRow,
    );
  });
}

export function markAssigned(tx: Transaction, studyUid: string, operatorName: string | null): void {
  changeItem(tx, studyUid, { assignedTo: operatorName }, (studyRow) => {
    tx.run('UPDATE worklist_item SET assigned_to = ? WHERE study_row = ?', operatorName, studyRow);
  });
}

function changeItem(
  tx: Transaction,
  studyUid: string,
  change: Partial<Counted>,
  update: (studyRow: number) => void,
): void {
  const kept = tx.get<KeptRow & { study_row: number }>(
    'SELECT study_row, modalities, report_state, assigned_to, prior, in_conflict, search_text FROM worklist_item WHERE study_uid = ?',
    studyUid,
  );
  if (!kept) return;
  update(kept.study_row);
  moveCounters(tx, countedOf(kept), { ...countedOf(kept), ...change });
}
