import type {
  Annotation,
  ImportSummary,
  Instance,
  KeyImage,
  Series,
  Study,
  StudyLine,
} from '../../../app/domains/imaging/imagingSchema.ts';
import type { PatientIdentity } from '../../../app/domains/patients/patientRules.ts';
import type { Patient } from '../../../app/domains/patients/patientSchema.ts';
import { Failure } from '../../../app/shared/failure.ts';
import type { OpenStore } from '../../core.ts';
import type { Author } from '../../database/writeGate.ts';
import type { Services } from '../../domainServices.ts';
import { type ConflictService, openConflictService } from './conflicts/conflictService.ts';
import { joinedIdentities } from './conflicts/identityTruth.ts';
import { type ExportInput, exportStudy } from './exportStudy.ts';
import {
  findAnnotation,
  listAnnotations,
  listKeyImages,
  type NewAnnotation,
  type NewKeyImage,
  saveAnnotation,
  setKeyImage,
} from './imagingFacts.ts';
import { openArrivalOutbox } from './import/arrivalOutbox.ts';
import type { IndexParts } from './import/arrived.ts';
import { openImportJobs } from './import/importJobs.ts';
import { openImportPool } from './import/importPool.ts';
import { openReceptions, type Receptions } from './import/receptionRows.ts';
import { openStudyArrivals, type StudyArrivals } from './import/studyArrivals.ts';
import { type ObjectKeeping, openObjectKeeping } from './objects/storeObjects.ts';
import { type ObjectReaders, openObjectReaders } from './reading/objectReaders.ts';
import type { KeyImageAnswer } from './reading/readerMessages.ts';
import {
  getStudy,
  type InstancePlace,
  type InstanceScope,
  listInstances,
  listPlaces,
  listPriors,
  listSeries,
  listStudiesOf,
} from './studyQueries.ts';

export interface StudyDetail {
  readonly study: Study;
  readonly patient: Patient;
  readonly series: Series[];
  readonly priors: Study[];
}

/** `alsoNamed`: other spellings of the patient that a person decided to be one person. */
interface OpenedStudy extends StudyDetail {
  readonly alsoNamed: PatientIdentity[];
}

/** Studies, their objects, and what people drew and marked on them. */
export interface ImagingService extends Omit<ObjectKeeping, 'close'> {
  /** @throws Failure('imaging.studyUnknown') */
  getStudyDetail(studyUid: string): StudyDetail;
  /** The same, for reading. @throws Failure('imaging.identityConflict') too */
  openStudy(studyUid: string): OpenedStudy;
  /** Those that are here. */
  listStudyLines(studyUids: readonly string[]): StudyLine[];
  /** @throws Failure('imaging.studyUnknown') */
  listSeries(studyUid: string): Series[];
  /** @throws Failure('imaging.seriesUnknown') when the study has no such series */
  listInstances(studyUid: string, seriesUid: string): Instance[];
  /** Objects behind a scope, never of a study with two identities. */
  listPlaces(scope: InstanceScope): InstancePlace[];
  listSopUids(studyUid: string): string[];
  /** The same with those that were set aside: what does not have to be brought here any more. */
  listHeldSopUids(studyUid: string): string[];
  /** Newest versions, archived ones included. */
  listAnnotations(studyUid: string): Annotation[];
  /** One version, also an older one. */
  findAnnotation(studyUid: string, annotationId: string, version: number): Annotation | undefined;
  saveAnnotation(author: Author, annotation: NewAnnotation): Annotation;
  listKeyImages(studyUid: string): KeyImage[];
  setKeyImage(author: Author, keyImage: NewKeyImage): KeyImage[];
  /** A marked image as a report prints it: at most 1,024 pixels on its longer side. */
  renderKeyImage(input: Pick<KeyImage, 'studyUid' | 'sopUid' | 'frame' | 'window'>): Promise<KeyImageAnswer>;
  /** @param isWatched of a watched folder, on nobody's command */
  importPaths(author: Author, paths: readonly string[], isWatched?: boolean): string;
  startUpload(author: Author, expected: { files: number; bytes: number }): string;
  /** Before a file's bytes are read. @throws Failure('imaging.importUnknown') */
  awaitUpload(jobId: string, author: Author): Promise<void>;
  upload(jobId: string, author: Author, path: string, bytes: ArrayBuffer): Promise<void>;
  finishUpload(jobId: string, author: Author, complete?: boolean): void;
  getImportSummary(jobId: string): ImportSummary;
  startExport(author: Author, input: ExportInput): string;
  /** Writes the rows of what intakes in worker threads receive (see receptionService.ts). */
  readonly receptions: Receptions;
  /** Marks studies of which more is on its way. */
  readonly arrivals: StudyArrivals;
  /** Contradictions in what arrived, and what people decided about them. */
  readonly conflicts: ConflictService;
  /** Reads archived objects in worker threads; for the asset routes. */
  readonly readers: ObjectReaders;
  close(): Promise<void>;
}

const longestKeyImagePx = 1024;

/** Opens the imaging domain of a store and defines its job kinds: import, samples, upload, export. */
export function openImagingService(store: OpenStore, services: () => Services): ImagingService {
  const { reader } = store;
  const data = { archiveAccess: store.archive.access };
  const readers = openObjectReaders(data, store.platform.log);
  const pool = openImportPool(data, store.platform.log);
  const outbox = openArrivalOutbox(store);
  const keeping = openObjectKeeping({ store, services, outbox });
  const index: IndexParts = {
    get patients() {
      return services().patients;
    },
    get worklist() {
      return services().worklist;
    },
  };
  const imports = openImportJobs({ store, pool, outbox, index });
  const receptions = openReceptions({ store, index, outbox });
  store.jobs.define<ExportInput>({
    kind: 'export',
    // A folder that is half written is not empty any more: a person starts it again.
    resumes: false,
    permission: 'studies.export',
    run: (input, job) => exportStudy(store, readers, input, job),
  });

  function getStudyDetail(studyUid: string): StudyDetail {
    const study = getStudy(reader, studyUid);
    return {
      study,
      patient: services().patients.getPatient(study.patientId),
      series: listSeries(reader, studyUid),
      priors: listPriors(reader, services().patients.listLinked(study.patientId), studyUid),
    };
  }

  return {
    getStudyDetail,
    openStudy(studyUid) {
      const detail = getStudyDetail(studyUid);
      if (detail.study.identityConflict)
        throw new Failure('imaging.identityConflict', 'instances of this study name two people');
      return { ...detail, alsoNamed: [...joinedIdentities(reader, studyUid)] };
    },
    listStudyLines: (studyUids) =>
      listStudiesOf(reader, studyUids).map(({ studyUid, patientId, modalities, description, studyDate }) => ({
        ...{ studyUid, modalities, description, studyDate },
        patientName: services().patients.getPatient(patientId).displayName,
      })),
    listSeries: (studyUid) => listSeries(reader, getStudy(reader, studyUid).studyUid),
    listInstances: (studyUid, seriesUid) => listInstances(reader, studyUid, seriesUid),
    listPlaces: (scope) => listPlaces(reader, scope),
    listSopUids(studyUid) {
      const rows = reader.all<{ sop_uid: string }>(
        `SELECT i.sop_uid FROM study st JOIN series s ON s.study_row = st.study_row JOIN instance i ON i.series_row = s.series_row WHERE st.study_uid = ?`,
        studyUid,
      );
      return rows.map((row) => row.sop_uid);
    },
    listHeldSopUids(studyUid) {
      const rows = reader.all<{ sop_uid: string }>(
        `SELECT i.sop_uid FROM study st JOIN series s ON s.study_row = st.study_row JOIN instance i ON i.series_row = s.series_row WHERE st.study_uid = ?
         UNION ALL SELECT a.sop_uid FROM study st JOIN instance_aside a ON a.study_row = st.study_row WHERE st.study_uid = ?`,
        studyUid,
        studyUid,
      );
      return rows.map((row) => row.sop_uid);
    },
    listAnnotations: (studyUid) => listAnnotations(reader, studyUid),
    findAnnotation: (studyUid, annotationId, version) => findAnnotation(reader, studyUid, annotationId, version),
    saveAnnotation: (author, annotation) => saveAnnotation(store, author, annotation),
    listKeyImages: (studyUid) => listKeyImages(reader, studyUid),
    setKeyImage: (author, keyImage) => setKeyImage(store, author, keyImage),
    async renderKeyImage({ studyUid, sopUid, frame, window }) {
      const [place] = listPlaces(reader, { studyUid, sopUid });
      if (!place) throw new Failure('imaging.instanceUnknown', 'no such instance');
      return readers.read({
        type: 'keyImage',
        objectName: place.objectName,
        frame,
        window,
        longest: longestKeyImagePx,
      });
    },
    importPaths: (author, paths, isWatched) => imports.importPaths(author, paths, isWatched),
    startUpload: (author, expected) => imports.startUpload(author, expected),
    awaitUpload: (jobId, author) => imports.awaitUpload(jobId, author),
    upload: (jobId, author, path, bytes) => imports.upload(jobId, author, path, bytes),
    finishUpload: (jobId, author, complete) => imports.finishUpload(jobId, author, complete),
    getImportSummary: (jobId) => imports.getSummary(jobId),
    startExport: (author, input) =>
      store.jobs.start('export', author, input, {
        action: 'imaging.exportStudy',
        subject: { type: 'study', id: input.studyUid },
      }),
    storeReportObjects: keeping.storeReportObjects,
    storeMarkedImages: keeping.storeMarkedImages,
    hasReportObjects: keeping.hasReportObjects,
    findReportObjects: keeping.findReportObjects,
    countObjects: keeping.countObjects,
    listObjectSeries: keeping.listObjectSeries,
    receptions,
    arrivals: openStudyArrivals(store, index),
    conflicts: openConflictService(store, services, readers),
    readers,
    async close() {
      receptions.close();
      await Promise.all([pool.close(), readers.close(), keeping.close()]);
    },
  };
}
