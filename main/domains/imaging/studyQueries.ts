import type { Instance, Series, Study } from '../../../app/domains/imaging/imagingSchema.ts';
import { displayOrder } from '../../../app/domains/imaging/instanceOrder.ts';
import { Failure } from '../../../app/shared/failure.ts';
import type { Reader } from '../../database/writeGate.ts';

interface StudyRow {
  readonly study_row: number;
  readonly study_uid: string;
  readonly patient_id: string;
  readonly study_date: string;
  readonly study_time: string;
  readonly description: string;
  readonly accession_number: string;
  readonly referring_physician: string;
  readonly modalities: string;
  readonly body_parts: string;
  readonly patient_age: string;
  readonly patient_weight_kg: number | null;
  readonly series_count: number;
  readonly instance_count: number;
  readonly frame_count: number;
  readonly bytes: number;
  readonly source: string;
  readonly received_at: number;
  readonly identity_conflict: number;
  readonly conflict_count: number;
  readonly arriving: number;
  readonly aborted: number;
  readonly revision: number;
  readonly aside: number;
}

const studyColumns = `study_row, study_uid, patient_id, study_date, study_time, description, accession_number, referring_physician, modalities,
  body_parts, patient_age, patient_weight_kg, series_count, instance_count, frame_count, bytes, source, received_at, identity_conflict,
  conflict_count, revision, EXISTS (SELECT 1 FROM study_arrival a WHERE a.study_row = study.study_row) AS arriving,
  EXISTS (SELECT 1 FROM aborted_arrival b WHERE b.study_row = study.study_row) AS aborted,
  (SELECT count(*) FROM instance_aside o WHERE o.study_row = study.study_row) AS aside`;

function fromStudyRow(row: StudyRow): Study {
  const list = (text: string) => (text === '' ? [] : text.split('\\'));
  return {
    studyUid: row.study_uid,
    patientId: row.patient_id,
    studyDate: row.study_date,
    studyTime: row.study_time,
    description: row.description,
    accessionNumber: row.accession_number,
    referringPhysician: row.referring_physician,
    modalities: list(row.modalities),
    bodyParts: list(row.body_parts),
    patientAge: row.patient_age,
    patientWeightKg: row.patient_weight_kg,
    seriesCount: row.series_count,
    instanceCount: row.instance_count,
    frameCount: row.frame_count,
    bytes: row.bytes,
    source: row.source,
    receivedAt: row.received_at,
    identityConflict: row.identity_conflict === 1,
    conflictCount: row.conflict_count,
    arriving: row.arriving === 1,
    ...(row.aborted === 1 ? { isSenderAborted: true } : {}),
    ...(row.revision > 0 ? { revision: row.revision } : {}),
    ...(row.aside > 0 ? { asideCount: row.aside } : {}),
  };
}

/** @throws Failure('imaging.studyUnknown') */
export function getStudy(reader: Reader, studyUid: string): Study {
  const row = reader.get<StudyRow>(`SELECT ${studyColumns} FROM study WHERE study_uid = ?`, studyUid);
  if (!row) throw new Failure('imaging.studyUnknown', 'no such study');
  return fromStudyRow(row);
}

/** Those of these studies that are here. */
export function listStudiesOf(reader: Reader, studyUids: readonly string[]): Study[] {
  return reader
    .all<StudyRow>(
      `SELECT ${studyColumns} FROM study WHERE study_uid IN (SELECT value FROM json_each(?))`,
      JSON.stringify(studyUids),
    )
    .map(fromStudyRow);
}

/** The studies of these patients but one, newest first. */
export function listPriors(reader: Reader, patientIds: readonly string[], exceptUid: string): Study[] {
  return patientIds
    .flatMap((patientId) =>
      reader.all<StudyRow>(
        `SELECT ${studyColumns} FROM study WHERE patient_id = ? ORDER BY study_date DESC LIMIT 500`,
        patientId,
      ),
    )
    .filter((row) => row.study_uid !== exceptUid)
    .sort((left, right) => (right.study_date + right.study_time).localeCompare(left.study_date + left.study_time))
    .map(fromStudyRow);
}

interface SeriesRow {
  readonly series_row: number;
  readonly series_uid: string;
  readonly modality: string;
  readonly series_number: number | null;
  readonly description: string;
  readonly body_part: string;
  readonly laterality: string;
  readonly frame_of_reference_uid: string;
  readonly instance_count: number;
  readonly frame_count: number;
}

export function listSeries(reader: Reader, studyUid: string): Series[] {
  const rows = reader.all<SeriesRow>(
    `SELECT s.series_row, s.series_uid, s.modality, s.series_number, s.description, s.body_part, s.laterality, s.frame_of_reference_uid,
       s.instance_count, s.frame_count
     FROM series s JOIN study st ON st.study_row = s.study_row WHERE st.study_uid = ?
     ORDER BY s.series_number IS NULL, s.series_number, s.series_uid`,
    studyUid,
  );
  return rows.map((row) => ({
    seriesUid: row.series_uid,
    modality: row.modality,
    seriesNumber: row.series_number,
    description: row.description,
    bodyPart: row.body_part,
    laterality: row.laterality,
    instanceCount: row.instance_count,
    frameCount: row.frame_count,
    representative: row.frame_count === 0 ? null : findRepresentative(reader, row.series_row),
    frameOfReferenceUid: row.frame_of_reference_uid,
  }));
}

interface PlacedRow {
  readonly instance_number: number | null;
  readonly frames: number;
  readonly position_mm: string;
  readonly orientation: string;
}

function orderOf(rows: readonly PlacedRow[]): number[] {
  const numbers = (text: string) => (text === '' ? [] : text.split('\\').map(Number));
  return displayOrder(
    rows.map((row) => ({
      instanceNumber: row.instance_number,
      positionMm: numbers(row.position_mm),
      orientation: numbers(row.orientation),
      frames: row.frames,
    })),
  );
}

/**
 * The image in the middle of a series, in the order in which it is shown, stands for it: it shows more than the first
 * slice does. It hangs on what the images say, not on the order in which they came, so a rebuilt index gives the same.
 */
function findRepresentative(reader: Reader, seriesRow: number): Series['representative'] {
  const rows = reader.all<PlacedRow & { sop_uid: string }>(
    `SELECT sop_uid, instance_number, frames, position_mm, orientation FROM instance
     WHERE series_row = ? AND is_image = 1 ORDER BY sop_uid`,
    seriesRow,
  );
  const row = rows[orderOf(rows)[Math.floor(rows.length / 2)] ?? -1];
  if (!row) return null;
  const settled = reader.get<{ version: number }>(
    "SELECT version FROM conflict WHERE conflict_id = 'instance:' || ? AND version > 0",
    row.sop_uid,
  );
  return { sopUid: row.sop_uid, frame: Math.floor(row.frames / 2) + 1, ...(settled ?? {}) };
}

interface InstanceRow extends PlacedRow {
  readonly sop_uid: string;
  readonly sop_class_uid: string;
  readonly rows: number | null;
  readonly columns: number | null;
  readonly transfer_syntax_uid: string;
  readonly is_image: number;
}

/** The instances of a series of a study in the order they are shown. @throws Failure('imaging.seriesUnknown') */
export function listInstances(reader: Reader, studyUid: string, seriesUid: string): Instance[] {
  const rows = reader.all<InstanceRow>(
    `SELECT i.sop_uid, i.sop_class_uid, i.instance_number, i.frames, i.rows, i.columns, i.transfer_syntax_uid, i.is_image, i.position_mm, i.orientation
     FROM study st JOIN series s ON s.study_row = st.study_row JOIN instance i ON i.series_row = s.series_row
     WHERE st.study_uid = ? AND s.series_uid = ?`,
    studyUid,
    seriesUid,
  );
  if (rows.length === 0) throw new Failure('imaging.seriesUnknown', 'no such series');
  return orderOf(rows).map((index) => {
    const row = rows[index] as InstanceRow;
    return {
      sopUid: row.sop_uid,
      sopClassUid: row.sop_class_uid,
      instanceNumber: row.instance_number,
      frames: row.frames,
      rows: row.rows,
      columns: row.columns,
      transferSyntaxUid: row.transfer_syntax_uid,
      isImage: row.is_image === 1,
    };
  });
}

/** Where one instance lies; the study's conflict flag with it, since nothing of such a study may be drawn. */
export interface InstancePlace {
  readonly instanceRow: number;
  readonly sopUid: string;
  readonly seriesUid: string;
  readonly studyUid: string;
  readonly objectName: string;
  readonly bytes: number;
  readonly frames: number;
  readonly isImage: boolean;
}

/** Which instances: of a study, of one of its series, or one. */
export interface InstanceScope {
  readonly studyUid: string;
  readonly seriesUid?: string | undefined;
  readonly sopUid?: string | undefined;
}

/**
 * The instances of a scope, for reading their bytes.
 *
 * @throws Failure('imaging.studyUnknown' | 'imaging.seriesUnknown' | 'imaging.instanceUnknown' | 'imaging.identityConflict')
 */
export function listPlaces(reader: Reader, scope: InstanceScope): InstancePlace[] {
  const study = reader.get<{ study_row: number; identity_conflict: number }>(
    'SELECT study_row, identity_conflict FROM study WHERE study_uid = ?',
    scope.studyUid,
  );
  if (!study) throw new Failure('imaging.studyUnknown', 'no such study');
  if (study.identity_conflict === 1)
    throw new Failure('imaging.identityConflict', 'instances of this study name two people');
  const rows = reader.all<{
    instance_row: number;
    sop_uid: string;
    series_uid: string;
    object_name: string;
    bytes: number;
    frames: number;
    is_image: number;
  }>(
    `SELECT i.instance_row, i.sop_uid, s.series_uid, i.object_name, i.bytes, i.frames, i.is_image
     FROM ${scope.sopUid === undefined ? 'series s JOIN instance i ON i.series_row = s.series_row' : 'instance i JOIN series s ON s.series_row = i.series_row'}
     WHERE s.study_row = ?${scope.seriesUid === undefined ? '' : ' AND s.series_uid = ?'}${scope.sopUid === undefined ? '' : ' AND i.sop_uid = ?'}
     ORDER BY s.series_number, s.series_row, i.instance_number, i.instance_row`,
    study.study_row,
    ...(scope.seriesUid === undefined ? [] : [scope.seriesUid]),
    ...(scope.sopUid === undefined ? [] : [scope.sopUid]),
  );
  if (rows.length === 0) {
    const code = scope.sopUid !== undefined ? 'imaging.instanceUnknown' : 'imaging.seriesUnknown';
    throw new Failure(code, 'nothing of that UID in this study');
  }
  return rows.map((row) => ({
    instanceRow: row.instance_row,
    sopUid: row.sop_uid,
    seriesUid: row.series_uid,
    studyUid: scope.studyUid,
    objectName: row.object_name,
    bytes: row.bytes,
    frames: row.frames,
    isImage: row.is_image === 1,
  }));
}
