import type { OpenStore } from '../../../core.ts';
import { systemAuthor } from '../../../database/openWriteGate.ts';
import type { Transaction } from '../../../database/writeGate.ts';
import type { IndexParts } from './arrived.ts';

/** Whether more of a study is on its way, for who fetches one and knows how much of it there is. */
export interface StudyArrivals {
  /** More of the study comes, by this job; says so where something of it is here already. */
  begin(studyUid: string, jobId: string): void;
  /** Nothing more comes by this job. `isWhole`: all there is of the study is here, so what cut off jobs left is settled too. */
  end(studyUid: string, jobId: string, isWhole: boolean): void;
  /** Studies of associations that their sender aborted are not waited for any longer, and are marked so for who reads them. */
  letGo(associationIds: readonly string[]): void;
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
          tx.run('DELETE FROM aborted_arrival WHERE study_row = ?', studyRow);
        }
        index.worklist.refreshStudy(tx, studyUid);
        for (const topic of ['studies', 'worklist'] as const) tx.topic(topic);
      });
    },
    letGo(associationIds) {
      gate.write(systemAuthor, 'imaging.letGoArrival', (tx) => {
        for (const associationId of associationIds) letGoOne(tx, associationId);
        for (const topic of ['studies', 'worklist'] as const) tx.topic(topic);
      });
    },
  };

  function letGoOne(tx: Transaction, associationId: string): void {
    const studies = tx.all<{ study_row: number; study_uid: string }>(
      'SELECT s.study_row, s.study_uid FROM study_arrival a JOIN study s ON s.study_row = a.study_row WHERE a.job_id = ?',
      associationId,
    );
    for (const { study_row, study_uid } of studies) {
      tx.run('DELETE FROM study_arrival WHERE study_row = ? AND job_id = ?', study_row, associationId);
      tx.run(
        'INSERT OR REPLACE INTO aborted_arrival (study_row, association_id, let_go_at) VALUES (?, ?, ?)',
        study_row,
        associationId,
        tx.nowMs,
      );
      index.worklist.refreshStudy(tx, study_uid);
    }
    tx.subject({ type: 'association', id: associationId }, { studies: studies.length });
  }
}
