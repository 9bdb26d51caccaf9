import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Job } from '../../../app/domains/jobs/jobContract.ts';
import {
  type WorklistFilter,
  type WorklistSort,
  worklistFilterSchema,
} from '../../../app/domains/worklist/worklistSchema.ts';
import type { CallContext } from '../../core.ts';
import { openTestStore, type TestStore } from '../../database/testStore.ts';
import type { Services } from '../../domainServices.ts';
import { openPatientService } from '../patients/patientService.ts';
import { openWorklistService, type WorklistService } from '../worklist/worklistService.ts';
import { type ImagingService, openImagingService } from './imagingService.ts';
import { aSlice, type SliceFacts } from './testObjects.ts';

/** For tests only: a real store with the domains of this folder open over it. */
export interface TestImaging {
  readonly test: TestStore;
  readonly services: Services;
  readonly imaging: ImagingService;
  context(overrides?: Partial<CallContext>): CallContext;
  importPaths(...paths: string[]): Promise<Job>;
  /** Imports made-up slices one after the other: what comes first counts. Throws when one is rejected. */
  importSlices(...slices: SliceFacts[]): Promise<void>;
  /** A page of the worklist, newest first unless said; what the filter does not name is open. */
  list(
    filter?: Partial<WorklistFilter>,
    sort?: WorklistSort,
    offset?: number,
    limit?: number,
  ): ReturnType<WorklistService['list']>;
  /**
   * Closes and opens the store again, with the services over it; interrupted jobs are taken up.
   *
   * @param defineMore opens what else defines jobs, before they are taken up
   */
  reopen(defineMore?: () => void): Promise<void>;
  close(): Promise<void>;
}

export async function openTestImaging(test?: TestStore): Promise<TestImaging> {
  const opened = test ?? (await openTestStore());
  let services = openServices(opened);
  let folder: string | undefined;
  const importPaths = (...paths: string[]) =>
    opened.store.jobs.finished(services.imaging.importPaths(opened.author, paths));
  let slicesMade = 0;
  return {
    test: opened,
    get services() {
      return services;
    },
    get imaging() {
      return services.imaging;
    },
    context: (overrides = {}) => opened.context({ services: () => services, ...overrides }),
    importPaths,
    async importSlices(...slices) {
      folder ??= mkdtempSync(join(tmpdir(), 'salus-slices-'));
      for (const facts of slices) {
        slicesMade += 1;
        const path = join(folder, `${slicesMade}.dcm`);
        writeFileSync(path, aSlice(facts));
        const { counts } = await importPaths(path);
        if (counts['rejected'] !== 0) throw new Error(`slice ${slicesMade} was rejected`);
      }
    },
    list: (filter = {}, sort = { key: 'receivedAt', direction: 'descending' }, offset = 0, limit = 100) =>
      services.worklist.list({ filter: { ...worklistFilterSchema.parse({}), ...filter }, sort, offset, limit }),
    async reopen(defineMore = () => undefined) {
      await opened.store.jobs.close();
      await services.imaging.close();
      await opened.reopen();
      services = openServices(opened);
      defineMore();
      opened.store.jobs.resume();
    },
    async close() {
      await services.imaging.close();
      await opened.close();
      if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
    },
  };
}

function openServices(test: TestStore): Services {
  const services = {} as { -readonly [Name in keyof Services]: Services[Name] };
  const get = () => services;
  services.patients = openPatientService(test.store, get);
  services.worklist = openWorklistService(test.store, get);
  services.imaging = openImagingService(test.store, get);
  return services;
}
