/**
 * What the rest of Salus knows of DIMSE (PS3.7) over the upper layer protocol (PS3.8). Data sets are bytes here, in the
 * transfer syntax of their presentation context; nothing in this folder knows a patient, a store or a setting.
 */

/** A data set as it travels, or its parts in order. Never the preamble or the file meta group. */
export type DatasetBytes = Uint8Array | AsyncIterable<Uint8Array>;

/** What is proposed for one abstract syntax. */
export interface ContextWish {
  readonly abstractSyntax: string;
  /** In order of preference. */
  readonly transferSyntaxes: readonly string[];
  /** SCP/SCU role selection (PS3.7 D.3.3.4), for C-GET: `scp` true where we want to be sent objects of this class. */
  readonly role?: { readonly scu: boolean; readonly scp: boolean };
}

/** One presentation context that both sides agreed on. */
export interface AgreedContext {
  readonly id: number;
  readonly abstractSyntax: string;
  readonly transferSyntax: string;
  /** The roles the requestor may play: `{ scu: true, scp: false }` unless role selection agreed on more. */
  readonly role: { readonly scu: boolean; readonly scp: boolean };
}

/** A status and what came with it (PS3.7 annex C). */
export interface DimseStatus {
  /** 0x0000 success, 0xFF00 pending, 0xB000… warning, 0xA700… refused, 0xCxxx failed. */
  readonly status: number;
  /** Error Comment (0000,0902); may be empty. From outside: may name a person, so never for a log. */
  readonly comment: string;
  /** Number of remaining, completed, failed and warning sub-operations of C-MOVE and C-GET, where given. */
  readonly remaining?: number;
  readonly completed?: number;
  readonly failed?: number;
  readonly warnings?: number;
  /** What the last answer of C-GET and C-MOVE carried: the Failed SOP Instance UID List (0008,0058) where sub-operations failed. */
  readonly identifier?: FoundDataset;
}

/** Why an association could not be opened, or ended. */
export type DimseTrouble =
  /** No TCP connection: refused, unreachable, unknown host. */
  | 'unreachable'
  /** TLS failed: certificate, version, cipher. */
  | 'tls'
  /** A-ASSOCIATE-RJ; `result`, `source`, `reason` say which (PS3.8 9.3.4). */
  | 'rejected'
  /** A-ABORT from the peer; `source` and `reason` (PS3.8 9.3.8). */
  | 'aborted'
  /** The connection ended without a release. */
  | 'closed'
  /** A timer of ours ran out: connecting, associating, waiting for an answer, writing. */
  | 'timeout'
  /** The peer broke the protocol, or a limit of ours. */
  | 'protocol'
  /** No accepted presentation context for what is asked. */
  | 'noContext'
  /** The caller's signal. */
  | 'cancelled';

export class DimseError extends Error {
  readonly trouble: DimseTrouble;
  /** Numbers of a rejection or an abort, the system's code (`ECONNREFUSED`), or what was broken. Never patient data. */
  readonly details: Readonly<Record<string, string | number>>;
  constructor(trouble: DimseTrouble, message: string, details: Readonly<Record<string, string | number>> = {}) {
    super(message);
    this.name = 'DimseError';
    this.trouble = trouble;
    this.details = details;
  }
}

/** TLS as BCP 195 asks (PS3.15 B.12): 1.2 or newer, forward secrecy, AEAD. All PEM. */
export interface DimseTls {
  /** Trust anchors. Empty: those that come with Node. */
  readonly ca: string;
  /** Our certificate and key; both empty: none is shown. */
  readonly certificate: string;
  readonly key: string;
  /** The name that the peer's certificate must carry; empty: its host name. */
  readonly serverName: string;
}

export interface DimseTimes {
  /** TCP and TLS, ms. */
  readonly connectMs: number;
  /** The answer to A-ASSOCIATE-RQ and A-RELEASE-RQ, ms. */
  readonly associateMs: number;
  /** Between an operation and its answer, and between two PDUs of one message, ms. */
  readonly answerMs: number;
  /** How long a peer may refuse to take our bytes, ms. */
  readonly writeMs: number;
}

export interface AssociationWish {
  readonly host: string;
  readonly port: number;
  readonly callingAe: string;
  readonly calledAe: string;
  /** At most 128 (PS3.8 9.3.2.2). */
  readonly contexts: readonly ContextWish[];
  readonly tls?: DimseTls;
  readonly times?: Partial<DimseTimes>;
  /** Longest PDU we take, bytes; 0 in the peer's answer means any, and we then send 128 KiB at a time. */
  readonly maxPduBytes?: number;
  /** Most bytes of one object that C-GET may bring [4 GiB]. */
  readonly objectBytes?: number;
  /** Hears what `take` of a C-GET threw; the peer only hears a status. */
  readonly failed?: (problem: unknown) => void;
  /** Aborts the association and whatever runs on it. */
  readonly signal?: AbortSignal;
}

/** An object to be stored by C-STORE. */
export interface StoreInput {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  /** The data set is in this transfer syntax; a context that agreed on it is used. */
  readonly transferSyntaxUid: string;
  readonly dataset: DatasetBytes;
  /** Who asked by C-MOVE, where somebody did. */
  readonly moveOriginator?: { readonly aeTitle: string; readonly messageId: number };
}

/** One object that a peer sends us. `dataset` must be read to its end, or the message is refused. */
export interface IncomingObject {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly transferSyntaxUid: string;
  readonly dataset: AsyncIterable<Uint8Array>;
  readonly moveOriginator: { readonly aeTitle: string; readonly messageId: number } | null;
}

/** Takes one incoming object; the status becomes the answer. Throwing answers 0x0110 (processing failure). */
export type TakeObject = (object: IncomingObject) => Promise<{ status: number; comment?: string }>;

/** A matching data set of C-FIND, in the context's transfer syntax. */
export interface FoundDataset {
  readonly transferSyntaxUid: string;
  readonly dataset: Uint8Array;
}

/** Keys of a query: encoded for the transfer syntax that was agreed on. */
export type EncodeKeys = (transferSyntaxUid: string) => Uint8Array;

/** An association that we opened. One operation at a time. */
export interface RequestedAssociation {
  readonly contexts: readonly AgreedContext[];
  /** What was proposed and not accepted, with the reason (PS3.8 table 9-18). */
  readonly refused: readonly { readonly abstractSyntax: string; readonly reason: number }[];
  readonly peer: {
    readonly implementationClassUid: string;
    readonly implementationVersion: string;
    readonly maxPduBytes: number;
  };
  /** The peer's certificate where TLS is used: subject and end of validity (epoch ms). */
  readonly certificate: { readonly subject: string; readonly validToMs: number } | null;
  echo(): Promise<DimseStatus>;
  /** @throws DimseError('noContext') when no context agreed on this class in this transfer syntax */
  store(input: StoreInput): Promise<DimseStatus>;
  /**
   * Yields each match; returns the last status. Breaking off the loop sends C-CANCEL and waits, within `answerMs`, for
   * the end that the peer then says.
   */
  find(abstractSyntax: string, keys: EncodeKeys): AsyncGenerator<FoundDataset, DimseStatus>;
  /** Objects arrive on this association and go to `take`; `progress` hears each pending answer. */
  get(
    abstractSyntax: string,
    keys: EncodeKeys,
    take: TakeObject,
    progress?: (status: DimseStatus) => void,
  ): Promise<DimseStatus>;
  /** The peer sends the objects to `destinationAe` on another association. */
  move(
    abstractSyntax: string,
    keys: EncodeKeys,
    destinationAe: string,
    progress?: (status: DimseStatus) => void,
  ): Promise<DimseStatus>;
  /** N-ACTION (PS3.7 10.1.4): for storage commitment, action type 1 of PS3.4 J. */
  action(input: {
    readonly sopClassUid: string;
    readonly sopInstanceUid: string;
    readonly actionType: number;
    readonly information: EncodeKeys;
  }): Promise<DimseStatus>;
  /** Waits for an N-EVENT-REPORT on this same association, as some peers send it (PS3.4 J.3.3). Undefined when none came in time. */
  awaitEvent(withinMs: number): Promise<IncomingEvent | undefined>;
  /** Releases in order; aborts when the peer does not answer. Never throws. */
  release(): Promise<void>;
  abort(): void;
}

/** An N-EVENT-REPORT; the answer is success once `take` returned. */
export interface IncomingEvent {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly eventType: number;
  readonly transferSyntaxUid: string;
  readonly information: Uint8Array;
}

/** What an acceptor is asked before it answers an association request. */
export interface AssociationRequest {
  /** Counts the acceptor's associations from 1: tells which one an object, an event or a report belongs to. */
  readonly associationNumber: number;
  readonly callingAe: string;
  readonly calledAe: string;
  readonly address: string;
  /** Of a verified client certificate; null without one. */
  readonly certificate: { readonly subject: string; readonly fingerprint256: string } | null;
  readonly contexts: readonly ContextWish[];
}

export type AssociationAnswer =
  | {
      readonly accept: true;
      /** Transfer syntaxes taken for a class, in our order of preference; empty refuses the class. */
      transferSyntaxesOf(abstractSyntax: string): readonly string[];
    }
  /** PS3.8 table 9-21: result 1 permanent or 2 transient, source, reason. */
  | { readonly accept: false; readonly result: 1 | 2; readonly source: 1 | 2 | 3; readonly reason: number };

/** What happened to one association that somebody opened to us. */
export interface AssociationReport {
  /** 0 for a connection that asked for no association. */
  readonly associationNumber: number;
  readonly callingAe: string;
  readonly calledAe: string;
  readonly address: string;
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  readonly ending: 'released' | DimseTrouble;
  readonly details: Readonly<Record<string, string | number>>;
  /** Objects that came whole and were answered, whatever the status; bytes of their data sets. */
  readonly objects: number;
  readonly bytes: number;
}

/** Finds matches for an incoming C-FIND; data sets are encoded for the given transfer syntax. */
export type AnswerFind = (query: {
  readonly abstractSyntax: string;
  readonly transferSyntaxUid: string;
  readonly keys: Uint8Array;
  readonly callingAe: string;
  readonly signal: AbortSignal;
}) => AsyncIterable<Uint8Array>;

/** Limits of an acceptor (default in brackets). Whoever breaks one is aborted, and the report says which. */
export interface AcceptorLimits {
  /** Longest PDU taken [256 KiB]; a longer one is an abort, before it is read. */
  readonly pduBytes: number;
  /** Open at once [32]; one more is rejected as transient, local limit exceeded. */
  readonly associations: number;
  /** Open at once from one address [16]. */
  readonly associationsPerAddress: number;
  /** Of one command set [64 KiB] and of one data set that is no object [1 MiB]. */
  readonly commandBytes: number;
  readonly identifierBytes: number;
  /** Of one object [4 GiB]. */
  readonly objectBytes: number;
  /** From the connection to A-ASSOCIATE-RQ [10 s], idle between messages [5 min], between two PDUs of a message [30 s], ms. */
  readonly requestMs: number;
  readonly idleMs: number;
  readonly pduMs: number;
  /** Slowest a message may come, bytes a second over each `paceMs` [1 KiB, 30 s] of waiting: a slow-loris holds nothing for ever. */
  readonly slowestBytesPerSecond: number;
  readonly paceMs: number;
}

export interface AcceptorInput {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** `clientCa` set: a client certificate that it signed is required. */
  readonly tls?: { readonly certificate: string; readonly key: string; readonly clientCa: string };
  readonly limits?: Partial<AcceptorLimits>;
  answer(request: AssociationRequest): AssociationAnswer | Promise<AssociationAnswer>;
  /** C-STORE. Called for one object of an association at a time; associations run side by side. */
  take(
    object: IncomingObject,
    association: { readonly associationNumber: number; readonly callingAe: string; readonly address: string },
  ): ReturnType<TakeObject>;
  /** C-FIND; absent: refused. */
  readonly find?: AnswerFind;
  /** N-EVENT-REPORT; absent: refused. */
  readonly event?: (event: IncomingEvent, association: { readonly callingAe: string }) => Promise<void>;
  readonly ended?: (report: AssociationReport) => void;
  /** For the times of reports, epoch ms [the system's]. */
  readonly nowMs?: () => number;
  /** Hears what `answer`, `take`, `find` or `event` threw, and the listener's own trouble; the peer only hears a status. */
  readonly failed?: (problem: unknown, where: 'answer' | 'take' | 'find' | 'event' | 'listen') => void;
}

export interface Acceptor {
  readonly port: number;
  /** Associations open now. */
  readonly open: number;
  /** Takes no new association; lets those that are open end within `graceMs`, then aborts them. */
  close(graceMs?: number): Promise<void>;
}
