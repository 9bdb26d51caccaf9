import type { Report, ReportSummary } from '../../../app/domains/reports/reportSchema.ts';
import type { Reader, Transaction } from '../../database/writeGate.ts';

/** One report with its newest version, without its text. */
interface SummaryRow {
  report_id: string;
  study_uid: string;
  patient_id: string;
  addendum_to: string | null;
  language: string;
  template_id: string;
  title: string;
  created_at: number;
  author: string;
  version: number;
  state: Report['state'];
  saved_at: number;
  signed_by: string | null;
  document_id: string | null;
}

interface ReportRow extends SummaryRow {
  sections: string;
  key_images: string;
}

const summaryColumns = `r.report_id, r.study_uid, r.patient_id, r.addendum_to, r.language, r.template_id, r.title, r.created_at,
  r.author, v.version, v.state, v.saved_at, v.signed_by, v.document_id`;
const newestOf = `FROM report r JOIN report_version v ON v.report_id = r.report_id
   AND v.version = (SELECT max(n.version) FROM report_version n WHERE n.report_id = r.report_id)`;
const newest = `SELECT ${summaryColumns}, v.sections, v.key_images ${newestOf}`;

export function findReport(reader: Reader, reportId: string): Report | undefined {
  const row = reader.get<ReportRow>(`${newest} WHERE r.report_id = ?`, reportId);
  return row === undefined ? undefined : fromRow(row);
}

/** The reports of a study, oldest first. */
export function listStudyReports(reader: Reader, studyUid: string): Report[] {
  return reader
    .all<ReportRow>(`${newest} WHERE r.study_uid = ? ORDER BY r.created_at, r.report_id`, studyUid)
    .map(fromRow);
}

/** The newest `limit` reports, of a study (oldest first) or of the store (newest first). */
export function listSummaries(
  reader: Reader,
  { studyUid, state, limit }: { studyUid?: string | undefined; state?: Report['state'] | undefined; limit: number },
): ReportSummary[] {
  const rows = reader.all<SummaryRow>(
    `SELECT ${summaryColumns} ${newestOf} WHERE (? IS NULL OR v.state = ?) AND (? IS NULL OR r.study_uid = ?)
     ORDER BY r.created_at DESC, r.report_id DESC LIMIT ?`,
    state ?? null,
    state ?? null,
    studyUid ?? null,
    studyUid ?? null,
    limit,
  );
  const summaries = rows.map(summaryFromRow);
  return studyUid === undefined ? summaries : summaries.reverse();
}

/** How many instances the study had when its report was signed, or null. The newest signature counts. */
export function findSignedInstanceCount(reader: Reader, studyUid: string): number | null {
  const row = reader.get<{ count: number | null }>(
    `SELECT v.signed_instance_count AS count FROM report r JOIN report_version v ON v.report_id = r.report_id
     WHERE r.study_uid = ? AND v.state = 'signed' ORDER BY v.saved_at DESC LIMIT 1`,
    studyUid,
  );
  return row?.count ?? null;
}

export interface VersionExtra {
  readonly reason: string | null;
  readonly signedInstanceCount: number | null;
  readonly versionAuthor: string;
  readonly hlc: string;
}

export function insertReport(tx: Transaction, report: Report, hlc: string): void {
  tx.run(
    `INSERT INTO report (report_id, study_uid, patient_id, addendum_to, language, template_id, title, created_at, author, hlc, site_id)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (report_id) DO NOTHING`,
    report.reportId,
    report.studyUid,
    report.patientId,
    report.addendumTo,
    report.language,
    report.templateId,
    report.title,
    report.createdAt,
    report.author,
    hlc,
    tx.siteId,
  );
}

const versionColumns = `report_id, version, state, saved_at, sections, key_images, author, signed_by, document_id, reason,
  signed_instance_count, hlc, site_id`;
const insertVersionSql = `INSERT INTO report_version (${versionColumns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;

export function insertVersion(tx: Transaction, report: Report, extra: VersionExtra): void {
  tx.run(
    insertVersionSql,
    report.reportId,
    report.version,
    report.state,
    report.savedAt,
    JSON.stringify(report.sections),
    JSON.stringify(report.keyImages),
    extra.versionAuthor,
    report.signedBy,
    report.documentId,
    extra.reason,
    extra.signedInstanceCount,
    extra.hlc,
    tx.siteId,
  );
}

/** Copies the saves of open drafts that an older index holds and the archive does not: a draft is archived once a minute. */
export function takeOverDrafts(tx: Transaction, old: Reader): void {
  const saves = old.all<Record<string, string | number | null>>(
    `SELECT ${versionColumns} FROM report_version v
     WHERE NOT EXISTS (SELECT 1 FROM report_version e WHERE e.report_id = v.report_id AND e.state <> 'draft')`,
  );
  for (const save of saves) {
    // What the archive has stays; a report that it says is signed takes nothing more.
    const isWanted = tx.get(
      `SELECT 1 FROM report r WHERE r.report_id = ?
         AND NOT EXISTS (SELECT 1 FROM report_version v WHERE v.report_id = r.report_id AND (v.version = ? OR v.state <> 'draft'))`,
      save.report_id ?? null,
      save.version ?? null,
    );
    if (!isWanted) continue;
    const values = versionColumns.split(',').map((column) => save[column.trim()] ?? null);
    tx.run(insertVersionSql, ...values);
  }
}

function summaryFromRow(row: SummaryRow): ReportSummary {
  return {
    reportId: row.report_id,
    studyUid: row.study_uid,
    patientId: row.patient_id,
    addendumTo: row.addendum_to,
    language: row.language === 'fr' ? 'fr' : 'en',
    templateId: row.template_id,
    title: row.title,
    createdAt: row.created_at,
    author: row.author,
    version: row.version,
    state: row.state,
    savedAt: row.saved_at,
    signedBy: row.signed_by,
    signedAt: row.state === 'signed' ? row.saved_at : null,
    documentId: row.document_id,
  };
}

function fromRow(row: ReportRow): Report {
  return {
    ...summaryFromRow(row),
    sections: JSON.parse(row.sections) as Report['sections'],
    keyImages: JSON.parse(row.key_images) as Report['keyImages'],
  };
}
