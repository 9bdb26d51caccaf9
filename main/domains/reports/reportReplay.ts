import { type Report, reportSchema } from '../../../app/domains/reports/reportSchema.ts';
import type { Replayer } from '../../database/replay.ts';
import type { Services } from '../../domainServices.ts';
import { insertReport, insertVersion, takeOverDrafts } from './reportRows.ts';

/** What `reportService` archives with each version of a report. */
interface ReportStatement {
  readonly report: Report;
  readonly reason: string | null;
  readonly signedInstanceCount: number | null;
  readonly versionAuthor: string;
  readonly hlc: string;
  readonly document: { readonly archiveName: string; readonly bytes: number } | null;
}

/** Writes reports and their signed documents again from the archive's statements, in the order they were made. */
export function reportReplayer(services: () => Services): Replayer {
  return {
    kinds: ['statement'],
    types: ['report'],
    replay(tx, _object, _bytes, statement) {
      if (statement === null) return;
      const { report: archived, document, ...extra } = statement.payload as ReportStatement;
      const report = reportSchema.parse(archived);
      insertReport(tx, report, statement.hlc);
      insertVersion(tx, report, extra);
      if (document !== null && report.documentId !== null) {
        services().documents.register(
          tx,
          {
            documentId: report.documentId,
            studyUid: report.studyUid,
            patientId: report.patientId,
            reportId: report.reportId,
            mediaType: 'application/pdf',
            createdAt: report.savedAt,
            author: extra.versionAuthor,
            ...document,
          },
          statement.hlc,
        );
      }
      services().worklist.reportChanged(tx, report.studyUid, services().reports.stateOf(tx, report.studyUid));
    },
    takeOver: takeOverDrafts,
  };
}
