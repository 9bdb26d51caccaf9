import type { OpenStore } from '../../../core.ts';
import { systemAuthor } from '../../../database/openWriteGate.ts';
import type { IndexParts } from './arrived.ts';

/** Whether more of a study is on its way, for who fetches one and knows how much of it there is. */
export interface StudyArrivals {
  /** More of the study comes, by this job; says so where something of it is here already. */
  begin(studyUid: string, jobId: string): void;
  /** Nothing more comes by this job. `isWhole`: all there is of the study is here, so what cut off jobs left is settled too. */
  end(studyUid: string, jobId: string, isWhole: boolean): void;
}

export function openStudyArrivals({ gate, reader }: OpenStore, index: Pick<IndexParts, 'worklist'>): StudyArrivals {
  const rowOf = (studyUid: string): number | null =>
    reader.get<{ study_row: number }>('SELECT study_row FROM study WHERE study_uid = ?', studyUid)?.study_row ?? null;

  return {
    begin(studyUid, jobId) {
      const studyRow = rowOf(studyUid);
      if (studyRow === null) return;
      gate.append(systemAuthor, (tx) => {
        tx.run(
          'INSERT INTO study_arrival (study_row, job_id, repeats) VALUES (?, ?, 0) ON CONFLICT DO NOTHING',
          studyRow,
          jobId,
        );
        index.worklist.refreshStudy(tx, studyUid);
        for (const topic of ['studies', 'worklist'] as const) tx.topic(topic);
      });
    },
    end(studyUid, jobId, isWhole) {
      const studyRow = rowOf(studyUid);
      if (studyRow === null) return;
      gate.append(systemAuthor, (tx) => {
        tx.run('DELETE FROM study_arrival WHERE study_row = ? AND job_id = ?', studyRow, jobId);
        if (isWhole) {
          tx.run(
            `DELETE FROM study_arrival WHERE study_row = ?
               AND job_id NOT IN (SELECT job_id FROM job WHERE state IN ('queued', 'running'))
               AND job_id NOT IN (SELECT association_id FROM association WHERE ended_at IS NULL)`,
            studyRow,
          );
        }
        index.worklist.refreshStudy(tx, studyUid);
        for (const topic of ['studies', 'worklist'] as const) tx.topic(topic);
      });
    },
  };
}
