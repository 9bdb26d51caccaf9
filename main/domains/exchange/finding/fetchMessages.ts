import type { MessagePort } from 'node:worker_threads';
import type { ArchiveAccess } from '../../../archive/archive.ts';
import type { XnatFile } from '../../../dicom/web/xnatClient.ts';
import type { AskedPeer, Learned, PeerTrouble } from './finderMessages.ts';

export interface FetchWorkerData {
  readonly archiveAccess: ArchiveAccess;
  /** To whoever writes the rows of what came. */
  readonly rows: MessagePort;
}

/** How objects come: on our own association, on one that the peer opens to our receiver, over HTTP, or as files of an XNAT. */
export type FetchWay = 'get' | 'move' | 'wado' | 'files';

/** What is asked for at a time: a whole study, a whole series, or some instances of one. */
export interface FetchPart {
  readonly seriesUid?: string;
  readonly sopUids?: readonly string[];
}

export interface FetchWish {
  /** Whose arrival the objects are. */
  readonly receptionId: string;
  readonly peer: AskedPeer;
  readonly way: FetchWay;
  readonly studyUid: string;
  readonly parts: readonly FetchPart[];
  /** Classes of what is to come; '' stands for any. */
  readonly sopClassUids: readonly string[];
  /** Nothing else is taken. */
  readonly sopUids: readonly string[];
  /** Where an XNAT has them. */
  readonly files: readonly XnatFile[];
  /** With less free space than this nothing is taken. */
  readonly leastFreeBytes: number;
  /** Our receiver's title, for C-MOVE. */
  readonly destinationAe: string;
}

export interface FetchEnd {
  /** Why the conversation ended early; null where it went to its end, whatever came. */
  readonly failure: PeerTrouble | null;
  readonly learned: Learned;
}

export type ToFetcher =
  | { readonly type: 'fetch'; readonly taskId: number; readonly wish: FetchWish }
  | { readonly type: 'cancel'; readonly taskId: number };

export type FromFetcher =
  /** So far: objects refused because they are none of what was asked for, and bytes that came. */
  | { readonly type: 'progress'; readonly taskId: number; readonly refused: number; readonly bytes: number }
  | { readonly type: 'fetched'; readonly taskId: number; readonly end: FetchEnd };
