import type { JsonDataSet } from '../dicomJson.ts';
import type { PeerCertificate } from './webPeer.ts';

/** What a DICOMweb client does: QIDO-RS, WADO-RS and STOW-RS (PS3.18 section 10). All throw WebError. */
export interface DicomwebClient {
  /** Asks for one study, to see whether the peer answers as DICOMweb does. */
  probe(signal?: AbortSignal): Promise<DicomwebProbe>;
  /**
   * QIDO-RS, page by page. Also with peers that ignore `limit` or `offset`: what came before is not yielded again, and
   * a page with nothing new is the last. Each data set carries its own UID of the level asked for.
   * @returns how the search ended
   */
  search(search: DicomwebSearch): AsyncGenerator<JsonDataSet, SearchEnd>;
  /** WADO-RS metadata: one data set for each instance, in memory at once. */
  metadata(place: DicomwebPlace, signal?: AbortSignal): Promise<JsonDataSet[]>;
  /**
   * WADO-RS: original objects, in the transfer syntax they are kept in. Each object's bytes must be read, or are
   * skipped, before the next is asked for. Ends without an error only when the peer's answer was whole.
   */
  retrieve(place: DicomwebPlace, signal?: AbortSignal): AsyncGenerator<RetrievedObject>;
  /**
   * STOW-RS in several requests. Yields what the peer said of each object, in the order given, once its request was
   * answered. When it throws, nothing is known of the objects that were not yielded.
   */
  store(objects: Iterable<StowObject> | AsyncIterable<StowObject>, options?: StowOptions): AsyncGenerator<StowOutcome>;
  /** Retrieves one instance and says what came back. @throws WebError('notFound') when it is not there */
  readBack(place: Required<DicomwebPlace>, signal?: AbortSignal): Promise<ReadBack>;
  close(): void;
}

export interface DicomwebProbe {
  readonly status: number;
  readonly tookMs: number;
  /** The peer's clock less ours, ms; null when it said no date. */
  readonly skewMs: number | null;
  readonly certificate: PeerCertificate | null;
  /** `Server` of the answer, cut to 100 characters; empty when it said none. */
  readonly server: string;
}

export interface DicomwebPlace {
  readonly studyUid: string;
  readonly seriesUid?: string;
  readonly instanceUid?: string;
}

export interface DicomwebSearch {
  readonly level: 'studies' | 'series' | 'instances';
  /** Only below this study, or this series of it. */
  readonly studyUid?: string;
  readonly seriesUid?: string;
  /** Keyword or eight hex digits → what to match: exact, wildcards `*` and `?`, ranges `20260101-20261231`. */
  readonly match?: Readonly<Record<string, string>>;
  /** Keywords or tags wanted beyond the required ones. */
  readonly includeFields?: readonly string[];
  /** Matches asked for at a time [200]. */
  readonly pageSize?: number;
  /** Yields at most so many [10,000]. */
  readonly atMost?: number;
  readonly signal?: AbortSignal;
}

export interface SearchEnd {
  /**
   * False when `atMost` was reached with more to come, when the peer says that it left some out, and when it may have: it
   * takes our limit and gives the same page whatever the offset.
   */
  readonly complete: boolean;
  /** Matches left out because they came twice. */
  readonly repeats: number;
  readonly pages: number;
}

export interface RetrievedObject {
  /** From the part's content type; empty when it said none. */
  readonly transferSyntaxUid: string;
  /** Part 10 bytes as they came. */
  readonly bytes: AsyncIterable<Uint8Array>;
}

/** One object to be stored; `open` is called again when a request has to be repeated. */
export interface StowObject {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  /** Of the Part 10 bytes; null when it is not known, and the request is then sent in chunks. */
  readonly byteLength: number | null;
  /** Part 10 bytes. */
  open(): AsyncIterable<Uint8Array>;
}

export interface StowOptions {
  /** The study all of them belong to; left out: whichever they name. */
  readonly studyUid?: string;
  /** Of one request [64 MiB]; a longer object goes alone. */
  readonly requestBytes?: number;
  /** Objects of one request [100]. */
  readonly requestObjects?: number;
  readonly signal?: AbortSignal;
}

/** What a peer said of one object (PS3.18 table 10.5.3-1, PS3.18 annex I). Its word, no proof. */
export interface StowOutcome {
  readonly sopInstanceUid: string;
  /**
   * `stored`: named in the Referenced SOP Sequence. `warned`: the same, with a warning. `failed`: named in the Failed
   * SOP Sequence. `unknown`: the answer says nothing of it, or says both.
   */
  readonly outcome: 'stored' | 'warned' | 'failed' | 'unknown';
  /** Failure Reason (0008,1197) or Warning Reason (0008,1196); null where none was given. */
  readonly reason: number | null;
  readonly httpStatus: number;
}

/** What lies behind the file meta group of an object, told by hash. */
export interface ObjectDigest {
  readonly transferSyntaxUid: string;
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly studyUid: string;
  readonly seriesUid: string;
  readonly rows: number | null;
  readonly columns: number | null;
  /** Lower-case hex SHA-256 of the data set as it came. */
  readonly datasetSha256: string;
  readonly datasetBytes: number;
  /**
   * The same of the pixel data alone: its value, or everything from the value on where it is encapsulated. Null without
   * pixel data. Peers that correct a patient's name leave this as it was.
   */
  readonly pixelsSha256: string | null;
  /**
   * Without pixel data: the same of an encapsulated document, or of what the object says beside whose it is. Null with
   * pixel data.
   */
  readonly contentSha256: string | null;
}

export type ReadBack = ObjectDigest;
