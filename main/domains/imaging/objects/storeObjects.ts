import { contradicts } from '../../../../app/domains/patients/patientRules.ts';
import { Failure } from '../../../../app/shared/failure.ts';
import packageJson from '../../../../package.json' with { type: 'json' };
import type { OpenStore } from '../../../core.ts';
import type { AuditSubject, Author, Reader } from '../../../database/writeGate.ts';
import type { Services } from '../../../domainServices.ts';
import { listKeyImages } from '../imagingFacts.ts';
import type { ArrivalOutbox } from '../import/arrivalOutbox.ts';
import type { Arrived } from '../import/arrived.ts';
import { indexInstances } from '../import/indexInstances.ts';
import type { BuilderData } from './builderMessages.ts';
import { countInSeries, findImages, findStored, findStudyHeader, requireOnePatient } from './objectSources.ts';
import { markedImagesUids, reportObjectUids } from './reportObjectUids.ts';
import { runBuilder } from './runBuilder.ts';

type Language = 'en' | 'fr';

/** A signed report, as far as its objects say something of it. */
export interface SignedReport {
  readonly reportId: string;
  /** The signed version. */
  readonly version: number;
  readonly studyUid: string;
  readonly patientId: string;
  readonly language: Language;
  readonly title: string;
  readonly isAddendum: boolean;
  readonly signedAt: number;
  /** Full name of who signed. */
  readonly signer: string;
  /** The signed PDF. */
  readonly documentId: string;
  readonly keyImages: readonly { readonly sopUid: string; readonly frame: number; readonly caption: string }[];
}

/** The objects that Salus makes for a study, kept as instances of it like any that arrived. */
export interface ObjectKeeping {
  /**
   * Makes the objects of a signed report, archives and indexes them. Asked again, it answers with what is there.
   *
   * @returns SOP Instance UIDs: of the PDF, then of the key object selection where the report has key images
   * @throws Failure('imaging.identityConflict' | 'imaging.patientDiffers' | 'imaging.identityDamaged' |
   *   'imaging.instanceUnknown' | 'storage.diskFull' …); nothing of it is then in the study
   */
  storeReportObjects(author: Author, report: SignedReport): Promise<readonly string[]>;
  /** The same for the images of a study that are marked now: a selection "Of Interest"; none where none is marked. */
  storeMarkedImages(
    author: Author,
    input: { readonly studyUid: string; readonly language: Language },
  ): Promise<readonly string[]>;
  hasReportObjects(report: { readonly reportId: string; readonly version: number }): boolean;
  /** SOP Instance UIDs of a signed report's objects; none unless all of them are in the study. */
  findReportObjects(report: Pick<SignedReport, 'reportId' | 'version' | 'keyImages'>): readonly string[];
  /** The series of a study in which there is what was made here for these reports or for its marked images. */
  listObjectSeries(studyUid: string, reportIds: readonly string[]): string[];
  /** How many instances of a study were made here for these reports or for its marked images: nothing anybody has to read. */
  countObjects(reader: Reader, studyUid: string, reportIds: readonly string[]): number;
  /** Begins nothing more, and waits a little for what is being made: a command line that signs ends right after. */
  close(): Promise<void>;
}

export interface KeepingParts {
  readonly store: OpenStore;
  readonly services: () => Services;
  readonly outbox: ArrivalOutbox;
}

const sealed = () => new Failure('security.sealed', 'the store is closed');

interface Work {
  readonly studyUid: string;
  readonly patientId: string;
  readonly subject: AuditSubject;
  readonly input: BuilderData['input'];
}

/** How long a store that closes waits for what is being made; what is cut off is made at the next start. */
const graceMs = 5_000;

export function openObjectKeeping({ store, services, outbox }: KeepingParts): ObjectKeeping {
  const { reader, siteId } = store;
  const cutting = new AbortController();
  let isClosing = false;
  /** One after the other: they are made beside a person's work, not before it. */
  let queue: Promise<unknown> = Promise.resolve();

  function inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const turn = queue.then(() => {
      if (isClosing) throw sealed();
      return work();
    });
    queue = turn.catch(() => undefined);
    return turn;
  }

  const common = () => ({
    timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    softwareVersion: packageJson.version,
    siteId,
  });

  async function makeAndKeep(author: Author, work: Work): Promise<readonly string[]> {
    const arrived = await runBuilder(
      { archiveAccess: store.archive.access, header: findStudyHeader(reader, work.studyUid), input: work.input },
      cutting.signal,
    );
    cutting.signal.throwIfAborted();
    keep(author, work, arrived);
    return arrived.map(({ header }) => header.sopUid);
  }

  function keep(author: Author, work: Work, arrived: readonly Arrived[]): void {
    const waiting = store.gate.write(author, 'imaging.storeObjects', (tx) => {
      // While the objects were made an import may have brought in a second person.
      requireOnePatient(tx, work.studyUid, work.patientId);
      const patient = services().patients.getPatient(work.patientId);
      for (const { header } of arrived) {
        if (header.studyUid !== work.studyUid || contradicts(header, patient))
          throw new Failure('imaging.patientDiffers', 'the object names another patient than the study');
      }
      const stored = findStored(
        tx,
        arrived.map(({ header }) => header.sopUid),
      );
      const fresh = arrived.filter(({ header }) => !stored.includes(header.sopUid));
      const { patients, worklist, reports } = services();
      indexInstances(tx, author, fresh, { source: 'report', receivedAt: tx.nowMs }, { patients, worklist });
      requireOnePatient(tx, work.studyUid, work.patientId);
      worklist.reportChanged(tx, work.studyUid, reports.stateOf(tx, work.studyUid));
      // For the rules that send what was signed.
      if (work.subject.type === 'report')
        tx.run('INSERT INTO signed_due (report_id) VALUES (?) ON CONFLICT DO NOTHING', work.subject.id);
      outbox.clear(tx);
      tx.subject(work.subject, { studyUid: work.studyUid, objects: fresh.length });
      return fresh.length === 0
        ? null
        : outbox.add(tx, author, { source: 'report', objects: fresh.map(({ objectName }) => objectName) });
    });
    if (waiting !== null) outbox.send(waiting);
  }

  const uidsOf = (report: { reportId: string; version: number }, withSelection: boolean): string[] =>
    (withSelection ? (['document', 'keyImages'] as const) : (['document'] as const)).map(
      (kind) => reportObjectUids({ siteId, reportId: report.reportId, version: report.version }, kind).sopUid,
    );

  const seriesOf = (studyUid: string, reportIds: readonly string[]): string[] => {
    const ofReports = reportIds.flatMap((reportId) =>
      (['document', 'keyImages'] as const).map(
        (kind) => reportObjectUids({ siteId, reportId, version: 0 }, kind).seriesUid,
      ),
    );
    return [...ofReports, markedImagesUids(siteId, studyUid, []).seriesUid];
  };

  return {
    storeReportObjects: (author, report) =>
      inTurn(async () => {
        const { studyUid, patientId, reportId, version } = report;
        const expected = uidsOf(report, report.keyImages.length > 0);
        if (findStored(reader, expected).length === expected.length) return expected;
        requireOnePatient(reader, studyUid, patientId);
        const images = findImages(reader, studyUid, report.keyImages);
        const { content, record } = await services().documents.read(report.documentId);
        if (record?.reportId !== reportId || record.patientId !== patientId || record.studyUid !== studyUid)
          throw new Failure('imaging.patientDiffers', 'the document is not this report’s');
        return makeAndKeep(author, {
          studyUid,
          patientId,
          subject: { type: 'report', id: reportId },
          input: {
            ...common(),
            kind: 'report',
            studyUid,
            reportId,
            version,
            language: report.language,
            title: report.title,
            isAddendum: report.isAddendum,
            signer: report.signer,
            atMs: report.signedAt,
            pdf: content,
            images: images.map(({ marked, ...image }) => ({ ...image, caption: marked.caption })),
          },
        });
      }),

    storeMarkedImages: (author, { studyUid, language }) =>
      inTurn(async () => {
        const marks = listKeyImages(reader, studyUid);
        if (marks.length === 0) return [];
        const study = reader.get<{ patient_id: string }>('SELECT patient_id FROM study WHERE study_uid = ?', studyUid);
        const patientId = study?.patient_id ?? '';
        requireOnePatient(reader, studyUid, patientId);
        return makeAndKeep(author, {
          studyUid,
          patientId,
          subject: { type: 'study', id: studyUid },
          input: {
            ...common(),
            kind: 'marks',
            studyUid,
            language,
            atMs: Math.max(...marks.map((mark) => mark.at)),
            images: findImages(reader, studyUid, marks).map(({ marked, ...image }) => ({
              ...image,
              markedBy: services().security.findOperator(marked.author)?.fullName ?? marked.author,
            })),
          },
        });
      }),

    hasReportObjects: (report) => findStored(reader, uidsOf(report, false)).length > 0,

    findReportObjects(report) {
      const expected = uidsOf(report, report.keyImages.length > 0);
      return findStored(reader, expected).length === expected.length ? expected : [];
    },

    listObjectSeries: seriesOf,
    countObjects: (from, studyUid, reportIds) => countInSeries(from, studyUid, seriesOf(studyUid, reportIds)),

    async close() {
      isClosing = true;
      const timer = setTimeout(() => cutting.abort(sealed()), graceMs);
      await queue;
      clearTimeout(timer);
    },
  };
}
