import type { RestReportSummary, RestStudy, RestStudyRow } from '../../../../app/domains/api/restSchema.ts';
import type { Study } from '../../../../app/domains/imaging/imagingSchema.ts';
import type { Patient } from '../../../../app/domains/patients/patientSchema.ts';
import type { Report, ReportSummary } from '../../../../app/domains/reports/reportSchema.ts';
import type { WorklistRow } from '../../../../app/domains/worklist/worklistSchema.ts';

const moment = (ms: number): string => new Date(ms).toISOString();

export function restStudyRow(row: WorklistRow): RestStudyRow {
  const { patientId, displayName: name, identifier, birthDate, sex } = row;
  return {
    ...commonOf(row),
    patient: { patientId, name, identifier, birthDate, sex },
    reportState: row.reportState,
  };
}

export function restStudy(study: Study, patient: Patient): RestStudy {
  const { patientId, displayName: name, identifier, birthDate, sex } = patient;
  return { ...commonOf(study), patient: { patientId, name, identifier, birthDate, sex } };
}

function commonOf(study: Study | WorklistRow): Omit<RestStudy, 'patient'> {
  return {
    studyUid: study.studyUid,
    studyDate: study.studyDate,
    studyTime: study.studyTime,
    accessionNumber: study.accessionNumber,
    description: study.description,
    referringPhysician: study.referringPhysician,
    modalities: study.modalities,
    seriesCount: study.seriesCount,
    instanceCount: study.instanceCount,
    frameCount: study.frameCount,
    receivedAt: moment(study.receivedAt),
    identityConflict: study.identityConflict,
    arriving: study.arriving === true,
  };
}

/** Null for one that is not signed: no draft leaves. */
export function restReportSummary(report: ReportSummary | Report): RestReportSummary | null {
  const { reportId, studyUid, addendumTo, language, title, state, signedBy, signedAt } = report;
  if (state !== 'signed' || signedBy === null || signedAt === null) return null;
  return { reportId, studyUid, addendumTo, language, title, signedBy, signedAt: moment(signedAt) };
}

/** The words of a report, those of its measurements and key images in their places. */
export function plainSections(report: Report): { key: string; title: string; paragraphs: string[] }[] {
  return report.sections.map(({ key, title, paragraphs }) => ({
    key,
    title,
    paragraphs: paragraphs.map(({ content }) => content.map(({ text }) => text).join('')),
  }));
}
