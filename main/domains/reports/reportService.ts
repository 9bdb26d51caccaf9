import {
  addendumSections,
  checkReport,
  draftKeyImages,
  rankTemplates,
  sectionsFromTemplate,
} from '../../../app/domains/reports/reportRules.ts';
import type { Report, ReportCheck, ReportSummary, ReportTemplate } from '../../../app/domains/reports/reportSchema.ts';
import type { ReportState } from '../../../app/domains/worklist/worklistSchema.ts';
import { Failure } from '../../../app/shared/failure.ts';
import type { OpenStore, Session } from '../../core.ts';
import type { Author, Reader, Transaction } from '../../database/writeGate.ts';
import type { Services } from '../../domainServices.ts';
import { refuseUntrue } from './draftTruth.ts';
import type { PdfPress } from './pdf/pdfPress.ts';
import { openReportObjects, type ReportObjects } from './reportObjects.ts';
import { digestOf, gatherPrint } from './reportPrint.ts';
import {
  findReport,
  findSignedInstanceCount,
  insertReport,
  insertVersion,
  listStudyReports,
  listSummaries,
} from './reportRows.ts';

/**
 * A draft is archived on its first save and then at most this often, in milliseconds: the database keeps every save,
 * and an index rebuilt from the archive alone is at most this far behind an unsigned text.
 */
const draftArchiveIntervalMs = 60_000;

type Signature = Parameters<typeof gatherPrint>[2]['signature'];

export interface ReportService extends Omit<ReportObjects, 'storeLater'> {
  listTemplates(studyUid: string | undefined): ReportTemplate[];
  list(filter: { studyUid?: string | undefined; state?: Report['state'] | undefined; limit: number }): ReportSummary[];
  get(reportId: string): Report;
  openDraft(
    author: Session,
    input: { studyUid: string; templateId?: string | undefined; language: Report['language'] },
  ): Report;
  saveDraft(
    author: Session,
    input: Pick<Report, 'reportId' | 'sections' | 'keyImages'> & { baseVersion: number },
  ): Report;
  check(reportId: string): ReportCheck[];
  preview(author: Session, reportId: string): Promise<{ documentId: string; version: number; digest: string }>;
  sign(
    author: Session,
    input: { reportId: string; version: number; digest: string; patientId: string; studyUid: string; password: string },
  ): Promise<Report>;
  startAddendum(author: Session, reportId: string): Report;
  archiveDraft(author: Session, reportId: string, reason: string): void;
  /** What the worklist shows of a study's reports. */
  stateOf(
    tx: Transaction,
    studyUid: string,
  ): { state: ReportState; signedAt: number | null; signedInstanceCount: number | null };
}

export function openReportService(
  store: OpenStore,
  services: () => Services,
  templates: readonly ReportTemplate[],
  press: PdfPress,
): ReportService {
  const archivedAt = new Map<string, number>();
  const objects = openReportObjects(store, services);

  const get = (reportId: string): Report => {
    const report = findReport(store.reader, reportId);
    if (report === undefined) throw new Failure('reports.unknown', 'no such report');
    return report;
  };

  const requireDraft = (report: Report): Report => {
    if (report.state !== 'draft')
      throw new Failure('reports.notADraft', 'the report is no draft', { state: report.state });
    return report;
  };

  /** What was made here of these reports is nothing that waits to be read: it counts as seen, whenever it was stored. */
  const countObjects = (reader: Reader, studyUid: string, reports: readonly Report[]): number =>
    services().imaging.countObjects(
      reader,
      studyUid,
      reports.map(({ reportId }) => reportId),
    );

  const stateOf: ReportService['stateOf'] = (tx, studyUid) => {
    const reports = listStudyReports(tx, studyUid).filter((report) => report.state !== 'archived');
    const signed = reports.filter((report) => report.state === 'signed');
    const signedAt = signed.reduce<number | null>(
      (latest, report) => Math.max(latest ?? 0, report.signedAt ?? 0),
      null,
    );
    const first = signed.find((report) => report.addendumTo === null);
    const state: ReportState =
      first === undefined
        ? reports.length > 0
          ? 'draft'
          : 'none'
        : signed.some((report) => report.addendumTo !== null)
          ? 'addendum'
          : 'signed';
    const seen = findSignedInstanceCount(tx, studyUid);
    return { state, signedAt, signedInstanceCount: seen === null ? null : seen + countObjects(tx, studyUid, reports) };
  };

  const told = (tx: Transaction, report: Report): void => {
    services().worklist.reportChanged(tx, report.studyUid, stateOf(tx, report.studyUid));
    tx.topic('reports');
    tx.topic('worklist');
  };

  /** Appends a version and archives it as a statement; `extra` goes with it. */
  const append = (
    tx: Transaction,
    author: Author,
    report: Report,
    extra: { reason?: string; signedInstanceCount?: number; document?: { archiveName: string; bytes: number } } = {},
    archive = true,
  ): void => {
    const version = {
      reason: extra.reason ?? null,
      signedInstanceCount: extra.signedInstanceCount ?? null,
      versionAuthor: author.operatorName ?? '',
      hlc: tx.hlc,
    };
    insertVersion(tx, report, version);
    if (!archive) return;
    tx.statement({
      type: 'report',
      id: report.reportId,
      version: report.version,
      payload: { report, ...version, document: extra.document ?? null },
    });
  };

  const create = (author: Session, action: string, report: Report): Report =>
    store.gate.write(author, action, (tx) => {
      insertReport(tx, report, tx.hlc);
      append(tx, author, report);
      told(tx, report);
      tx.subject({ type: 'report', id: report.reportId }, { studyUid: report.studyUid });
      return report;
    });

  const aDraft = (
    author: Session,
    change: Pick<
      Report,
      'studyUid' | 'patientId' | 'addendumTo' | 'language' | 'templateId' | 'title' | 'sections' | 'keyImages'
    >,
  ): Report => {
    const nowMs = store.platform.clock.nowMs();
    return {
      ...change,
      reportId: store.newId(),
      state: 'draft',
      version: 1,
      author: author.operatorName,
      createdAt: nowMs,
      savedAt: nowMs,
      signedBy: null,
      signedAt: null,
      documentId: null,
    };
  };

  const check = (report: Report): ReportCheck[] => {
    const { study, series } = services().imaging.getStudyDetail(report.studyUid);
    return checkReport({
      report,
      study,
      series,
      annotations: services().imaging.listAnnotations(report.studyUid),
      availableSopUids: new Set(services().imaging.listSopUids(report.studyUid)),
    });
  };

  const refuseStopped = (report: Report): void => {
    const stops = check(report).filter((entry) => entry.blocking);
    if (stops.length === 0) return;
    throw new Failure('reports.checksFailed', 'checks stop the signature', {
      checks: stops.map((entry) => entry.code).join(' '),
    });
  };

  const addendumOf = (report: Report): { signedBy: string; signedAt: number; reportId: string } | null => {
    if (report.addendumTo === null) return null;
    const original = get(report.addendumTo);
    const signer = original.signedBy === null ? undefined : services().security.findOperator(original.signedBy);
    return {
      signedBy: signer?.fullName ?? original.signedBy ?? '',
      signedAt: original.signedAt ?? 0,
      reportId: original.reportId,
    };
  };

  /** What is printed of a draft, as itself or as the signed report it becomes, and the digest that both share. */
  const gather = async (draft: Report, printed: Report, documentId: string, signature: Signature) => {
    // What it was before the pictures were made: one that changed meanwhile is another page.
    const revision = services().imaging.getStudyDetail(draft.studyUid).study.revision ?? 0;
    const print = await gatherPrint(printed, services(), {
      siteName: services().security.setting('siteName'),
      documentId,
      signature,
      addendumTo: addendumOf(draft),
    });
    const templateVersion = templates.find((one) => one.templateId === draft.templateId)?.version ?? '';
    return { print, digest: digestOf(print, { version: draft.version, templateVersion, revision }) };
  };

  return {
    stateOf,
    storeObjects: objects.storeObjects,
    resume: objects.resume,
    get,
    listTemplates(studyUid) {
      return studyUid === undefined
        ? [...templates]
        : rankTemplates(templates, services().imaging.getStudyDetail(studyUid).study);
    },
    list: (filter) => listSummaries(store.reader, filter),

    openDraft(author, { studyUid, templateId, language }) {
      const { study } = services().imaging.getStudyDetail(studyUid);
      if (study.identityConflict) throw new Failure('reports.identityConflict', 'the study names two patients');
      const reports = listStudyReports(store.reader, studyUid);
      const open = reports.find((report) => report.state === 'draft');
      if (open !== undefined) return open;
      if (reports.some((report) => report.state === 'signed'))
        throw new Failure('reports.alreadySigned', 'a correction of a signed report is an addendum');
      const template =
        templateId === undefined
          ? rankTemplates(templates, study)[0]
          : templates.find((one) => one.templateId === templateId);
      if (template === undefined) throw new Failure('reports.templateUnknown', 'no such template');
      return create(
        author,
        'reports.openDraft',
        aDraft(author, {
          studyUid,
          patientId: study.patientId,
          addendumTo: null,
          language,
          templateId: template.templateId,
          title: template.title[language],
          sections: sectionsFromTemplate(template, language),
          keyImages: draftKeyImages(services().imaging.listKeyImages(studyUid)),
        }),
      );
    },

    saveDraft(author, { reportId, baseVersion, sections, keyImages }) {
      let archivedNow: number | null = null;
      const written = store.gate.write(author, 'reports.saveDraft', (tx) => {
        const current = findReport(tx, reportId);
        if (current === undefined) throw new Failure('reports.unknown', 'no such report');
        requireDraft(current);
        if (current.version !== baseVersion) {
          throw new Failure('reports.draftChanged', 'the draft changed elsewhere', {
            version: current.version,
            baseVersion,
          });
        }
        refuseUntrue(current, sections, (annotationId, version) =>
          services().imaging.findAnnotation(current.studyUid, annotationId, version),
        );
        const saved: Report = { ...current, sections, keyImages, version: current.version + 1, savedAt: tx.nowMs };
        const isDue = Math.abs(tx.nowMs - (archivedAt.get(reportId) ?? 0)) >= draftArchiveIntervalMs;
        append(tx, author, saved, {}, isDue);
        if (isDue) archivedNow = tx.nowMs;
        tx.subject({ type: 'report', id: reportId }, { version: saved.version });
        tx.topic('reports');
        return saved;
      });
      if (archivedNow !== null) archivedAt.set(reportId, archivedNow);
      return written;
    },

    check: (reportId) => check(get(reportId)),

    async preview(author, reportId) {
      const draft = requireDraft(get(reportId));
      const documentId = store.newId();
      const { print, digest } = await gather(draft, draft, documentId, null);
      services().documents.keepPreview(documentId, await press.print(print), 'application/pdf', author.operatorId);
      return { documentId, version: draft.version, digest };
    },

    async sign(author, { reportId, version, digest, patientId, studyUid, password }) {
      await services().security.verifyPassword(author, password);
      const draft = requireDraft(get(reportId));
      if (draft.version !== version)
        throw new Failure('reports.draftChanged', 'the draft changed since it was seen', { version: draft.version });
      if (draft.patientId !== patientId || draft.studyUid !== studyUid)
        throw new Failure('reports.wrongPatient', 'the report is about another patient or study');
      const { study } = services().imaging.getStudyDetail(studyUid);
      const seen = study.instanceCount - countObjects(store.reader, studyUid, listStudyReports(store.reader, studyUid));
      refuseStopped(draft);
      const signedAt = store.platform.clock.nowMs();
      const documentId = store.newId();
      const signed: Report = {
        ...draft,
        state: 'signed',
        version: draft.version + 1,
        savedAt: signedAt,
        signedBy: author.operatorName,
        signedAt,
        documentId,
      };
      const fullName = services().security.findOperator(author.operatorName)?.fullName ?? author.operatorName;
      const signature = { fullName, operatorName: author.operatorName, signedAt };
      const page = await gather(draft, signed, documentId, signature);
      if (page.digest !== digest) throw new Failure('reports.previewChanged', 'the page is not the one that was seen');
      const pdf = await press.print(page.print);
      const object = await store.archive.put('document', pdf);
      const written = store.gate.write(author, 'reports.sign', (tx) => {
        // Between the look and the signature anything may have happened: what commits is what was seen, or nothing.
        const current = findReport(tx, reportId);
        if (current?.version !== version || current.state !== 'draft')
          throw new Failure('reports.draftChanged', 'the draft changed while it was signed');
        // An import may have found a second identity, or a window a newer measurement, while the PDF was made.
        refuseStopped(draft);
        // Or somebody settled a conflict, and a picture that was read is another one now.
        if (services().imaging.getStudyDetail(studyUid).study.revision !== study.revision)
          throw new Failure('imaging.studyChanged', 'what is shown of the study changed while it was signed');
        const document = { archiveName: object.name, bytes: object.bytes };
        append(tx, author, signed, { signedInstanceCount: seen, document });
        services().documents.register(
          tx,
          {
            documentId,
            studyUid,
            patientId,
            reportId,
            mediaType: 'application/pdf',
            createdAt: signedAt,
            author: author.operatorName,
            ...document,
          },
          tx.hlc,
        );
        told(tx, signed);
        tx.subject({ type: 'report', id: reportId }, { documentId, version: signed.version, studyUid });
        return signed;
      });
      objects.storeLater(author, reportId);
      return written;
    },

    startAddendum(author, reportId) {
      const original = get(reportId);
      if (original.state !== 'signed') throw new Failure('reports.notSigned', 'only a signed report takes an addendum');
      const open = listStudyReports(store.reader, original.studyUid).find((report) => report.state === 'draft');
      if (open !== undefined) return open;
      return create(
        author,
        'reports.startAddendum',
        aDraft(author, {
          studyUid: original.studyUid,
          patientId: original.patientId,
          addendumTo: original.addendumTo ?? original.reportId,
          language: original.language,
          templateId: original.templateId,
          title: original.title,
          sections: addendumSections(),
          keyImages: [],
        }),
      );
    },

    archiveDraft(author, reportId, reason) {
      store.gate.write(author, 'reports.archiveDraft', (tx) => {
        const current = findReport(tx, reportId);
        if (current === undefined) throw new Failure('reports.unknown', 'no such report');
        requireDraft(current);
        const archived: Report = { ...current, state: 'archived', version: current.version + 1, savedAt: tx.nowMs };
        append(tx, author, archived, { reason });
        told(tx, archived);
        tx.subject({ type: 'report', id: reportId }, { version: archived.version });
      });
    },
  };
}
