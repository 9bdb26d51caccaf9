import { rmSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Report } from '../../app/domains/reports/reportSchema.ts';
import { openIndexBuilder } from '../../main/database/rebuildIndex.ts';
import { openTestStore, type TestStore } from '../../main/database/testStore.ts';
import type { Services } from '../../main/domainServices.ts';
import { openDocumentService } from '../../main/domains/documents/documentService.ts';
import { imagingReplayer } from '../../main/domains/imaging/imagingReplay.ts';
import { openImagingService } from '../../main/domains/imaging/imagingService.ts';
import { aSlice, type SliceFacts } from '../../main/domains/imaging/testObjects.ts';
import { patientReplayer } from '../../main/domains/patients/patientReplay.ts';
import { openPatientService } from '../../main/domains/patients/patientService.ts';
import { openPdfPress } from '../../main/domains/reports/pdf/pdfPress.ts';
import { reportReplayer } from '../../main/domains/reports/reportReplay.ts';
import { openReportService } from '../../main/domains/reports/reportService.ts';
import { loadTemplates } from '../../main/domains/reports/templateLibrary.ts';
import { openSecurityService } from '../../main/domains/security/securityService.ts';
import { worklistReplayer } from '../../main/domains/worklist/worklistReplay.ts';
import { openWorklistService } from '../../main/domains/worklist/worklistService.ts';

export interface Signing {
  readonly keyImages?: readonly { readonly sopUid: string; readonly seriesUid: string; readonly frame: number }[];
  /** The signed report that is added to. */
  readonly addendumTo?: string;
}

/** A real store with every domain that a signature touches, and the press that prints it. */
export interface SignedStudies {
  readonly test: TestStore;
  readonly services: Services;
  /** Imports one file for each; the order counts. Throws when one is rejected. */
  importSlices(...slices: SliceFacts[]): Promise<void>;
  /** Signs; the objects are then on their way. */
  sign(studyUid: string, signing?: Signing): Promise<Report>;
  reopen(): Promise<void>;
  /** Makes the index anew from the archive alone, and opens it. */
  rebuild(): Promise<void>;
  close(): Promise<void>;
}

export async function openSignedStudies(): Promise<SignedStudies> {
  const test = await openTestStore();
  const folder = await mkdtemp(path.join(tmpdir(), 'salus-signed-'));
  const templates = await loadTemplates(test.platform.resourcesDirectory);
  const press = openPdfPress(test.platform);
  let services = openServices();
  let written = 0;

  function openServices(): Services {
    const opened = {} as { -readonly [Name in keyof Services]: Services[Name] };
    const get = () => opened;
    opened.security = openSecurityService(test.store);
    opened.patients = openPatientService(test.store, get);
    opened.worklist = openWorklistService(test.store, get);
    opened.documents = openDocumentService(test.store);
    opened.reports = openReportService(test.store, get, templates, press);
    opened.imaging = openImagingService(test.store, get);
    return opened;
  }

  const closeServices = async (): Promise<void> => {
    await test.store.jobs.close();
    await services.imaging.close();
  };

  const reopen = async (): Promise<void> => {
    await closeServices();
    await test.reopen();
    services = openServices();
    test.store.jobs.resume();
  };

  return {
    test,
    get services() {
      return services;
    },
    async importSlices(...slices) {
      for (const facts of slices) {
        written += 1;
        const file = path.join(folder, `${written}.dcm`);
        await writeFile(file, aSlice(facts));
        const { counts } = await test.store.jobs.finished(services.imaging.importPaths(test.author, [file]));
        if (counts['rejected'] !== 0) throw new Error(`slice ${written} was rejected`);
        test.clock.advance(1000);
      }
    },
    async sign(studyUid, { keyImages = [], addendumTo } = {}) {
      const { reports } = services;
      const draft =
        addendumTo === undefined
          ? reports.openDraft(test.author, { studyUid, language: 'fr' })
          : reports.startAddendum(test.author, addendumTo);
      const { reportId } = draft;
      const saved = reports.saveDraft(test.author, {
        reportId,
        baseVersion: draft.version,
        keyImages: keyImages.map((image) => ({ ...image, window: null, caption: '' })),
        sections: draft.sections.map((section) => ({
          ...section,
          paragraphs: [{ content: [{ kind: 'text', text: 'Pas d’anomalie.' }] }],
        })),
      });
      const { digest } = await reports.preview(test.author, reportId);
      const { version, patientId } = saved;
      const password = test.password;
      return reports.sign(test.author, { reportId, version, digest, patientId, studyUid, password });
    },
    reopen,
    async rebuild() {
      const get = () => services;
      const replayers = [patientReplayer(get), imagingReplayer(get), worklistReplayer(), reportReplayer(get)];
      const { platform, holder } = test;
      const builder = openIndexBuilder({ platform, keys: holder.keys(), archive: test.store.archive, replayers });
      await builder.catchUp(new AbortController().signal, () => undefined);
      await holder.reopen(() => builder.swap());
      await reopen();
    },
    async close() {
      await closeServices();
      await press.stop();
      await test.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
