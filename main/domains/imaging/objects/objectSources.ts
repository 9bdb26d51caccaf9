import { Failure } from '../../../../app/shared/failure.ts';
import type { Reader } from '../../../database/writeGate.ts';
import type { ReferencedImage } from './objectParts.ts';

/**
 * The study, if objects may be made for it: it is this patient's and nobody else's.
 *
 * @throws Failure('imaging.studyUnknown' | 'imaging.identityConflict' | 'imaging.patientDiffers')
 */
export function requireOnePatient(reader: Reader, studyUid: string, patientId: string): void {
  const study = reader.get<{ patient_id: string; identity_conflict: number }>(
    'SELECT patient_id, identity_conflict FROM study WHERE study_uid = ?',
    studyUid,
  );
  if (!study) throw new Failure('imaging.studyUnknown', 'no such study');
  if (study.identity_conflict === 1)
    throw new Failure('imaging.identityConflict', 'instances of this study name two people');
  if (study.patient_id !== patientId)
    throw new Failure('imaging.patientDiffers', 'the study belongs to another patient than the report');
}

/**
 * The header that patient and study are copied from: of the instance that came first, which is whose the study is; of
 * the first with every character readable, where there is one. Raw deflate of DICOM JSON.
 */
export function findStudyHeader(reader: Reader, studyUid: string): Uint8Array {
  const row = reader.get<{ json: Uint8Array }>(
    `SELECT h.json FROM study st JOIN series s ON s.study_row = st.study_row JOIN instance i ON i.series_row = s.series_row
       JOIN instance_header h ON h.instance_row = i.instance_row
     WHERE st.study_uid = ? ORDER BY i.text_damaged, i.instance_row LIMIT 1`,
    studyUid,
  );
  if (!row) throw new Failure('imaging.studyUnknown', 'the study has no instance');
  return row.json;
}

/**
 * Images of a study as objects point at them, each frame once. Where an image lies is the index's word, not the caller's.
 *
 * @throws Failure('imaging.instanceUnknown' | 'imaging.frameUnknown')
 */
export function findImages<Marked extends { readonly sopUid: string; readonly frame: number }>(
  reader: Reader,
  studyUid: string,
  marked: readonly Marked[],
): (ReferencedImage & { readonly marked: Marked })[] {
  const distinct = new Map(marked.map((one) => [`${one.sopUid}#${one.frame}`, one]));
  return [...distinct.values()].map((one) => {
    const row = reader.get<{ series_uid: string; sop_class_uid: string; frames: number }>(
      `SELECT s.series_uid, i.sop_class_uid, i.frames FROM instance i JOIN series s ON s.series_row = i.series_row
         JOIN study st ON st.study_row = s.study_row
       WHERE i.sop_uid = ? AND st.study_uid = ? AND i.is_image = 1`,
      one.sopUid,
      studyUid,
    );
    if (!row) throw new Failure('imaging.instanceUnknown', 'no such image in this study');
    if (one.frame > row.frames) throw new Failure('imaging.frameUnknown', 'no such frame', { frame: one.frame });
    return {
      studyUid,
      seriesUid: row.series_uid,
      sopUid: one.sopUid,
      sopClassUid: row.sop_class_uid,
      frame: row.frames > 1 ? one.frame : null,
      marked: one,
    };
  });
}

/** Which of these instances the index has. */
export function findStored(reader: Reader, sopUids: readonly string[]): string[] {
  return reader
    .all<{ sop_uid: string }>(
      'SELECT sop_uid FROM instance WHERE sop_uid IN (SELECT value FROM json_each(?))',
      JSON.stringify(sopUids),
    )
    .map((row) => row.sop_uid);
}

/** Instances of these series. */
export function countInSeries(reader: Reader, studyUid: string, seriesUids: readonly string[]): number {
  const row = reader.get<{ instances: number | null }>(
    `SELECT sum(s.instance_count) AS instances FROM study st JOIN series s ON s.study_row = st.study_row
     WHERE st.study_uid = ? AND s.series_uid IN (SELECT value FROM json_each(?))`,
    studyUid,
    JSON.stringify(seriesUids),
  );
  return row?.instances ?? 0;
}
