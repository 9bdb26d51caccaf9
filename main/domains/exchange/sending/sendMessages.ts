import type { ArchiveAccess } from '../../../archive/archive.ts';
import type { DimseTimes } from '../../../dicom/dimse/dimse.ts';
import type { WebTimes } from '../../../dicom/web/webPeer.ts';
import type { KnownNode } from '../exchangeParts.ts';

/** What the thread that keeps the queues and the threads that talk to peers say to each other. */

export interface SenderData {
  readonly archiveAccess: ArchiveAccess;
  readonly resourcesDirectory: string;
  /** One number: the position of the instance it is busy with, or -1. Read when the thread has died. */
  readonly busyWith: SharedArrayBuffer;
}

/** One instance that is to be sent. */
export interface SendItem {
  readonly position: number;
  /** The UID under which it leaves. */
  readonly sopUid: string;
  /** The UID that it has here, where it leaves without the person; null where it leaves as it is. */
  readonly storedUid: string | null;
  readonly sopClassUid: string;
  /** Under which it leaves, too. */
  readonly seriesUid: string;
  readonly transferSyntaxUid: string;
  readonly objectName: string;
  readonly bytes: number;
  /** Transfer syntax it was sent in, where that is not its own. */
  readonly transcodedTo: string | null;
  /** 1: the peer had something of that UID before, so that only its content can prove it. */
  readonly isDuplicate: 0 | 1;
}

/** What a delivery holds, by kind of object and coding: what presentation contexts are made of. */
export interface ObjectKindCount {
  readonly sopClassUid: string;
  readonly transferSyntaxUid: string;
}

/** How long a peer may take; for tests, which cannot wait minutes. */
export interface SendTimes {
  readonly dimse?: Partial<DimseTimes>;
  readonly web?: Partial<WebTimes>;
  /** For the N-EVENT-REPORT on the association that asked, ms. */
  readonly eventMs?: number;
}

export interface AttemptOrder {
  readonly known: KnownNode;
  readonly ownAe: string;
  /** Under which the study leaves. */
  readonly studyUid: string;
  /** Whether the objects leave as they are, or without the person, who is then told apart by a pseudonym. */
  readonly identity: { readonly kind: 'kept' } | { readonly kind: 'removed'; readonly patientId: string };
  /** Kinds of what is queued; empty: everything is sent, and only the proof is missing. */
  readonly kinds: readonly ObjectKindCount[];
  /** After failures of the connection: one echo first. */
  readonly trial: boolean;
  /** Storage commitment is asked for where the peer agrees on it. */
  readonly asksCommitment: boolean;
  /** Its answer may come later, to the receiver, and is worth waiting for. */
  readonly awaitsCommitment: boolean;
  readonly readsBack: boolean;
  /** It may hand over by C-GET what it had before: it has not said that it knows none. */
  readonly getsBack: boolean;
  readonly times: SendTimes;
}

/** What came of one instance. */
export type InstanceResult = { readonly position: number } & (
  | { readonly kind: 'accepted'; readonly status: number | null; readonly transcodedTo: string | null }
  | { readonly kind: 'refused'; readonly status: number | null; readonly code: string }
  /** The attempt ended over it. */
  | { readonly kind: 'again'; readonly status: number | null; readonly code: string }
  /** It can't be read here, or can't leave without the person for this reason. */
  | { readonly kind: 'unreadable'; readonly code: string; readonly reason?: string | null }
  /** Read back, or committed to on the same association. */
  | { readonly kind: 'shown' }
  | { readonly kind: 'missing'; readonly status: number | null }
);

export interface TroubleNote {
  readonly code: string;
  readonly details: Readonly<Record<string, string | number | boolean>>;
}

export interface AttemptEnd {
  /** Null when it went through. */
  readonly trouble: TroubleNote | null;
  readonly retryAfterMs: number | null;
  /** The peer answered as one of its kind does: its breaker closes. */
  readonly reached: boolean;
  readonly proof: 'none' | 'awaited' | 'impossible';
  /** How the proof was looked for. */
  readonly provenBy: 'commitment' | 'readBack' | null;
}

/** A storage commitment's answer, decoded (PS3.4 J.3.3). */
export interface CommitmentAnswer {
  readonly transactionUid: string;
  readonly stored: readonly string[];
  readonly missing: readonly { readonly sopUid: string; readonly reason: number | null }[];
}

/** What a sender asks the thread that keeps the queues. */
export type Question =
  /** The next instances to send; what came before in this attempt is not given again. */
  | { readonly kind: 'queued'; readonly atMost: number }
  /** Series in which something waits for its proof. */
  | { readonly kind: 'sentSeries' }
  /** Whether something waits for its proof that the peer did not have before. */
  | { readonly kind: 'hasNew' }
  | { readonly kind: 'sentOf'; readonly seriesUid: string }
  /** The next instances that a commitment is to be asked for. */
  | { readonly kind: 'uncommitted'; readonly atMost: number }
  /** Must be on the disk before the peer is asked: its answer may come on another association. */
  | { readonly kind: 'commitmentAsked'; readonly transactionUid: string; readonly positions: readonly number[] }
  | { readonly kind: 'committed'; readonly answer: CommitmentAnswer }
  /** The object without its compression, as a bare data set. */
  | { readonly kind: 'native'; readonly objectName: string; readonly transferSyntaxUid: string };

export type Answers = {
  queued: readonly SendItem[];
  sentSeries: readonly string[];
  hasNew: boolean;
  sentOf: readonly SendItem[];
  uncommitted: readonly SendItem[];
  commitmentAsked: null;
  committed: null;
  /** Null: it can't be decoded without loss. */
  native: Uint8Array | null;
};

export type ToSender =
  | { readonly type: 'attempt'; readonly order: AttemptOrder }
  | { readonly type: 'stop' }
  | { readonly type: 'answer'; readonly askId: number; readonly value: Answers[keyof Answers] }
  | { readonly type: 'refusal'; readonly askId: number; readonly code: string }
  | {
      readonly type: 'event';
      readonly eventId: number;
      readonly transferSyntaxUid: string;
      readonly information: Uint8Array;
    };

export type FromSender =
  | { readonly type: 'ask'; readonly askId: number; readonly question: Question }
  | { readonly type: 'results'; readonly results: readonly InstanceResult[] }
  | { readonly type: 'learned'; readonly name: string; readonly state: 'yes' | 'no' }
  | { readonly type: 'ended'; readonly end: AttemptEnd; readonly fault: string | null }
  /** A fault of ours that ended no attempt, for the log. */
  | { readonly type: 'fault'; readonly fault: string }
  | { readonly type: 'event'; readonly eventId: number; readonly answer: CommitmentAnswer | null };
