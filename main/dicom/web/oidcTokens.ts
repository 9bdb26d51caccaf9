import { parseMediaType } from './mediaType.ts';
import { parseStrictJson } from './strictJson.ts';
import { unlessAborted } from './unlessAborted.ts';
import { type WebAuth, type WebConnection, WebError, type WebOptions, type WebPeer } from './webPeer.ts';

export interface Tokens {
  /** A token that is good for a while. @throws WebError with `of: 'token'` in its details */
  token(signal: AbortSignal): Promise<string>;
  /** Somebody refused this token: the next caller gets a new one. */
  forget(token: string): void;
  close(): void;
}

export interface TokensInput {
  readonly auth: Extract<WebAuth, { method: 'oidc' }>;
  /** Whose tokens these are: its trust anchors and its leave to use plain http hold for the issuer too. */
  readonly peer: Pick<WebPeer, 'tls' | 'allowPlainCredentials'>;
  readonly options: WebOptions & { readonly nowMs: () => number };
  readonly open: (peer: WebPeer, options: WebOptions) => WebConnection;
  /** Whether credentials may go to this address. */
  readonly allows: (url: URL) => boolean;
}

interface KeptToken {
  readonly text: string;
  readonly fromMs: number;
  readonly untilMs: number;
}

interface TokenEndpoint {
  readonly url: string;
  readonly clientAuth: 'basic' | 'post';
}

/** Where the issuer does not say how long a token lasts (RFC 6749 5.1 lets it), seconds. */
const usualLifeS = 300;
const longestAnswer = 256 * 1024;
const longestToken = 64 * 1024;
const oauthErrors = [
  'invalid_request',
  'invalid_client',
  'invalid_grant',
  'unauthorized_client',
  'unsupported_grant_type',
  'invalid_scope',
];

/**
 * Tokens by OAuth 2 client credentials (RFC 6749 4.4), the endpoint found by OpenID Connect Discovery 1.0. A token is
 * kept until shortly before it ends, counted by our clock from when it was asked for, so that the issuer's clock does
 * not matter. However many ask, one request is under way at a time.
 */
export function openTokens(input: TokensInput): Tokens {
  const { auth, options } = input;
  const connections = new Map<string, WebConnection>();
  let kept: KeptToken | null = null;
  let endpoint: TokenEndpoint | null = null;
  let pending: Promise<string> | null = null;

  function connectionTo(url: URL): WebConnection {
    const known = connections.get(url.origin);
    if (known) return known;
    const tls = { ca: input.peer.tls?.ca ?? '' };
    const opened = input.open({ baseUrl: url.origin, auth: { method: 'none' }, tls }, options);
    connections.set(url.origin, opened);
    return opened;
  }

  async function discover(): Promise<TokenEndpoint> {
    const issuer = new URL(auth.issuer);
    // Whoever answers for the issuer over plain http could name an endpoint of his own, and be given the secret.
    if (!input.allows(issuer)) throw plainCredentials();
    const basic = { url: auth.issuer, clientAuth: auth.clientAuth ?? 'basic' } as const;
    let document: Record<string, unknown>;
    try {
      const path = `${issuer.pathname.replace(/^\/|\/$/g, '')}/.well-known/openid-configuration`.replace(/^\//, '');
      document = await readObject(
        await connectionTo(issuer).request({ method: 'GET', path, headers: { accept: 'application/json' } }),
      );
    } catch (error) {
      // No discovery document: the address is that of the token endpoint itself.
      if (error instanceof WebError && (error.trouble === 'notFound' || error.trouble === 'refused')) return basic;
      throw error;
    }
    const withoutSlash = (text: unknown) => String(text).replace(/\/$/, '');
    if (withoutSlash(document.issuer) !== withoutSlash(auth.issuer)) {
      throw new WebError('protocol', 'the discovery document is of another issuer', { reason: 'issuer' });
    }
    const url = document.token_endpoint;
    if (typeof url !== 'string' || !URL.canParse(url) || !/^https?:/.test(url)) {
      throw new WebError('protocol', 'the discovery document names no token endpoint', { reason: 'tokenEndpoint' });
    }
    if (issuer.protocol === 'https:' && !url.startsWith('https:')) {
      throw new WebError('protocol', 'the token endpoint is less safe than its issuer', { reason: 'downgrade' });
    }
    const methods = document.token_endpoint_auth_methods_supported;
    const knowsBasic = !Array.isArray(methods) || methods.includes('client_secret_basic');
    return { url, clientAuth: auth.clientAuth ?? (knowsBasic ? 'basic' : 'post') };
  }

  async function fetchToken(): Promise<string> {
    endpoint ??= await discover();
    const url = new URL(endpoint.url);
    if (!input.allows(url)) throw plainCredentials();
    const form = new URLSearchParams({ grant_type: 'client_credentials' });
    if (auth.scope !== '') form.set('scope', auth.scope);
    if (endpoint.clientAuth === 'post') {
      form.set('client_id', auth.clientId);
      form.set('client_secret', auth.clientSecret);
    }
    const bytes = Buffer.from(form.toString(), 'utf8');
    const fromMs = options.nowMs();
    const answer = await connectionTo(url).request({
      method: 'POST',
      path: url.pathname.slice(1),
      query: [...url.searchParams],
      headers: {
        accept: 'application/json',
        ...(endpoint.clientAuth === 'basic' ? { authorization: basicOf(auth.clientId, auth.clientSecret) } : {}),
      },
      body: {
        contentType: 'application/x-www-form-urlencoded',
        byteLength: bytes.length,
        open: async function* () {
          yield bytes;
        },
      },
      repeatable: true,
      takes: (status) => status === 200 || status === 400 || status === 401,
    });
    const object = await readObject(answer);
    if (answer.status !== 200) {
      const error = oauthErrors.find((one) => one === object.error) ?? 'other';
      throw new WebError('unauthorized', 'the issuer gives us no token', { status: answer.status, error });
    }
    kept = keptToken(object, fromMs);
    return kept.text;
  }

  async function fetchNamed(): Promise<string> {
    try {
      return await fetchToken();
    } catch (error) {
      if (!(error instanceof WebError)) throw error;
      // The next try looks for the endpoint again: it may have moved.
      endpoint = null;
      throw new WebError(error.trouble, error.message, { ...error.details, of: 'token' }, error);
    }
  }

  return {
    token: (signal) => {
      const nowMs = options.nowMs();
      if (kept && nowMs >= kept.fromMs && nowMs < kept.untilMs) return Promise.resolve(kept.text);
      kept = null;
      pending ??= fetchNamed().finally(() => {
        pending = null;
      });
      return unlessAborted(pending, signal);
    },
    forget: (token) => {
      if (kept?.text === token) kept = null;
    },
    close: () => {
      for (const connection of connections.values()) connection.close();
    },
  };
}

function plainCredentials(): WebError {
  return new WebError('tls', 'credentials are not sent over plain http', { reason: 'plainCredentials' });
}

/** Reads a JSON object of bounded length. */
async function readObject(answer: Awaited<ReturnType<WebConnection['request']>>): Promise<Record<string, unknown>> {
  const type = parseMediaType(answer.headers['content-type'] ?? '');
  if (!type || !/^application\/([\w.-]+\+)?json$/.test(type.type)) {
    answer.dispose();
    throw new WebError('protocol', 'the issuer answered no JSON', { reason: 'contentType', status: answer.status });
  }
  const json = parseStrictJson(await answer.bytes(longestAnswer));
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new WebError('protocol', 'the issuer answered no JSON object', { reason: 'shape' });
  }
  return json as Record<string, unknown>;
}

/** RFC 6749 2.3.1: both halves are form-encoded before they are joined. */
function basicOf(clientId: string, clientSecret: string): string {
  const encode = (text: string) => new URLSearchParams({ x: text }).toString().slice(2);
  return `Basic ${Buffer.from(`${encode(clientId)}:${encode(clientSecret)}`, 'utf8').toString('base64')}`;
}

function keptToken(object: Record<string, unknown>, fromMs: number): KeptToken {
  const { access_token: text, token_type: type, expires_in: life } = object;
  if (typeof text !== 'string' || !/^[\x21-\x7e]+$/.test(text) || text.length > longestToken) {
    throw new WebError('protocol', 'the issuer answered no token', { reason: 'token' });
  }
  if (typeof type !== 'string' || type.toLowerCase() !== 'bearer') {
    throw new WebError('protocol', 'the issuer gives tokens of another kind', { reason: 'tokenType' });
  }
  const lifeS = life === undefined || life === null ? usualLifeS : Number(life);
  if (!Number.isFinite(lifeS) || lifeS < 0) {
    throw new WebError('protocol', 'the issuer gives a token no life', { reason: 'expiresIn' });
  }
  // A request that takes a while must not arrive with a token that ended on the way.
  const marginMs = Math.min(60_000, lifeS * 200);
  return { text, fromMs, untilMs: fromMs + lifeS * 1000 - marginMs };
}
