import { generateKeyPairSync } from 'node:crypto';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Provider } from 'oidc-provider';
import { afterEach, describe, expect, it } from 'vitest';
import { openWebConnection } from '../../main/dicom/web/webConnection.ts';
import { type WebAuth, type WebConnection, WebError, type WebOptions } from '../../main/dicom/web/webPeer.ts';

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp();
});

async function listen(answer: RequestListener): Promise<string> {
  const server: Server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  cleanUps.push(
    () =>
      new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      }),
  );
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Where oidc-provider keeps what it issues. */
class KeptInMemory {
  static readonly kept = new Map<string, { payload: object; untilMs: number }>();
  readonly #kind: string;
  constructor(kind: string) {
    this.#kind = kind;
  }
  async upsert(id: string, payload: object, lifeS: number): Promise<void> {
    KeptInMemory.kept.set(`${this.#kind}:${id}`, { payload, untilMs: Date.now() + lifeS * 1000 });
  }
  async find(id: string): Promise<object | undefined> {
    return KeptInMemory.kept.get(`${this.#kind}:${id}`)?.payload;
  }
  async destroy(id: string): Promise<void> {
    KeptInMemory.kept.delete(`${this.#kind}:${id}`);
  }
}

const secret = 'a secret: with + and % & =';

/** A real OpenID Connect provider, and a DICOMweb service that asks it about each token. */
async function startPair(clientAuth: 'client_secret_basic' | 'client_secret_post' = 'client_secret_basic') {
  let provider: Provider | undefined;
  const issuer = await listen((request, response) => provider?.callback()(request, response));
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  provider = new Provider(issuer, {
    adapter: KeptInMemory,
    jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'ES256' }] },
    cookies: { keys: ['a key of the test'] },
    features: { clientCredentials: { enabled: true }, devInteractions: { enabled: false } },
    scopes: ['dicom', 'admin'],
    ttl: { ClientCredentials: 600 },
    clientAuthMethods: [clientAuth],
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    clients: [
      {
        client_id: 'work:station',
        client_secret: secret,
        grant_types: ['client_credentials'],
        response_types: [],
        redirect_uris: [],
        scope: 'dicom',
        token_endpoint_auth_method: clientAuth,
      },
    ],
  });
  const counts = { granted: 0, refused: 0 };
  const tokens: string[] = [];
  const live = provider;
  live.on('grant.success', () => {
    counts.granted += 1;
  });
  const baseUrl = await listen((request, response) => {
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
    request.resume();
    live.ClientCredentials.find(token).then(
      (found) => {
        tokens.push(token);
        if (!found?.isValid) counts.refused += 1;
        response.writeHead(found?.isValid ? 200 : 401, { 'www-authenticate': 'Bearer' }).end();
      },
      () => response.writeHead(500).end(),
    );
  });
  return { issuer, baseUrl, counts, tokens, provider: live };
}

function connect(
  baseUrl: string,
  auth: Partial<WebAuth & { method: 'oidc' }>,
  options: WebOptions = {},
): WebConnection {
  const connection = openWebConnection(
    {
      baseUrl,
      auth: { method: 'oidc', issuer: '', clientId: 'work:station', clientSecret: secret, scope: 'dicom', ...auth },
    },
    options,
  );
  cleanUps.push(() => connection.close());
  return connection;
}

async function ask(connection: WebConnection): Promise<number> {
  const answer = await connection.request({ method: 'GET', path: 'studies' });
  await answer.bytes();
  return answer.status;
}

async function troubleOf(work: Promise<unknown>): Promise<Record<string, unknown>> {
  const error = await work.then(
    () => undefined,
    (problem: unknown) => problem,
  );
  if (!(error instanceof WebError)) throw new Error('no trouble of the web');
  expect(JSON.stringify([error.message, error.details])).not.toContain('cret:');
  return { trouble: error.trouble, ...error.details };
}

describe('tokens of an OpenID Connect provider', () => {
  it.each(['client_secret_basic', 'client_secret_post'] as const)(
    '%s: one token serves many requests',
    async (clientAuth) => {
      const { issuer, baseUrl, counts, tokens } = await startPair(clientAuth);
      const connection = connect(baseUrl, { issuer });
      expect(await Promise.all(Array.from({ length: 8 }, () => ask(connection)))).toEqual(Array(8).fill(200));
      expect(await ask(connection)).toBe(200);
      expect(counts).toEqual({ granted: 1, refused: 0 });
      expect(new Set(tokens).size).toBe(1);
    },
  );

  it('takes the token endpoint itself in place of the issuer', async () => {
    const { issuer, baseUrl, counts } = await startPair();
    expect(await ask(connect(baseUrl, { issuer: `${issuer}/token` }))).toBe(200);
    expect(counts.granted).toBe(1);
  });

  it('asks for a new one shortly before the old one ends, whichever way the clock is moved', async () => {
    const { issuer, baseUrl, counts } = await startPair();
    let nowMs = 1_000_000_000;
    const connection = connect(baseUrl, { issuer }, { nowMs: () => nowMs });
    await ask(connection);
    nowMs += 539_000;
    await ask(connection);
    expect(counts.granted).toBe(1);
    nowMs += 2_000;
    await ask(connection);
    expect(counts.granted).toBe(2);
    nowMs -= 900_000;
    await ask(connection);
    expect(counts).toEqual({ granted: 3, refused: 0 });
  });

  it('asks once more when a token is refused, and not for ever', async () => {
    const { issuer, baseUrl, counts, tokens, provider } = await startPair();
    const connection = connect(baseUrl, { issuer });
    await ask(connection);
    await (await provider.ClientCredentials.find(tokens[0] as string))?.destroy();
    expect(await ask(connection)).toBe(200);
    expect(counts).toEqual({ granted: 2, refused: 1 });
    let asked = 0;
    const never = await listen((_request, response) => {
      asked += 1;
      response.writeHead(401, { 'www-authenticate': 'Bearer' }).end();
    });
    expect(await troubleOf(ask(connect(never, { issuer })))).toEqual({
      trouble: 'unauthorized',
      status: 401,
      asks: 'Bearer',
    });
    expect(asked).toBe(2);
  });

  it('says that the secret or the scope is wrong, and that it was the token', async () => {
    const { issuer, baseUrl } = await startPair();
    expect(await troubleOf(ask(connect(baseUrl, { issuer, clientSecret: 'wrong cret:' })))).toMatchObject({
      trouble: 'unauthorized',
      error: 'invalid_client',
      of: 'token',
    });
    expect(await troubleOf(ask(connect(baseUrl, { issuer, scope: 'admin' })))).toMatchObject({
      trouble: 'unauthorized',
      error: 'invalid_scope',
      of: 'token',
    });
  });

  it('knows another issuer, and one that cannot be reached', async () => {
    const { issuer, baseUrl } = await startPair();
    const other = issuer.replace('127.0.0.1', 'localhost');
    expect(await troubleOf(ask(connect(baseUrl, { issuer: other })))).toMatchObject({ reason: 'issuer', of: 'token' });
    expect(await troubleOf(ask(connect(baseUrl, { issuer: 'http://127.0.0.1:9' })))).toMatchObject({
      trouble: 'unreachable',
      of: 'token',
    });
  });

  it('is not looked for over plain http elsewhere: whoever answered could name an endpoint of his own', async () => {
    for (const issuer of ['http://issuer.example', 'http://192.0.2.1:8080/realm'])
      expect(await troubleOf(ask(connect('https://127.0.0.1:9', { issuer })))).toEqual({
        ...{ trouble: 'tls', reason: 'plainCredentials', of: 'token' },
      });
  });

  it('is refused by what names a token endpoint over plain http elsewhere, or gives what is no token', async () => {
    let token: object = {};
    let endpoint = 'http://tokens.example/token';
    const issuer: string = await listen((request, response) => {
      request.resume();
      const isDiscovery = request.url === '/.well-known/openid-configuration';
      const body = isDiscovery ? { issuer, token_endpoint: endpoint } : token;
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    });
    const fails = async () => troubleOf(ask(connect('http://127.0.0.1:9', { issuer })));
    expect(await fails()).toMatchObject({ trouble: 'tls', reason: 'plainCredentials', of: 'token' });
    endpoint = `${issuer}/token`;
    expect(await fails()).toMatchObject({ trouble: 'protocol', reason: 'token' });
    token = { access_token: 'abc\r\nX-Evil: 1', token_type: 'Bearer' };
    expect(await fails()).toMatchObject({ trouble: 'protocol', reason: 'token' });
    token = { access_token: 'abc', token_type: 'mac' };
    expect(await fails()).toMatchObject({ trouble: 'protocol', reason: 'tokenType' });
    token = { access_token: 'abc', token_type: 'bearer', expires_in: 'soon' };
    expect(await fails()).toMatchObject({ trouble: 'protocol', reason: 'expiresIn' });
  });
});
