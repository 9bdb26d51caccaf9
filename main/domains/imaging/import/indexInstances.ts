import type { Author, Transaction } from '../../../database/writeGate.ts';
import { insertAside } from '../conflicts/asideRows.ts';
import { noteInstanceConflict } from '../conflicts/instanceChoice.ts';
import { addToRuns, noteRuns, type WrittenRun } from './arrivalRuns.ts';
import type { ArrivalNote, Arrived, IndexParts, Outcome } from './arrived.ts';
import {
  addIdentity,
  closeStudy,
  fillStudy,
  isSetAside,
  openSeries,
  openStudy,
  type SeriesTouch,
  type StudyTouch,
} from './studyTouches.ts';

/**
 * Writes the rows of archived objects: patient, study, series, instance, and the study's line in the worklist. The
 * import and the rebuild of the index both come through here, in the order of arrival:
 * - a SOP Instance UID seen before with the same bytes is a duplicate and changes nothing;
 * - seen before with other bytes it is a conflict: the newcomer is noted beside the first and never shown, and nothing
 *   it says fills the study;
 * - whom a person set aside in a study stays aside, whoever brings more of it;
 * - a study keeps the patient its first instance named; instances that contradict that identity, one that was kept
 *   aside included, make it an identity conflict, which is listed and never drawn.
 *
 * @returns one outcome per object, in order
 */
export function indexInstances(
  tx: Transaction,
  author: Author,
  arrived: readonly Arrived[],
  note: ArrivalNote,
  parts: IndexParts,
): Outcome[] {
  const studies = new Map<string, StudyTouch>();
  const series = new Map<string, SeriesTouch>();
  const repeated = new Set<string>();
  const runs: WrittenRun[] = [];
  const touched: Touched = { studies, series, repeated, runs };
  const outcomes = arrived.map((object) => indexOne(tx, author, object, note, parts, touched));
  for (const touch of series.values()) {
    tx.run(
      'UPDATE series SET instance_count = instance_count + ?, frame_count = frame_count + ? WHERE series_row = ?',
      touch.instances,
      touch.frames,
      touch.row.series_row,
    );
  }
  if (note.jobId !== undefined) noteRepeated(tx, note.jobId, repeated);
  // Not what a replay writes, nor what was fetched.
  if (note.jobId !== undefined && note.origin?.channel !== 'fetch')
    for (const studyUid of new Set([...repeated, ...studies.keys()]))
      parts.worklist.noteSent(tx, studyUid, note.origin?.nodeId ?? null);
  noteRuns(tx, note, runs);
  for (const touch of studies.values()) {
    if (note.jobId !== undefined) noteArriving(tx, note.jobId, touch.row.study_row, 0);
    closeStudy(tx, touch, parts);
  }
  if (studies.size > 0) for (const topic of ['studies', 'worklist'] as const) tx.topic(topic);
  return outcomes;
}

interface Touched {
  readonly studies: Map<string, StudyTouch>;
  readonly series: Map<string, SeriesTouch>;
  /** Studies of which something came again. */
  readonly repeated: Set<string>;
  readonly runs: WrittenRun[];
}

function noteArriving(tx: Transaction, jobId: string, studyRow: number, repeats: 0 | 1): void {
  tx.run(
    `INSERT INTO study_arrival (study_row, job_id, repeats) VALUES (?, ?, ?)
     ON CONFLICT DO UPDATE SET repeats = max(repeats, excluded.repeats)`,
    studyRow,
    jobId,
    repeats,
  );
}

/** What an earlier import left incomplete, one that brings the same again completes. */
function noteRepeated(tx: Transaction, jobId: string, studyUids: ReadonlySet<string>): void {
  for (const studyUid of studyUids) {
    const row = tx.get<{ study_row: number }>(
      `SELECT s.study_row FROM study s WHERE s.study_uid = ? AND (EXISTS (SELECT 1 FROM study_arrival a WHERE a.study_row = s.study_row)
         OR EXISTS (SELECT 1 FROM aborted_arrival b WHERE b.study_row = s.study_row))`,
      studyUid,
    );
    if (row) noteArriving(tx, jobId, row.study_row, 1);
  }
}

/** Ends the arrival of some of a finished import's studies: they are complete as far as anyone knows. Returns how many are left. */
export function endArrivals(tx: Transaction, jobId: string, parts: IndexParts, most: number): number {
  const rows = tx.all<{ study_row: number; study_uid: string; repeats: number }>(
    'SELECT s.study_row, s.study_uid, a.repeats FROM study_arrival a JOIN study s ON s.study_row = a.study_row WHERE a.job_id = ? LIMIT ?',
    jobId,
    most,
  );
  for (const { study_row, study_uid, repeats } of rows) {
    tx.run('DELETE FROM study_arrival WHERE study_row = ? AND job_id = ?', study_row, jobId);
    // Imports that were cut off or cancelled bring nothing any more; one that still runs does, and an open association.
    if (repeats === 1) {
      tx.run(
        `DELETE FROM study_arrival WHERE study_row = ? AND job_id NOT IN (SELECT job_id FROM job WHERE state IN ('queued', 'running'))
           AND job_id NOT IN (SELECT association_id FROM association WHERE ended_at IS NULL)`,
        study_row,
      );
      tx.run('DELETE FROM aborted_arrival WHERE study_row = ?', study_row);
    }
    parts.worklist.refreshStudy(tx, study_uid);
  }
  return tx.get<{ n: number }>('SELECT count(*) AS n FROM study_arrival WHERE job_id = ?', jobId)?.n ?? 0;
}

function indexOne(
  tx: Transaction,
  author: Author,
  object: Arrived,
  note: ArrivalNote,
  parts: IndexParts,
  { studies, series: allSeries, repeated, runs }: Touched,
): Outcome {
  const { header } = object;
  const known = tx.get<{ object_name: string; study_uid: string }>(
    `SELECT i.object_name, st.study_uid FROM instance i JOIN series s ON s.series_row = i.series_row
     JOIN study st ON st.study_row = s.study_row WHERE i.sop_uid = ?
     UNION ALL SELECT a.object_name, st.study_uid FROM instance_aside a JOIN study st ON st.study_row = a.study_row WHERE a.sop_uid = ?`,
    header.sopUid,
    header.sopUid,
  );
  if (known) {
    if (known.object_name === object.objectName) {
      repeated.add(known.study_uid);
      return 'duplicate';
    }
    return keepConflict(tx, author, object, note, openStudy(tx, author, known.study_uid, object, note, parts, studies));
  }
  const study = openStudy(tx, author, header.studyUid, object, note, parts, studies);
  if (isSetAside(study, header)) {
    insertAside(tx, study.row.study_row, object, note, author.operatorName);
    addIdentity(study, header, note, 'aside');
    return 'imported';
  }
  fillStudy(study, header);
  const series = openSeries(tx, study, header, allSeries);
  const row = tx.get<{ instance_row: number }>(
    `INSERT INTO instance (sop_uid, series_row, sop_class_uid, transfer_syntax_uid, instance_number, frames, rows, columns, is_image,
       position_mm, orientation, text_damaged, object_name, bytes, received_at, hlc, author, site_id, source)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING instance_row`,
    header.sopUid,
    series.row.series_row,
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
    object.objectName,
    object.bytes,
    note.receivedAt,
    tx.hlc,
    author.operatorName,
    tx.siteId,
    note.source,
  );
  tx.run('INSERT INTO instance_header (instance_row, json) VALUES (?, ?)', row?.instance_row ?? null, object.json);
  if (row) addToRuns(runs, study.row.study_row, row.instance_row, header.identityRemoved);
  series.instances += 1;
  series.frames += header.frames;
  study.instances += 1;
  study.frames += header.frames;
  study.bytes += object.bytes;
  // What was made here about a study is no reason to list it among another modality's. Images count whatever their
  // source: a peer may call itself 'report' too.
  const isOurs = note.source === 'report' && !header.isImage;
  if (header.modality !== '' && !isOurs) study.modalities.add(header.modality);
  if (header.bodyPart !== '') study.bodyParts.add(header.bodyPart);
  addIdentity(study, header, note, 'study');
  return 'imported';
}

function keepConflict(tx: Transaction, author: Author, object: Arrived, note: ArrivalNote, study: StudyTouch): Outcome {
  const added = tx.run(
    `INSERT INTO instance_conflict (sop_uid, object_name, study_row, claimed_study_uid, claimed_series_uid, bytes, received_at, hlc, author, site_id, source, header, json)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
    object.header.sopUid,
    object.objectName,
    study.row.study_row,
    object.header.studyUid,
    object.header.seriesUid,
    object.bytes,
    note.receivedAt,
    tx.hlc,
    author.operatorName,
    tx.siteId,
    note.source,
    JSON.stringify(object.header),
    object.json,
  );
  // The same other bytes again: already kept aside.
  if (added.changes === 0) return 'duplicate';
  study.conflicts += 1;
  noteInstanceConflict(tx, study.row.study_row, object.header.sopUid, note.receivedAt);
  // Two people under one Study Instance UID are two people, however the second one's image came.
  if (object.header.studyUid === study.row.study_uid) addIdentity(study, object.header, note, 'kept');
  return 'conflict';
}
