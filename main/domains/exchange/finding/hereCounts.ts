import type { Reader } from '../../../database/writeGate.ts';
import type { FoundRow } from './foundRows.ts';

/** How many instances of a match are here already, those that were set aside included: they need not be fetched. Indexed look-ups, well below a millisecond each. */
export function countHere(reader: Reader, row: FoundRow): number {
  switch (row.level) {
    case 'PATIENT':
      return sum(
        reader,
        // Whoever a patient is to a peer, here it is what the objects themselves say.
        `SELECT sum(i.instance_count + i.aside_count) AS n FROM patient p JOIN study_identity i ON i.patient_id = p.patient_id
         WHERE p.identifier_key = ? AND p.identifier_key <> '' AND i.identifier = ?`,
        row.patientId.trim().toLowerCase(),
        row.patientId.trim(),
      );
    case 'STUDY':
      return sum(
        reader,
        `SELECT instance_count + (SELECT count(*) FROM instance_aside a WHERE a.study_row = study.study_row) AS n
         FROM study WHERE study_uid = ?`,
        row.studyUid,
      );
    case 'SERIES':
      return sum(
        reader,
        `SELECT (SELECT coalesce(sum(s.instance_count), 0) FROM series s WHERE s.study_row = st.study_row AND s.series_uid = ?)
           + (SELECT count(*) FROM instance_aside a WHERE a.study_row = st.study_row AND a.series_uid = ?) AS n
         FROM study st WHERE st.study_uid = ?`,
        row.seriesUid,
        row.seriesUid,
        row.studyUid,
      );
    case 'IMAGE':
      return sum(
        reader,
        `SELECT (SELECT count(*) FROM instance WHERE sop_uid = ?) + (SELECT count(*) FROM instance_aside WHERE sop_uid = ?) AS n`,
        row.sopUid,
        row.sopUid,
      );
  }
}

function sum(reader: Reader, sql: string, ...parameters: string[]): number {
  return reader.get<{ n: number | null }>(sql, ...parameters)?.n ?? 0;
}
