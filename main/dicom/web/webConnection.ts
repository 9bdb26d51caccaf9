import { type IncomingMessage, Agent as PlainAgent } from 'node:http';
import { Agent as TlsAgent } from 'node:https';
import { tlsClientProfile } from '../tlsProfile.ts';
import { openTokens, type Tokens } from './oidcTokens.ts';
import { answerOf } from './webAnswer.ts';
import { exchange } from './webExchange.ts';
import {
  type WebAnswer,
  type WebConnection,
  WebError,
  type WebLimits,
  type WebOptions,
  type WebPeer,
  type WebRequest,
  type WebTimes,
} from './webPeer.ts';

const usualTimes: WebTimes = { connectMs: 10_000, answerMs: 60_000, idleMs: 30_000, wholeMs: 15 * 60_000 };
const usualLimits: WebLimits = {
  headerBytes: 32 * 1024,
  bodyBytes: 64 * 1024 * 1024,
  redirects: 3,
  connections: 4,
  slowestBytesPerSecond: 256,
  speedWindowMs: 30_000,
};

/**
 * Opens a pool of HTTP/1.1 connections to one peer; none is made before the first request.
 * @throws TypeError when the base URL is none that can be used
 */
export function openWebConnection(peer: WebPeer, options: WebOptions = {}): WebConnection {
  const base = readBase(peer.baseUrl);
  const times = { ...usualTimes, ...options.times };
  const limits = { ...usualLimits, ...options.limits };
  const nowMs = options.nowMs ?? Date.now;
  const tls = peer.tls ?? {};
  const pool = { keepAlive: true, maxSockets: limits.connections, maxFreeSockets: limits.connections, timeout: 30_000 };
  const agent =
    base.protocol === 'https:'
      ? new TlsAgent({
          ...pool,
          ...tlsClientProfile,
          // Each connection shows its certificate and has it checked.
          maxCachedSessions: 0,
          ...(tls.ca ? { ca: tls.ca } : {}),
          ...(tls.certificate ? { cert: tls.certificate, key: tls.key } : {}),
          ...(tls.serverName ? { servername: tls.serverName } : {}),
        })
      : new PlainAgent(pool);
  const allows = (url: URL) =>
    url.protocol === 'https:' || isLoopback(url.hostname) || peer.allowPlainCredentials === true;
  const tokens =
    peer.auth.method === 'oidc'
      ? openTokens({ auth: peer.auth, peer, options: { ...options, nowMs }, open: openWebConnection, allows })
      : null;
  const closing = new AbortController();

  async function authorization(signal: AbortSignal): Promise<string | null> {
    const { auth } = peer;
    if (auth.method === 'none') return null;
    if (!allows(base)) {
      throw new WebError('tls', 'credentials are not sent over plain http', { reason: 'plainCredentials' });
    }
    switch (auth.method) {
      case 'basic':
        return `Basic ${Buffer.from(`${auth.userName}:${auth.password}`, 'utf8').toString('base64')}`;
      case 'bearer':
        return `Bearer ${auth.token}`;
      default:
        return `Bearer ${await (tokens as Tokens).token(signal)}`;
    }
  }

  /** One request with what HTTP may ask beside it: redirects, a fresh token, a fresh connection. */
  async function request(wish: WebRequest): Promise<WebAnswer> {
    const given = wish.signal ? AbortSignal.any([wish.signal, closing.signal]) : closing.signal;
    if (given.aborted) throw new WebError('cancelled', 'the request was cancelled');
    let url = urlOf(base, wish);
    let redirects = 0;
    let hasRenewed = false;
    let hasReopened = false;
    for (;;) {
      const authorized = await authorization(given);
      const startedMs = nowMs();
      const result = await exchange({
        url,
        agent,
        tls,
        wish,
        authorization: authorized,
        times: timesOf({ ...times, ...wish.times }, wish),
        limits,
        signal: given,
        mayReopen: !hasReopened,
      });
      if (result === 'stale') {
        hasReopened = true;
        // Where one kept connection was closed, the others may be.
        for (const socket of Object.values(agent.freeSockets).flat()) socket?.destroy();
        continue;
      }
      const { response } = result;
      const answer = answerOf(result, limits, skewOf(response, startedMs, nowMs()));
      if (answer.status === 401 && tokens && authorized && !hasRenewed) {
        hasRenewed = true;
        tokens.forget(authorized.slice('Bearer '.length));
        await answer.discard();
        continue;
      }
      if (wish.takes ? wish.takes(answer.status) : answer.status >= 200 && answer.status < 300) return answer;
      const target = redirectOf(response, url);
      // What is left of a refusal is not worth a connection, but most are short: then it can be used again.
      await answer.discard();
      if (!target) throw troubleOf(response, nowMs());
      checkRedirect(wish, url, target, answer.status);
      redirects += 1;
      if (redirects > limits.redirects) throw redirected('tooMany', answer.status);
      url = target;
    }
  }

  return {
    request,
    close: () => {
      closing.abort();
      tokens?.close();
      agent.destroy();
    },
  };
}

/** Slowest upload that is waited for, bytes a millisecond. */
const slowestUpload = 4;

/** A long body may take as long as a slow line, or a limit of our own on its speed, makes it. */
function timesOf(times: WebTimes, { body }: WebRequest): WebTimes {
  if (!body || times.wholeMs === 0) return times;
  return { ...times, wholeMs: body.byteLength === null ? 0 : times.wholeMs + body.byteLength / slowestUpload };
}

function readBase(baseUrl: string): URL {
  const url = new URL(baseUrl);
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw new TypeError('the address is neither http nor https');
  if (url.username || url.password || url.search || url.hash) throw new TypeError('the address holds more than a path');
  url.pathname = url.pathname.replace(/\/+$/, '');
  return url;
}

function urlOf(base: URL, { path, query = [] }: WebRequest): URL {
  if (/[?#\\]|(^|\/)\.{1,2}(\/|$)/.test(path)) throw new TypeError('a path that leads elsewhere');
  const url = new URL(base);
  if (path !== '') url.pathname = `${base.pathname.replace(/\/$/, '')}/${path}`;
  url.search = query.map(([name, value]) => `${encode(name)}=${encode(value)}`).join('&');
  return url;
}

/**
 * As little as RFC 3986 needs: some servers split lists, names and times before they unescape them, or never do. `^` is
 * escaped, as Tomcat and Undertow refuse a request that holds it; `searchPeer` asks those that do not unescape it again.
 */
const encode = (text: string) => encodeURIComponent(text).replace(/%(2C|2F|3A|3F|40)/g, decodeURIComponent);

/** True for addresses that never leave this machine. */
function isLoopback(hostname: string): boolean {
  return /^(localhost|.+\.localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(hostname);
}

function redirectOf(response: IncomingMessage, from: URL): URL | null {
  if (![301, 302, 303, 307, 308].includes(response.statusCode ?? 0)) return null;
  try {
    return new URL(response.headers.location ?? 'none:', from);
  } catch {
    throw redirected('noAddress', response.statusCode ?? 0);
  }
}

function redirected(why: string, status: number, origin = ''): WebError {
  const details = { reason: 'redirect', why, status };
  return new WebError('protocol', 'the peer sends us elsewhere', origin === '' ? details : { ...details, origin });
}

/** Follows within one origin, for what carries no body. A redirect is no reason to show our name to somebody else. */
function checkRedirect(wish: WebRequest, from: URL, to: URL, status: number): void {
  if (to.protocol !== 'https:' && to.protocol !== 'http:') throw redirected('noAddress', status);
  if (from.protocol === 'https:' && to.protocol === 'http:') throw redirected('downgrade', status, to.origin);
  if (from.origin !== to.origin) throw redirected('otherOrigin', status, to.origin);
  if (wish.method !== 'GET' && wish.method !== 'HEAD') throw redirected('withBody', status);
}

function skewOf(response: IncomingMessage, startedMs: number, endedMs: number): number | null {
  const theirsMs = Date.parse(response.headers.date ?? '');
  // The header has whole seconds: on the average half a second is cut off.
  return Number.isFinite(theirsMs) ? Math.round(theirsMs + 500 - (startedMs + endedMs) / 2) : null;
}

const longestRetryMs = 24 * 3_600_000;

function troubleOf(response: IncomingMessage, nowMs: number): WebError {
  const status = response.statusCode ?? 0;
  const details: Record<string, string | number> = { status };
  if (status === 401) {
    const scheme = /^\s*([A-Za-z]{1,20})/.exec(response.headers['www-authenticate'] ?? '')?.[1];
    if (scheme) details.asks = scheme;
    return new WebError('unauthorized', 'the peer does not know who we are', details);
  }
  if (status === 403) return new WebError('forbidden', 'the peer does not let us do this', details);
  if (status === 404 || status === 410) return new WebError('notFound', 'the peer has no such thing', details);
  if (status === 429 || status === 503) {
    const waitMs = retryAfterMs(response.headers['retry-after'] ?? '', nowMs);
    if (waitMs !== null) details.retryAfterMs = waitMs;
    return new WebError('busy', 'the peer is busy', details);
  }
  if (status >= 400 && status < 500) return new WebError('refused', 'the peer refused the request', details);
  if (status >= 500) return new WebError('serverError', 'the peer failed', details);
  return new WebError('protocol', 'the peer answered what was not asked', { ...details, reason: 'status' });
}

/** Retry-After (RFC 9110 10.2.3): seconds or a date; at most a day. */
function retryAfterMs(header: string, nowMs: number): number | null {
  const text = header.trim();
  const waitMs = /^\d{1,9}$/.test(text) ? Number(text) * 1000 : Date.parse(text) - nowMs;
  return Number.isFinite(waitMs) ? Math.min(Math.max(waitMs, 0), longestRetryMs) : null;
}
