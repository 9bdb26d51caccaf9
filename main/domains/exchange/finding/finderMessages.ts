import type { FindQuery, ScheduledStep } from '../../../../app/domains/exchange/exchangeSchema.ts';
import type { ScheduleQuery } from '../../../../app/domains/exchange/scheduleSchema.ts';
import type { AssociationWish } from '../../../dicom/dimse/dimse.ts';
import type { WebPeer } from '../../../dicom/web/webPeer.ts';
import type { XnatFile } from '../../../dicom/web/xnatClient.ts';
import type { FoundRow } from './foundRows.ts';

export type DimsePeer = Pick<AssociationWish, 'host' | 'port' | 'callingAe' | 'calledAe' | 'tls'>;

/** A node as a worker talks to it. Holds secrets: never log it. */
export type AskedPeer =
  | { readonly kind: 'dimse'; readonly dimse: DimsePeer }
  | { readonly kind: 'web'; readonly web: WebPeer }
  | ({ readonly kind: 'xnat' } & XnatPeer);

/** One project of an XNAT. */
export interface XnatPeer {
  readonly web: WebPeer;
  readonly projectId: string;
}

/** Failure code of what went wrong with a peer, with its numbers. Never patient data. */
export interface PeerTrouble {
  readonly code: string;
  readonly details: Readonly<Record<string, string | number | boolean>>;
  /** Where a fault of ours happened: for the log alone. */
  readonly fault?: string;
}

/** What a conversation showed that a peer can do. */
export type Learned = Readonly<Record<string, 'yes' | 'no'>>;

export interface FindWish {
  readonly nodeId: string;
  readonly peer: AskedPeer;
  readonly query: FindQuery;
  /** Matches taken. */
  readonly limit: number;
}

export interface ScheduleWish {
  readonly nodeId: string;
  readonly peer: DimsePeer;
  readonly query: ScheduleQuery;
  readonly limit: number;
}

/** One instance that a peer says it has. */
export interface ListedInstance {
  readonly seriesUid: string;
  readonly sopUid: string;
  /** Empty where the peer does not say. */
  readonly sopClassUid: string;
  /** Where it lies in an XNAT, which hands over files alone. */
  readonly file?: XnatFile;
}

export interface ListWish {
  readonly peer: AskedPeer;
  readonly studyUid: string;
  /** Empty: the whole study. */
  readonly seriesUids: readonly string[];
}

export interface FindEnd {
  readonly failure: PeerTrouble | null;
  readonly count: number;
  readonly isCut: boolean;
  /** Answers left out: without the UID of their level, of something else, or a second time. */
  readonly dropped: number;
  readonly tookMs: number;
  readonly learned: Learned;
}

export interface ListEnd {
  readonly failure: PeerTrouble | null;
  readonly instances: readonly ListedInstance[];
  readonly learned: Learned;
}

export type ToFinder =
  | { readonly type: 'find'; readonly taskId: number; readonly wish: FindWish }
  | { readonly type: 'schedule'; readonly taskId: number; readonly wish: ScheduleWish }
  | { readonly type: 'list'; readonly taskId: number; readonly wish: ListWish }
  /** A batch was taken: the next may come. */
  | { readonly type: 'more'; readonly taskId: number }
  | { readonly type: 'cancel'; readonly taskId: number };

export type FromFinder =
  | { readonly type: 'rows'; readonly taskId: number; readonly rows: readonly FoundRow[] | readonly ScheduledStep[] }
  | { readonly type: 'found'; readonly taskId: number; readonly end: FindEnd }
  | { readonly type: 'listed'; readonly taskId: number; readonly end: ListEnd };
