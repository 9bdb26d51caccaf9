import type { Reader } from '../../../database/writeGate.ts';
import type { FoundRow } from './foundRows.ts';

/** How many instances of a match are here already. Indexed look-ups, well below a millisecond each. */
export function countHere(reader: Reader, row: FoundRow): number {
  switch (row.level) {
    case 'PATIENT':
      return sum(
        reader,
        // Whoever a patient is to a peer, here it is what the objects themselves say.
        `SELECT sum(i.instance_count) AS n FROM patient p JOIN study_identity i ON i.patient_id = p.patient_id
         WHERE p.identifier_key = ? AND p.identifier_key <> '' AND i.identifier = ?`,
        row.patientId.trim().toLowerCase(),
        row.patientId.trim(),
      );
    case 'STUDY':
      return sum(reader, 'SELECT instance_count AS n FROM study WHERE study_uid = ?', row.studyUid);
    case 'SERIES':
      return sum(
        reader,
        `SELECT s.instance_count AS n FROM study st JOIN series s ON s.study_row = st.study_row
         WHERE st.study_uid = ? AND s.series_uid = ?`,
        row.studyUid,
        row.seriesUid,
      );
    case 'IMAGE':
      return sum(reader, 'SELECT count(*) AS n FROM instance WHERE sop_uid = ?', row.sopUid);
  }
}

function sum(reader: Reader, sql: string, ...parameters: string[]): number {
  return reader.get<{ n: number | null }>(sql, ...parameters)?.n ?? 0;
}
