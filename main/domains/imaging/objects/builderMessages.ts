import type { ArchiveAccess } from '../../../archive/archive.ts';
import type { Arrived } from '../import/arrived.ts';
import type { MarksToBuild, ReportToBuild } from './buildObjects.ts';

/** What the building thread is given: everything but the study's header, which it unpacks itself. */
export interface BuilderData {
  readonly archiveAccess: ArchiveAccess;
  /** Header of an instance of the study as the index keeps it: DICOM JSON, UTF-8, raw deflate. */
  readonly header: Uint8Array;
  readonly input: Omit<ReportToBuild, 'study'> | Omit<MarksToBuild, 'study'>;
}

/** `error`: a fault of this program, for the log. */
export type BuilderAnswer =
  | { readonly arrived: readonly Arrived[] }
  | {
      readonly failure: {
        readonly code: string;
        readonly message: string;
        readonly details: Readonly<Record<string, string | number | boolean>>;
      };
    }
  | { readonly error: string };
