import type { ArrivalSource } from '../../../../app/domains/exchange/routingSchema.ts';
import type { PatientService } from '../../patients/patientService.ts';
import type { WorklistService } from '../../worklist/worklistService.ts';
import type { InstanceHeader } from '../header/instanceHeader.ts';

/** An object that lies in the archive and waits for its rows. */
export interface Arrived {
  readonly header: InstanceHeader;
  /** The header as DICOM JSON, UTF-8, raw deflate. */
  readonly json: Uint8Array;
  readonly objectName: string;
  /** Length of the original bytes. */
  readonly bytes: number;
}

export type Outcome = 'imported' | 'duplicate' | 'conflict';

export interface IndexParts {
  readonly patients: PatientService;
  readonly worklist: WorklistService;
}

/** How objects came here. */
export interface ArrivalOrigin {
  readonly channel: ArrivalSource;
  /** The title that the sender called itself by; '' where it came neither over DIMSE nor from a DIMSE node. */
  readonly callingAe: string;
  /** The node it came from, where it is one of ours. */
  readonly nodeId: string | null;
}

export interface ArrivalNote {
  /** Where it came from, for the list: 'import', 'upload', 'samples'; 'report' for what Salus made itself about a study. */
  readonly source: string;
  readonly receivedAt: number;
  /** The import or association that may bring more of the same studies; absent when what comes is all there is. */
  readonly jobId?: string;
  /** Absent for what Salus made itself, and in statements from before origins were kept. */
  readonly origin?: ArrivalOrigin;
}
