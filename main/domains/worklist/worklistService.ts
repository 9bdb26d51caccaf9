import type { WorklistRow } from '../../../app/domains/worklist/worklistSchema.ts';
import { Failure } from '../../../app/shared/failure.ts';
import type { OpenStore } from '../../core.ts';
import type { Author, Transaction } from '../../database/writeGate.ts';
import type { Services } from '../../domainServices.ts';
import { isPrior, markPrior, noteSent } from './priorStudies.ts';
import { markAssigned, markReport, type ReportMark, refreshItem } from './worklistItems.ts';
import { readWorklistPage, type WorklistPage } from './worklistQueries.ts';

export interface WorklistCounts {
  all: number;
  unread: number;
  drafts: number;
  signed: number;
  mine: number;
  conflicts: number;
  modalities: { modality: string; count: number }[];
}

/** The list of studies: one line each, kept by the writes that change what it shows. */
export interface WorklistService {
  list(page: WorklistPage): Promise<{ total: number; rows: WorklistRow[] }>;
  counts(operatorName: string): WorklistCounts;
  /** @throws Failure('worklist.studyUnknown') */
  assign(author: Author, studyUid: string, operatorName: string | null): void;
  /** Writes the line of a study anew, in the transaction that changed its facts. */
  refreshStudy(tx: Transaction, studyUid: string): void;
  /** The same for all studies of a patient. */
  refreshPatient(tx: Transaction, patientId: string): void;
  /** True for a study that is here to compare with alone, or that is to come so. */
  isPrior(studyUid: string): boolean;
  /** Says, or takes back, that a study is brought to compare with and is nobody's unread work. */
  markPrior(tx: Transaction, studyUid: string, prior: boolean): void;
  /** Something of the study was sent here, new or not: it is work from then on, whatever it was brought for before. */
  noteSent(tx: Transaction, studyUid: string, nodeId: string | null): void;
  /** Called by the reports domain inside its own transaction. */
  reportChanged(tx: Transaction, studyUid: string, mark: ReportMark): void;
}

/** Opens the worklist of a store. It asks no other domain: what it shows, it reads from their tables. */
export function openWorklistService(store: OpenStore, _services: () => Services): WorklistService {
  return {
    list: (page) => readWorklistPage(store, page),

    counts(operatorName) {
      const rows = store.reader.all<{ name: string; studies: number }>(
        'SELECT name, studies FROM worklist_count WHERE studies > 0',
      );
      const counts = new Map(rows.map((row) => [row.name, row.studies]));
      const of = (name: string) => counts.get(name) ?? 0;
      return {
        all: of('all'),
        unread: of('state:none'),
        drafts: of('state:draft'),
        signed: of('state:signed') + of('state:addendum'),
        mine: of(`assigned:${operatorName}`),
        conflicts: of('conflicts'),
        modalities: rows
          .filter((row) => row.name.startsWith('modality:'))
          .map((row) => ({ modality: row.name.slice('modality:'.length), count: row.studies }))
          .sort((left, right) => right.count - left.count || left.modality.localeCompare(right.modality)),
      };
    },

    assign(author, studyUid, operatorName) {
      store.gate.write(author, 'worklist.assign', (tx) => {
        if (!tx.get('SELECT 1 FROM worklist_item WHERE study_uid = ?', studyUid)) {
          throw new Failure('worklist.studyUnknown', 'no such study');
        }
        const newest = tx.get<{ version: number | null }>(
          'SELECT max(version) AS version FROM worklist_assignment WHERE study_uid = ?',
          studyUid,
        );
        const version = (newest?.version ?? 0) + 1;
        tx.statement({ type: 'assignment', id: studyUid, version, payload: { studyUid, assignedTo: operatorName } });
        insertAssignment(tx, {
          studyUid,
          version,
          assignedTo: operatorName,
          at: tx.nowMs,
          hlc: tx.hlc,
          author: author.operatorName,
          siteId: tx.siteId,
        });
        // Whoever is to read it has work.
        if (operatorName !== null) markPrior(tx, studyUid, false);
        tx.subject({ type: 'study', id: studyUid }, { assigned: operatorName !== null });
        tx.topic('worklist');
      });
    },

    refreshStudy: refreshItem,
    isPrior: (studyUid) => isPrior(store.reader, studyUid),
    markPrior,
    noteSent,

    refreshPatient(tx, patientId) {
      for (const { study_uid } of tx.all<{ study_uid: string }>(
        'SELECT study_uid FROM study WHERE patient_id = ?',
        patientId,
      )) {
        refreshItem(tx, study_uid);
      }
      tx.topic('worklist');
    },

    reportChanged(tx, studyUid, mark) {
      markReport(tx, studyUid, mark);
      tx.topic('worklist');
    },
  };
}

export interface Assignment {
  readonly studyUid: string;
  readonly version: number;
  readonly assignedTo: string | null;
  readonly at: number;
  readonly hlc: string;
  readonly author: string | null;
  readonly siteId: string;
}

/** Appends an assignment and shows it in the list; used by the command and by the rebuild of the index. */
export function insertAssignment(tx: Transaction, assignment: Assignment): void {
  tx.run(
    'INSERT INTO worklist_assignment (study_uid, version, assigned_to, at, hlc, author, site_id) VALUES (?, ?, ?, ?, ?, ?, ?)',
    assignment.studyUid,
    assignment.version,
    assignment.assignedTo,
    assignment.at,
    assignment.hlc,
    assignment.author,
    assignment.siteId,
  );
  markAssigned(tx, assignment.studyUid, assignment.assignedTo);
}
