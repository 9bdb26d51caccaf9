import type { Job } from '../../../app/domains/jobs/jobContract.ts';
import type { CallContext } from '../../core.ts';
import { openTestStore, type TestStore } from '../../database/testStore.ts';
import type { Services } from '../../domainServices.ts';
import { openPatientService } from '../patients/patientService.ts';
import { openWorklistService } from '../worklist/worklistService.ts';
import { type ImagingService, openImagingService } from './imagingService.ts';

/** For tests only: a real store with the domains of this folder open over it. */
export interface TestImaging {
  readonly test: TestStore;
  readonly services: Services;
  readonly imaging: ImagingService;
  context(overrides?: Partial<CallContext>): CallContext;
  importPaths(...paths: string[]): Promise<Job>;
  /** Closes and opens the store again, with the services over it; interrupted jobs are taken up. */
  reopen(): Promise<void>;
  close(): Promise<void>;
}

export async function openTestImaging(test?: TestStore): Promise<TestImaging> {
  const opened = test ?? (await openTestStore());
  let services = openServices(opened);
  return {
    test: opened,
    get services() {
      return services;
    },
    get imaging() {
      return services.imaging;
    },
    context: (overrides = {}) => opened.context({ services: () => services, ...overrides }),
    importPaths(...paths) {
      return opened.store.jobs.finished(services.imaging.importPaths(opened.author, paths));
    },
    async reopen() {
      await opened.store.jobs.close();
      await services.imaging.close();
      await opened.reopen();
      services = openServices(opened);
      opened.store.jobs.resume();
    },
    async close() {
      await services.imaging.close();
      await opened.close();
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
