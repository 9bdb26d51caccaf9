/**
 * What the rest of Salus knows of talking to a peer over HTTP: DICOMweb (PS3.18) and XNAT. Nothing in this folder knows
 * a store, a setting or a patient.
 */

/** Why a request did not end well. */
export type WebTrouble =
  /** No connection: refused, unreachable, unknown host, or closed before an answer. */
  | 'unreachable'
  /** TLS failed; `reason` says how: expired, notYetValid, selfSigned, unknownIssuer, wrongName, clientCertificate, notTls, other. */
  | 'tls'
  /** A timer of ours ran out; `during` says which: connect, answer, write, idle, slow, whole. */
  | 'timeout'
  /** 401 */
  | 'unauthorized'
  /** 403 */
  | 'forbidden'
  /** 404 and 410 */
  | 'notFound'
  /** Any other 4xx. */
  | 'refused'
  /** 429 and 503; `retryAfterMs` where the peer gave it. */
  | 'busy'
  /** Any other 5xx. */
  | 'serverError'
  /** Not what was asked: content type, JSON, multipart, redirect, too long, cut short. `reason` says which. */
  | 'protocol'
  /** The caller's signal. */
  | 'cancelled';

export type WebDetails = Readonly<Record<string, string | number | boolean>>;

/** `message` and `details` hold numbers and fixed words of ours, never a path, a query string or text of the peer. */
export class WebError extends Error {
  readonly trouble: WebTrouble;
  readonly details: WebDetails;
  constructor(trouble: WebTrouble, message: string, details: WebDetails = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'WebError';
    this.trouble = trouble;
    this.details = details;
  }
}

/** How we say who we are. */
export type WebAuth =
  | { readonly method: 'none' }
  | { readonly method: 'basic'; readonly userName: string; readonly password: string }
  | { readonly method: 'bearer'; readonly token: string }
  /** OAuth 2 client credentials (RFC 6749 4.4). */
  | {
      readonly method: 'oidc';
      /** Issuer, whose discovery document names the token endpoint, or the token endpoint itself. */
      readonly issuer: string;
      readonly clientId: string;
      readonly clientSecret: string;
      readonly scope: string;
      /** Default: basic, else post where the issuer's discovery document knows only that. */
      readonly clientAuth?: 'basic' | 'post';
    };

/** TLS 1.2 or newer. All PEM; empty where there is none. */
export interface WebTls {
  /** Trust anchors. Empty: those that come with Node. */
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
  /** The name that the peer's certificate must carry; empty: the host of its address. */
  readonly serverName: string;
}

export interface WebTimes {
  /** TCP and TLS, ms [10 s]. */
  readonly connectMs: number;
  /** From the end of our request to the beginning of the answer, ms [60 s]. */
  readonly answerMs: number;
  /** Between two bytes, either way, ms [30 s]. */
  readonly idleMs: number;
  /**
   * All of a request with its answer, ms, and a second more for each 4 KB of its body [15 min]; 0: no limit, and none for
   * a body of unknown length. The other timers and `slowestBytesPerSecond` hold all the same.
   */
  readonly wholeMs: number;
}

export interface WebLimits {
  /** Of one answer's header [32 KiB]. */
  readonly headerBytes: number;
  /** Of an answer that is read into memory [64 MiB]. */
  readonly bodyBytes: number;
  /** Followed, same origin only [3]. */
  readonly redirects: number;
  /** Connections at once [4]. */
  readonly connections: number;
  /** Slowest an answer may come, bytes a second [256], over so much of waiting for it, ms [30 s]. */
  readonly slowestBytesPerSecond: number;
  readonly speedWindowMs: number;
}

export interface WebPeer {
  /** http or https, with the path of the service; a final slash makes no difference. No name, password, query or hash. */
  readonly baseUrl: string;
  readonly auth: WebAuth;
  readonly tls?: Partial<WebTls>;
  /** Sends credentials over plain http to another machine. Never by default. */
  readonly allowPlainCredentials?: boolean;
}

export interface WebOptions {
  readonly times?: Partial<WebTimes>;
  readonly limits?: Partial<WebLimits>;
  /** Epoch ms, for the peer's clock skew and for tokens. */
  readonly nowMs?: () => number;
}

/** A body that can be given again when a request has to be repeated (a fresh token, a connection gone stale). */
export interface WebBody {
  readonly contentType: string;
  /** Null: sent in chunks. */
  readonly byteLength: number | null;
  open(): AsyncIterable<Uint8Array>;
}

export interface WebRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE';
  /** Below the base URL, each part already escaped: `studies/1.2.3`. */
  readonly path: string;
  readonly query?: readonly (readonly [name: string, value: string])[];
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: WebBody;
  /** Doing it twice is the same as doing it once: then a connection that went stale in the pool is replaced. */
  readonly repeatable?: boolean;
  /** Statuses that are answers, not errors. Default: 200 to 299. */
  readonly takes?: (status: number) => boolean;
  readonly times?: Partial<WebTimes>;
  readonly signal?: AbortSignal;
}

export interface WebAnswer {
  readonly status: number;
  /** Lower-case names; what came twice is joined by ', '. */
  readonly headers: Readonly<Record<string, string>>;
  /** To be read to its end, or broken off, which closes the connection. */
  readonly body: AsyncIterable<Uint8Array>;
  /** All of it. @throws WebError('protocol') when it is longer than `atMost` (default: the connection's `bodyBytes`) */
  bytes(atMost?: number): Promise<Uint8Array>;
  /** Gives up whatever is left. */
  dispose(): void;
  /** The peer's clock less ours, ms, to about a second; null when it said no date. */
  readonly skewMs: number | null;
  /** Of a TLS peer. */
  readonly certificate: PeerCertificate | null;
}

export interface PeerCertificate {
  readonly subject: string;
  readonly issuer: string;
  readonly validToMs: number;
}

/** Requests to one peer over a bounded pool of connections. */
export interface WebConnection {
  /** @throws WebError for whatever is no answer that the request takes */
  request(request: WebRequest): Promise<WebAnswer>;
  /** Ends every connection; requests under way fail. */
  close(): void;
}
