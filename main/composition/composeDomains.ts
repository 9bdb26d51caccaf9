import { Failure } from '../../app/shared/failure.ts';
import type { OpenedStore } from '../database/openStore.ts';
import type { StoreHolder } from '../database/storeHolder.ts';
import type { Services } from '../domainServices.ts';
import { apiHandlers } from '../domains/api/apiHandlers.ts';
import { apiReplayer } from '../domains/api/apiReplay.ts';
import { type ApiLink, openApiService } from '../domains/api/apiService.ts';
import { documentAssets } from '../domains/documents/documentAssets.ts';
import { openDocumentService } from '../domains/documents/documentService.ts';
import { exchangeHandlers } from '../domains/exchange/exchangeHandlers.ts';
import { exchangeReplayer } from '../domains/exchange/exchangeReplay.ts';
import { openExchangeService } from '../domains/exchange/exchangeService.ts';
import { prefetchReplayer } from '../domains/exchange/prefetch/prefetchReplay.ts';
import { deliveryReplayer } from '../domains/exchange/sending/deliveryReplay.ts';
import { conflictAssets } from '../domains/imaging/conflicts/conflictAssets.ts';
import { imagingAssets } from '../domains/imaging/imagingAssets.ts';
import { imagingHandlers } from '../domains/imaging/imagingHandlers.ts';
import { imagingReplayer } from '../domains/imaging/imagingReplay.ts';
import { openImagingService } from '../domains/imaging/imagingService.ts';
import { importAssets } from '../domains/imaging/importAssets.ts';
import { jobHandlers } from '../domains/jobs/jobHandlers.ts';
import { patientHandlers } from '../domains/patients/patientHandlers.ts';
import { patientReplayer } from '../domains/patients/patientReplay.ts';
import { openPatientService } from '../domains/patients/patientService.ts';
import { openPdfPress } from '../domains/reports/pdf/pdfPress.ts';
import { reportHandlers } from '../domains/reports/reportHandlers.ts';
import { reportReplayer } from '../domains/reports/reportReplay.ts';
import { openReportService } from '../domains/reports/reportService.ts';
import { loadTemplates } from '../domains/reports/templateLibrary.ts';
import { makeSecurityHandlers } from '../domains/security/securityHandlers.ts';
import { securityReplayer } from '../domains/security/securityReplay.ts';
import { openSecurityService } from '../domains/security/securityService.ts';
import type { SessionRegistry } from '../domains/security/sessionRegistry.ts';
import type { UnattendedOperation } from '../domains/security/unattendedOperation.ts';
import { makeStorageHandlers } from '../domains/storage/storageHandlers.ts';
import { makeSystemHandlers, type SystemParts } from '../domains/system/systemHandlers.ts';
import { worklistHandlers } from '../domains/worklist/worklistHandlers.ts';
import { worklistReplayer } from '../domains/worklist/worklistReplay.ts';
import { openWorklistService } from '../domains/worklist/worklistService.ts';
import type { Handlers } from '../kernel/kernel.ts';
import type { AssetRoute } from './assetServer.ts';

export interface DomainsInput {
  readonly holder: StoreHolder;
  readonly sessions: SessionRegistry;
  readonly unattended: UnattendedOperation;
  readonly system: SystemParts;
  /** How a token's requests reach the contract and the assets. */
  readonly api: ApiLink;
}

export interface Domains {
  readonly handlers: Handlers;
  readonly assetRoutes: readonly AssetRoute[];
  /** @throws Failure('security.sealed') while no store is open. */
  services(): Services;
  /** Opens the services of a store that was just opened, then takes up its background work. */
  open(store: OpenedStore): Promise<void>;
  /** Ends the services of the store that is open, before it is closed. */
  closeServices(): Promise<void>;
  close(): Promise<void>;
}

/** Joins the domains. What a domain gives and needs is read here and nowhere else. */
export async function composeDomains({ holder, sessions, unattended, system, api }: DomainsInput): Promise<Domains> {
  const { platform } = holder;
  const templates = await loadTemplates(platform.resourcesDirectory);
  const press = openPdfPress(platform);
  let current: Services | undefined;

  const services = (): Services => {
    if (!current) throw new Failure('security.sealed', 'No store is open.');
    return current;
  };

  /** What brings objects and takes them away ends before what it works with; then nobody is served any more. */
  const closeServices = async (): Promise<void> => {
    await current?.api.close();
    await current?.exchange.close();
    await current?.imaging.close();
    current = undefined;
  };

  /** Those of now, kept: the last catch-up of a rebuild runs after they have ended, and writes through its own handle. */
  const replayers = () => {
    const now = services();
    const ours = () => now;
    return [
      securityReplayer,
      patientReplayer(ours),
      imagingReplayer(ours),
      worklistReplayer(),
      reportReplayer(ours),
      exchangeReplayer(),
      deliveryReplayer,
      prefetchReplayer,
      apiReplayer,
    ];
  };

  return {
    handlers: {
      system: makeSystemHandlers(system),
      security: makeSecurityHandlers({ holder, sessions, unattended }),
      patients: patientHandlers,
      imaging: imagingHandlers,
      worklist: worklistHandlers,
      reports: reportHandlers,
      jobs: jobHandlers,
      exchange: exchangeHandlers,
      api: apiHandlers,
      storage: makeStorageHandlers({ holder, replayers }),
    },
    assetRoutes: [
      { prefix: '/dicomweb/', handler: imagingAssets },
      { prefix: '/documents/', handler: documentAssets },
      { prefix: '/imports/', handler: importAssets },
      { prefix: '/conflicts/', handler: conflictAssets },
    ],
    services,
    async open(store) {
      await closeServices();
      current = {
        security: openSecurityService(store),
        patients: openPatientService(store, services),
        imaging: openImagingService(store, services),
        worklist: openWorklistService(store, services),
        reports: openReportService(store, services, templates, press),
        documents: openDocumentService(store),
        exchange: openExchangeService(store, services),
        api: openApiService(store, services, api),
      };
      if (!platform.backgroundWork) return;
      store.jobs.resume();
      current.reports.resume();
      await current.exchange.start();
      await current.api.start();
    },
    closeServices,
    async close() {
      await closeServices();
      await press.stop();
    },
  };
}
