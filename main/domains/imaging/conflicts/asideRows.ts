import type { Reader, Transaction } from '../../../database/writeGate.ts';
import { noteReturned } from '../import/arrivalRuns.ts';
import type { ArrivalNote, Arrived } from '../import/arrived.ts';
import { type HeaderFacts, unpackFacts } from './headerFacts.ts';
import { identityKey } from './settlementRows.ts';

/**
 * Instances that were set aside lie in a table of their own, so that whatever reads the table of instances (windows,
 * exports, deliveries, DICOMweb, reports) has them no more, without having to think of it.
 */

/** Facts of a study's headers, those set aside included, by SOP Instance UID. */
export type StudyFacts = ReadonlyMap<string, HeaderFacts>;

const instanceColumns = `sop_class_uid, transfer_syntax_uid, instance_number, frames, rows, columns, is_image, position_mm,
  orientation, text_damaged, object_name, bytes, received_at, hlc, author, site_id, source`;
const own = `i.sop_class_uid, i.transfer_syntax_uid, i.instance_number, i.frames, i.rows, i.columns, i.is_image, i.position_mm,
  i.orientation, i.text_damaged, i.object_name, i.bytes, i.received_at, i.hlc, i.author, i.site_id, i.source`;

/** Packed headers of a study, a part at a time. `after`: the last UID given before. */
export const packedHeadersSql = `SELECT sop_uid, json FROM (
    SELECT i.sop_uid, h.json FROM series s JOIN instance i ON i.series_row = s.series_row
      JOIN instance_header h ON h.instance_row = i.instance_row WHERE s.study_row = ? AND i.sop_uid > ?
    UNION ALL SELECT sop_uid, json FROM instance_aside WHERE study_row = ? AND sop_uid > ?)
  ORDER BY sop_uid LIMIT ?`;

/** The same at once; only where nobody waits for the thread. */
export function readFactsNow(tx: Transaction, studyRow: number): StudyFacts {
  const facts = new Map<string, HeaderFacts>();
  for (let after = ''; ; ) {
    const rows = tx.all<{ sop_uid: string; json: Uint8Array }>(packedHeadersSql, studyRow, after, studyRow, after, 200);
    for (const { sop_uid, json } of rows) facts.set(sop_uid, unpackFacts(json));
    const last = rows.at(-1);
    if (!last) return facts;
    after = last.sop_uid;
  }
}

export interface AsideCandidate {
  readonly instanceRow: number;
  readonly sopUid: string;
  readonly seriesRow: number;
  /** Whom its header names; null without one. */
  readonly key: string | null;
  readonly isOther: boolean;
}

/** The instances that are part of a study, and which of them name one of these other people. */
export function tellApart(
  reader: Reader,
  studyRow: number,
  facts: StudyFacts,
  others: ReadonlySet<string>,
): AsideCandidate[] {
  const rows = reader.all<{ instance_row: number; sop_uid: string; series_row: number }>(
    `SELECT i.instance_row, i.sop_uid, i.series_row FROM series s JOIN instance i ON i.series_row = s.series_row
     WHERE s.study_row = ? ORDER BY i.instance_row`,
    studyRow,
  );
  return rows.map(({ instance_row, sop_uid, series_row }) => {
    const said = facts.get(sop_uid);
    // Without its header nobody can say whose it is: it stays where it is, and the conflict with it.
    const key = said === undefined ? null : identityKey(said.identity);
    const isOther = key !== null && others.has(key);
    return { instanceRow: instance_row, sopUid: sop_uid, seriesRow: series_row, key, isOther };
  });
}

/** Takes instances out of their study. The caller describes the study again. */
export function setAside(tx: Transaction, studyRow: number, instanceRows: readonly number[]): void {
  const list = JSON.stringify(instanceRows);
  tx.run(
    `INSERT INTO instance_aside (sop_uid, study_row, series_uid, series_modality, series_number, series_description,
       series_body_part, series_laterality, series_frame_of_reference_uid, ${instanceColumns}, json)
     SELECT i.sop_uid, s.study_row, s.series_uid, s.modality, s.series_number, s.description, s.body_part, s.laterality,
       s.frame_of_reference_uid, ${own}, h.json
     FROM json_each(?) j JOIN instance i ON i.instance_row = j.value JOIN series s ON s.series_row = i.series_row
       JOIN instance_header h ON h.instance_row = i.instance_row
     WHERE s.study_row = ? ORDER BY i.received_at, i.hlc, i.instance_row`,
    list,
    studyRow,
  );
  tx.run('DELETE FROM instance_header WHERE instance_row IN (SELECT value FROM json_each(?))', list);
  tx.run('DELETE FROM instance WHERE instance_row IN (SELECT value FROM json_each(?))', list);
}

/**
 * Puts what was set aside back into its study, in the order in which it came. The caller describes the study again.
 * `isReplay`: what a rebuild of the index does is no arrival that a rule looks at.
 */
export function takeBack(tx: Transaction, studyRow: number, isReplay: boolean): void {
  tx.run(
    `INSERT INTO series (series_uid, study_row, modality, series_number, description, body_part, laterality, frame_of_reference_uid)
     SELECT series_uid, study_row, series_modality, series_number, series_description, series_body_part, series_laterality,
       series_frame_of_reference_uid
     FROM instance_aside a WHERE study_row = ? AND aside_row = (SELECT min(b.aside_row) FROM instance_aside b
       WHERE b.study_row = a.study_row AND b.series_uid = a.series_uid)
     ORDER BY aside_row ON CONFLICT DO NOTHING`,
    studyRow,
  );
  tx.run(
    `INSERT INTO instance (sop_uid, series_row, ${instanceColumns})
     SELECT i.sop_uid, s.series_row, ${own} FROM instance_aside i
       JOIN series s ON s.study_row = i.study_row AND s.series_uid = i.series_uid
     WHERE i.study_row = ? ORDER BY i.received_at, i.hlc, i.aside_row`,
    studyRow,
  );
  tx.run(
    `INSERT INTO instance_header (instance_row, json) SELECT i.instance_row, a.json FROM instance_aside a
       JOIN instance i ON i.sop_uid = a.sop_uid WHERE a.study_row = ?`,
    studyRow,
  );
  if (!isReplay) noteReturned(tx, studyRow);
  tx.run('DELETE FROM instance_aside WHERE study_row = ?', studyRow);
}

/** Keeps a newcomer of a person who was set aside where that person's other instances are. */
export function insertAside(
  tx: Transaction,
  studyRow: number,
  { header, json, objectName, bytes }: Arrived,
  note: ArrivalNote,
  author: string | null,
): void {
  tx.run(
    `INSERT INTO instance_aside (sop_uid, study_row, series_uid, series_modality, series_number, series_description,
       series_body_part, series_laterality, series_frame_of_reference_uid, ${instanceColumns}, json)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    header.sopUid,
    studyRow,
    header.seriesUid,
    header.modality,
    header.seriesNumber,
    header.seriesDescription,
    header.bodyPart,
    header.laterality,
    header.frameOfReferenceUid,
    header.sopClassUid,
    header.transferSyntaxUid,
    header.instanceNumber,
    header.frames,
    header.rows,
    header.columns,
    header.isImage ? 1 : 0,
    header.positionMm.join('\\'),
    header.orientation.join('\\'),
    header.textDamaged ? 1 : 0,
    objectName,
    bytes,
    note.receivedAt,
    tx.hlc,
    author,
    tx.siteId,
    note.source,
    json,
  );
}

interface DescribedRow {
  readonly sop_uid: string;
  readonly series_row: number;
  readonly source: string;
  readonly is_image: number;
}

const filled = [
  'studyDate',
  'studyTime',
  'studyId',
  'description',
  'accessionNumber',
  'referringPhysician',
  'institution',
  'patientAge',
] as const;

/** Also of what came since `facts` were read; what is nowhere says nothing. */
function factsOf(tx: Transaction, sopUid: string, facts: StudyFacts): HeaderFacts | undefined {
  const known = facts.get(sopUid);
  if (known) return known;
  const row = tx.get<{ json: Uint8Array }>(
    'SELECT h.json FROM instance i JOIN instance_header h ON h.instance_row = i.instance_row WHERE i.sop_uid = ?',
    sopUid,
  );
  return row && unpackFacts(row.json);
}

/**
 * Writes what a study and its series say of themselves from the instances that are part of it, in the order in which
 * those came, as if the others had never come: nothing a second person's header said, nor that of a content which is not
 * shown (an age, a weight, a side), may stay with the study.
 */
export function describeStudy(tx: Transaction, studyRow: number, facts: StudyFacts): void {
  recount(tx, studyRow);
  const rows = tx.all<DescribedRow>(
    `SELECT i.sop_uid, i.series_row, i.source, i.is_image FROM series s JOIN instance i ON i.series_row = s.series_row
     WHERE s.study_row = ? ORDER BY i.received_at, i.hlc, i.instance_row`,
    studyRow,
  );
  const before = tx.get<{ modalities: string }>('SELECT modalities FROM study WHERE study_row = ?', studyRow);
  const known = new Set(before?.modalities.split('\\'));
  const said = rows.flatMap((row) => {
    const one = factsOf(tx, row.sop_uid, facts);
    if (!one) return [];
    // What was made here about a study is no reason to list it among another modality's.
    const isMade = row.source === 'report' || (row.source === '' && !known.has(one.modality));
    return [{ ...one, seriesRow: row.series_row, isOurs: isMade && row.is_image === 0 }];
  });
  const values = filled.map((name) => said.find((one) => one[name] !== '')?.[name] ?? '');
  const distinct = (texts: readonly string[]) => [...new Set(texts.filter((text) => text !== ''))].sort().join('\\');
  tx.run(
    `UPDATE study SET study_date = ?, study_time = ?, study_id = ?, description = ?, accession_number = ?, referring_physician = ?,
       institution = ?, patient_age = ?, patient_weight_kg = ?, modalities = ?, body_parts = ? WHERE study_row = ?`,
    ...values,
    said.find((one) => one.patientWeightKg !== null)?.patientWeightKg ?? null,
    distinct(said.filter((one) => !one.isOurs).map(({ modality }) => modality)),
    distinct(said.map(({ bodyPart }) => bodyPart)),
    studyRow,
  );
  // A series says what its first instance says (studyTouches.ts).
  for (const one of new Map([...said].reverse().map((each) => [each.seriesRow, each])).values()) {
    tx.run(
      `UPDATE series SET modality = ?, series_number = ?, description = ?, body_part = ?, laterality = ?, frame_of_reference_uid = ?
       WHERE series_row = ?`,
      one.modality,
      one.seriesNumber,
      one.seriesDescription,
      one.bodyPart,
      one.laterality,
      one.frameOfReferenceUid,
      one.seriesRow,
    );
  }
}

/** Counts the instances of a study and its series again; a series of which nothing is left is no series. */
function recount(tx: Transaction, studyRow: number): void {
  tx.run(
    `UPDATE series SET instance_count = (SELECT count(*) FROM instance i WHERE i.series_row = series.series_row),
       frame_count = (SELECT coalesce(sum(i.frames), 0) FROM instance i WHERE i.series_row = series.series_row)
     WHERE study_row = ?`,
    studyRow,
  );
  tx.run('DELETE FROM series WHERE study_row = ? AND instance_count = 0', studyRow);
  tx.run(
    `UPDATE study SET series_count = (SELECT count(*) FROM series s WHERE s.study_row = study.study_row),
       instance_count = (SELECT coalesce(sum(s.instance_count), 0) FROM series s WHERE s.study_row = study.study_row),
       frame_count = (SELECT coalesce(sum(s.frame_count), 0) FROM series s WHERE s.study_row = study.study_row),
       bytes = (SELECT coalesce(sum(i.bytes), 0) FROM series s JOIN instance i ON i.series_row = s.series_row
         WHERE s.study_row = study.study_row)
     WHERE study_row = ?`,
    studyRow,
  );
}
