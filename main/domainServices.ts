import type { ApiService } from './domains/api/apiService.ts';
import type { DocumentService } from './domains/documents/documentService.ts';
import type { ExchangeService } from './domains/exchange/exchangeService.ts';
import type { ImagingService } from './domains/imaging/imagingService.ts';
import type { PatientService } from './domains/patients/patientService.ts';
import type { ReportService } from './domains/reports/reportService.ts';
import type { SecurityService } from './domains/security/securityService.ts';
import type { WorklistService } from './domains/worklist/worklistService.ts';

/** The domains of an open store. One domain reaches another through these and nothing else. */
export interface Services {
  readonly security: SecurityService;
  readonly patients: PatientService;
  readonly imaging: ImagingService;
  readonly worklist: WorklistService;
  readonly reports: ReportService;
  readonly documents: DocumentService;
  readonly exchange: ExchangeService;
  readonly api: ApiService;
}
