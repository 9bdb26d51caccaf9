import type { MessagePort } from 'node:worker_threads';
import type { OwnEntry } from '../../../../app/domains/exchange/scheduleSchema.ts';
import type { ArchiveAccess } from '../../../archive/archive.ts';
import type { AcceptorLimits, AssociationReport, IncomingEvent } from '../../../dicom/dimse/dimse.ts';

/** Who may send. */
export interface AllowedCaller {
  readonly nodeId: string;
  readonly aeTitle: string;
  /** Name or address that it comes from. */
  readonly host: string;
  /** SHA-256 fingerprint (`AB:CD:…`) of the one certificate that it may show; empty: any that the receiver trusts, or none. */
  readonly certificate?: string;
}

export interface ReceiverWorkerData {
  readonly archiveAccess: ArchiveAccess;
  /** To the thread that writes rows. */
  readonly intakePort: MessagePort;
  readonly host: string;
  readonly port: number;
  readonly aeTitle: string;
  /** PEM; the key is a secret. Null: no TLS. */
  readonly tls: { readonly certificate: string; readonly key: string; readonly clientCa: string } | null;
  readonly callers: readonly AllowedCaller[];
  readonly leastFreeBytes: number;
  /** For tests of what a limit does. */
  readonly limits?: Partial<AcceptorLimits>;
}

/** An association that was accepted. */
export interface OpenedAssociation {
  readonly associationId: string;
  readonly callingAe: string;
  readonly calledAe: string;
  readonly address: string;
  readonly nodeId: string;
  readonly startedAt: number;
}

export interface EndedAssociation {
  /** Null where none was accepted. */
  readonly opened: OpenedAssociation | null;
  readonly report: AssociationReport;
  readonly refused: number;
  readonly reasons: Readonly<Record<string, number>>;
  /** False when it ended otherwise than released, or an object was refused for want of room: studies may lack something. */
  readonly isWhole: boolean;
  /** SOP Instance UIDs of what was cut off or refused for want of room; null where nobody can say what is missing. */
  readonly missing: readonly string[] | null;
}

export type ToReceiver =
  | { readonly type: 'callers'; readonly callers: readonly AllowedCaller[] }
  /** The association is known to the thread that writes: its objects may come. */
  | { readonly type: 'opened'; readonly associationId: string }
  | { readonly type: 'eventDone'; readonly id: number; readonly isTaken: boolean }
  /** Null: they can't be read now. */
  | { readonly type: 'schedule'; readonly id: number; readonly entries: readonly OwnEntry[] | null }
  | { readonly type: 'ping' }
  | { readonly type: 'close'; readonly graceMs: number };

export type FromReceiver =
  | { readonly type: 'listening'; readonly port: number }
  /** It can't listen; `code` is the system's or OpenSSL's. */
  | { readonly type: 'failed'; readonly code: string }
  | { readonly type: 'opened'; readonly association: OpenedAssociation }
  | { readonly type: 'ended'; readonly association: EndedAssociation }
  | { readonly type: 'event'; readonly id: number; readonly callingAe: string; readonly event: IncomingEvent }
  /** A modality asks for the worklist of these days. */
  | { readonly type: 'schedule'; readonly id: number; readonly dateFrom: string; readonly dateTo: string }
  | { readonly type: 'pong' }
  /** The disk has less room than it should keep, or has it again. */
  | { readonly type: 'space'; readonly isNearlyFull: boolean }
  | { readonly type: 'trouble'; readonly where: string; readonly text: string }
  | { readonly type: 'closed' };
