import type { Report } from '../../../app/domains/reports/reportSchema.ts';
import { Failure } from '../../../app/shared/failure.ts';
import type { OpenStore } from '../../core.ts';
import type { Author } from '../../database/writeGate.ts';
import type { Services } from '../../domainServices.ts';
import { findReport } from './reportRows.ts';

const system: Author = { operatorId: null, operatorName: null };

/** Reports looked at between two turns of the window's thread. */
const looksPerTurn = 50;

/**
 * Has the DICOM objects of signed reports made. A signature never waits for them and never fails with them: what could
 * not be made is noted in the audit trail and the log, tried again at the next start, and made on the spot when
 * somebody sends the report, which then says why it could not be.
 */
export interface ReportObjects {
  /**
   * Makes the objects of a signed report, or answers with those that are there.
   *
   * @returns their SOP Instance UIDs, the PDF's first
   * @throws Failure('reports.unknown' | 'reports.notSigned'), or why they cannot be made: `ImagingService.storeReportObjects`
   */
  storeObjects(author: Author, reportId: string): Promise<readonly string[]>;
  /** The same in the background; whoever signed is not told of a failure. */
  storeLater(author: Author, reportId: string): void;
  /** Looks for signed reports without objects, in the background: a start may follow a cut, or a disk that was full. */
  resume(): void;
}

export function openReportObjects(store: OpenStore, services: () => Services): ReportObjects {
  const storeObjects = async (author: Author, reportId: string): Promise<readonly string[]> => {
    const report = findReport(store.reader, reportId);
    if (report === undefined) throw new Failure('reports.unknown', 'no such report');
    return services().imaging.storeReportObjects(author, signedFacts(report));
  };

  const signedFacts = (report: Report) => {
    const { signedBy, signedAt, documentId } = report;
    if (report.state !== 'signed' || signedBy === null || signedAt === null || documentId === null)
      throw new Failure('reports.notSigned', 'only a signed report has objects');
    const { reportId, version, studyUid, patientId, language, title, keyImages } = report;
    const signer = services().security.findOperator(signedBy)?.fullName ?? signedBy;
    const isAddendum = report.addendumTo !== null;
    return {
      reportId,
      version,
      studyUid,
      patientId,
      language,
      title,
      isAddendum,
      signedAt,
      signer,
      documentId,
      keyImages,
    };
  };

  const storeOrNote = async (author: Author, reportId: string): Promise<void> => {
    try {
      await storeObjects(author, reportId);
    } catch (error) {
      const reason = error instanceof Failure ? error.code : 'internal';
      // A store that closes: the next start takes it up.
      if (reason === 'security.sealed') throw error;
      store.platform.log.error('the objects of a signed report could not be stored', error, { reportId, reason });
      store.gate.record(author, 'reports.storeObjects', 'failed', { type: 'report', id: reportId }, { reason });
    }
  };

  const storeMissing = async (): Promise<void> => {
    const signed = await store.readLater<{ report_id: string; version: number }>(
      "SELECT report_id, version FROM report_version WHERE state = 'signed' ORDER BY saved_at DESC",
    );
    for (const [index, { report_id, version }] of signed.entries()) {
      if (index % looksPerTurn === 0) await new Promise((resolve) => setImmediate(resolve));
      if (!services().imaging.hasReportObjects({ reportId: report_id, version })) await storeOrNote(system, report_id);
    }
  };

  const inBackground = (work: Promise<void>): void => {
    work.catch((error: unknown) => {
      if (error instanceof Failure && error.code === 'security.sealed') return;
      // Noting a failure fails with the store itself: its disk is full, for one.
      store.platform.log.error('the objects of signed reports wait for the next start', error);
    });
  };

  return {
    storeObjects,
    storeLater: (author, reportId) => inBackground(storeOrNote(author, reportId)),
    resume: () => inBackground(storeMissing()),
  };
}
