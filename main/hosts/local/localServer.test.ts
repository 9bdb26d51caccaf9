import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import type { Channel } from '../../../app/shared/channel.ts';
import type { Core } from '../../startCore.ts';
import { proveEndpoint } from './endpointFile.ts';
import { bearerProtocol, type LocalServer, protocolName, startLocalServer } from './localServer.ts';

/** The server alone, over a core that only remembers: the rules of the door are what is tested here. */
function makeCore() {
  const seen = { assets: [] as { url: string; headers: string[]; connectionId: string }[], closed: [] as string[] };
  let count = 0;
  const core: Pick<Core, 'openConnection' | 'closeConnection' | 'connectChannel' | 'serveAsset'> = {
    openConnection() {
      count += 1;
      return `connection-${count}`;
    },
    closeConnection: (connectionId) => void seen.closed.push(connectionId),
    connectChannel: (channel: Channel, connectionId) =>
      channel.onFrame((frame) => void channel.send(`${connectionId}:${frame}`)),
    async serveAsset(request, connectionId) {
      if (new URL(request.url).pathname === '/imports/refused') return Response.json({ code: 'x' }, { status: 403 });
      seen.assets.push({ url: request.url, headers: [...request.headers.keys()], connectionId });
      const body = request.method === 'POST' ? await request.text() : 'pixels';
      return new Response(body, {
        headers: { 'content-type': 'application/octet-stream', 'cache-control': 'no-store' },
      });
    },
  };
  return { core: core as Core, seen };
}

let folder: string;
let server: LocalServer;
const { core, seen } = makeCore();
const logged: string[] = [];
let origin: string;

beforeAll(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'salus-page-'));
  const page = path.join(folder, 'page');
  mkdirSync(path.join(page, 'assets'), { recursive: true });
  writeFileSync(path.join(page, 'index.html'), '<!doctype html>');
  writeFileSync(path.join(page, 'assets', 'page.js'), 'export {};');
  writeFileSync(path.join(page, '.hidden.js'), 'no');
  writeFileSync(path.join(page, 'secret.db'), 'no');
  writeFileSync(path.join(folder, 'outside.js'), 'no');
  symlinkSync(path.join(folder, 'outside.js'), path.join(page, 'link.js'));
  const note = (line: string) => void logged.push(line);
  server = await startLocalServer({ core, log: { info: note, warn: note, error: note }, pageFolder: page, port: 0 });
  origin = `http://127.0.0.1:${server.port}`;
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

interface Reply {
  status: number;
  headers: http.IncomingHttpHeaders;
  body: string;
}

/** A raw request: unlike fetch it sends the path and the headers exactly as given. */
function ask(method: string, target: string, headers: Record<string, string> = {}, body?: string): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const request = http.request({ host: '127.0.0.1', port: server.port, method, path: target, headers }, (reply) => {
      let text = '';
      reply.setEncoding('utf8').on('data', (chunk) => {
        text += chunk;
      });
      reply.on('end', () => resolve({ status: reply.statusCode ?? 0, headers: reply.headers, body: text }));
    });
    request.on('error', reject);
    request.end(body);
  });
}

const json = { 'content-type': 'application/json' };
const tokenOf = (address: string) => new URL(address).hash.replace('#token=', '');
const exchange = (token: string, headers = {}) =>
  ask('POST', '/session/exchange', { ...json, ...headers }, JSON.stringify({ token }));
async function openWindow(): Promise<string> {
  return (JSON.parse((await exchange(tokenOf(server.newAddress()))).body) as { bearer: string }).bearer;
}

function openSocket(bearer: string, headers: Record<string, string> = {}, target = '/rpc', protocols?: string[]) {
  const socket = new WebSocket(
    `${origin.replace('http', 'ws')}${target}`,
    protocols ?? [protocolName, `${bearerProtocol}${bearer}`],
    { headers },
  );
  const opened = new Promise<WebSocket>((resolve, reject) => {
    socket.once('open', () => resolve(socket));
    socket.once('error', reject);
  });
  return { socket, opened };
}

describe('the door of the local host', () => {
  it('serves the page to anyone, with its policy, and keeps nothing', async () => {
    const reply = await ask('GET', '/');
    expect(reply).toMatchObject({ status: 200, body: '<!doctype html>' });
    expect(reply.headers).toMatchObject({
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-embedder-policy': 'require-corp',
      'referrer-policy': 'no-referrer',
    });
    const policy = reply.headers['content-security-policy'] ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).toMatch(/script-src 'self' 'wasm-unsafe-eval';/);
    expect(policy).toContain("frame-ancestors 'none'");
    expect((await ask('GET', '/assets/page.js')).headers['content-type']).toMatch(/^text\/javascript/);
    expect((await ask('HEAD', '/')).body).toBe('');
  });

  it.each([
    '/../outside.js',
    '/%2e%2e/outside.js',
    '/assets/..%2f..%2foutside.js',
    '/assets/%2e%2e/%2e%2e/outside.js',
    '/..%5coutside.js',
    '/link.js',
    '/.hidden.js',
    '/secret.db',
    '/assets//page.js',
    '/assets',
    '/index.html%00.js',
    '/%',
    '//evil.example/page.js',
    '/index.html/',
    '/C:/outside.js',
  ])('serves nothing at %s', async (target) => {
    expect((await ask('GET', target)).status).toBe(404);
  });

  it.each([
    ['another host name', { host: 'evil.example' }],
    ['a rebound name with the right port', { host: 'evil.example:PORT' }],
    ['another port', { host: '127.0.0.1:1' }],
    ['localhost', { host: 'localhost:PORT' }],
    ['another origin', { origin: 'http://evil.example' }],
    ['an opaque origin', { origin: 'null' }],
    ['a page of another port', { origin: 'http://127.0.0.1:1' }],
  ])('refuses %s, for the page, calls and assets', async (_name, given) => {
    const headers = Object.fromEntries(
      Object.entries<string>(given).map(([name, value]) => [name, value.replace('PORT', String(server.port))]),
    );
    const bearer = await openWindow();
    expect((await ask('GET', '/', headers)).status).toBe(403);
    expect((await ask('GET', '/dicomweb/studies', { ...headers, authorization: `Bearer ${bearer}` })).status).toBe(403);
    expect((await exchange(tokenOf(server.newAddress()), headers)).status).toBe(403);
    await expect(openSocket(bearer, headers).opened).rejects.toThrow(/403/);
  });

  it('exchanges a token once', async () => {
    const token = tokenOf(server.newAddress());
    const first = await exchange(token, { origin });
    expect(first.status).toBe(200);
    expect(first.headers['cache-control']).toBe('no-store');
    expect(first.headers['set-cookie']).toBeUndefined();
    expect((await exchange(token)).status).toBe(403);
    expect((await exchange('x'.repeat(43))).status).toBe(403);
    expect((await exchange(7 as never)).status).toBe(403);
    expect((await exchange('x'.repeat(5000))).status).toBe(403);
  });

  it('lets a short-lived address expire', async () => {
    const address = server.newAddress(5);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect((await exchange(tokenOf(address))).status).toBe(403);
  });

  it('takes JSON only, by POST only', async () => {
    const body = JSON.stringify({ token: tokenOf(server.newAddress()) });
    for (const type of ['application/x-www-form-urlencoded', 'text/plain', 'multipart/form-data; boundary=x', '']) {
      expect((await ask('POST', '/session/exchange', type ? { 'content-type': type } : {}, body)).status).toBe(415);
    }
    expect((await ask('GET', `/session/exchange?${body}`)).status).toBe(405);
    expect((await ask('POST', '/', json, body)).status).toBe(405);
  });

  it('gives a new address only for the token of the endpoint file', async () => {
    const bearer = await openWindow();
    const nonce = 'n'.repeat(43);
    const proof = proveEndpoint(server.endpointToken, 'program', nonce);
    const refused = [
      {},
      { nonce, proof: bearer },
      { nonce, proof: server.endpointToken },
      { nonce, proof: proof.replace(/./, 'é') },
      { nonce, proof: proveEndpoint(server.endpointToken, 'host', nonce) },
      { nonce: `${nonce}n`, proof },
    ];
    for (const body of refused) {
      expect((await ask('POST', '/session/new-address', json, JSON.stringify(body))).status).toBe(403);
    }
    const reply = await ask('POST', '/session/new-address', json, JSON.stringify({ nonce, proof }));
    const answer = JSON.parse(reply.body) as { address: string; proof: string };
    expect(answer.proof).toBe(proveEndpoint(server.endpointToken, 'host', `${nonce}|${answer.address}`));
    expect((await exchange(tokenOf(answer.address))).status).toBe(200);
    // It is no bearer: it opens neither assets nor the socket.
    expect((await ask('GET', '/dicomweb/studies', { authorization: `Bearer ${server.endpointToken}` })).status).toBe(
      401,
    );
    await expect(openSocket(server.endpointToken).opened).rejects.toThrow(/401/);
  });

  it('serves assets to a bearer, without handing it on, and streams uploads', async () => {
    expect((await ask('GET', '/dicomweb/studies')).status).toBe(401);
    expect((await ask('GET', '/dicomweb/studies', { cookie: 'bearer=x', authorization: 'Basic eDp5' })).status).toBe(
      401,
    );
    const bearer = await openWindow();
    const reply = await ask('GET', '/dicomweb/studies?limit=1', { authorization: `Bearer ${bearer}`, accept: '*/*' });
    expect(reply).toMatchObject({ status: 200, body: 'pixels' });
    expect(seen.assets.at(-1)).toMatchObject({ url: `${origin}/dicomweb/studies?limit=1` });
    expect(seen.assets.at(-1)?.headers).not.toContain('authorization');
    const upload = await ask('POST', '/imports/1/files', { authorization: `Bearer ${bearer}` }, 'x'.repeat(300_000));
    expect(upload.body).toHaveLength(300_000);
  });

  it('refuses an upload without reading it, and goes on serving that connection', async () => {
    const authorization = `Bearer ${await openWindow()}`;
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const send = (target: string, body: string) =>
      new Promise<number>((resolve, reject) => {
        const options = {
          host: '127.0.0.1',
          port: server.port,
          method: 'POST',
          path: target,
          headers: { authorization },
          agent,
        };
        const request = http.request(options, (reply) =>
          reply.resume().on('end', () => resolve(reply.statusCode ?? 0)),
        );
        request.on('error', reject).end(body);
      });
    const large = 'x'.repeat(5_000_000);
    expect(await send('/imports/refused', large)).toBe(403);
    expect(await send('/imports/1/files', large)).toBe(200);
    expect(await send('/imports/refused', large)).toBe(403);
    agent.destroy();
  });

  it('opens the socket for a bearer and does not repeat it', async () => {
    const bearer = await openWindow();
    const { opened } = openSocket(bearer, { origin });
    const socket = await opened;
    expect(socket.protocol).toBe(protocolName);
    const answer = new Promise((resolve) => socket.once('message', (data) => resolve(String(data))));
    socket.send('hello');
    expect(await answer).toMatch(/^connection-\d+:hello$/);
    socket.terminate();
  });

  it.each([
    ['no bearer', '', '/rpc', [protocolName]],
    ['a wrong bearer', 'x'.repeat(43), '/rpc', undefined],
    ['no protocol', '', '/rpc', []],
  ])('refuses a socket with %s', async (_name, bearer, target, protocols) => {
    await expect(openSocket(bearer, {}, target, protocols).opened).rejects.toThrow(/401/);
  });

  it('refuses a socket anywhere else, and any bearer in an address', async () => {
    const bearer = await openWindow();
    await expect(openSocket(bearer, {}, '/other').opened).rejects.toThrow(/403/);
    await expect(openSocket('', {}, `/rpc?bearer=${bearer}`, [protocolName]).opened).rejects.toThrow(/401/);
  });

  it('gives a window one socket: the newest', async () => {
    const bearer = await openWindow();
    const first = await openSocket(bearer).opened;
    const closed = new Promise((resolve) => first.once('close', (code) => resolve(code)));
    const second = await openSocket(bearer).opened;
    expect(await closed).toBe(4001);
    expect(second.readyState).toBe(WebSocket.OPEN);
    second.terminate();
  });

  it('ends a window when it says so, and its bearer with it', async () => {
    const bearer = await openWindow();
    const socket = await openSocket(bearer).opened;
    const closed = new Promise((resolve) => socket.once('close', (code) => resolve(code)));
    const authorization = `Bearer ${bearer}`;
    expect((await ask('POST', '/session/check', { ...json, authorization }, '{}')).status).toBe(200);
    expect((await ask('POST', '/session/end', { ...json, authorization }, '{}')).status).toBe(200);
    expect(await closed).toBe(4001);
    expect((await ask('POST', '/session/check', { ...json, authorization }, '{}')).status).toBe(403);
    expect((await ask('GET', '/dicomweb/studies', { authorization })).status).toBe(401);
    expect(seen.closed.length).toBeGreaterThan(0);
  });

  it('keeps a window through a reload, and ends it when its page does not come back', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const bearer = await openWindow();
      const connectionId = server.access.find(bearer) as string;
      const first = await openSocket(bearer).opened;
      first.terminate();
      await vi.waitFor(() => expect(server.access.openWindows).toBe(0));
      await vi.advanceTimersByTimeAsync(10_000);
      const second = await openSocket(bearer).opened;
      await vi.advanceTimersByTimeAsync(60_000);
      expect(server.access.find(bearer)).toBe(connectionId);
      second.terminate();
      await vi.waitFor(() => expect(server.access.openWindows).toBe(0));
      await vi.advanceTimersByTimeAsync(25_000);
      expect(server.access.find(bearer)).toBeUndefined();
      expect(seen.closed).toContain(connectionId);
    } finally {
      vi.useRealTimers();
    }
  });

  it('listens on 127.0.0.1 and nowhere else', async () => {
    const others = Object.values(os.networkInterfaces())
      .flat()
      .filter((address) => address && !address.internal && address.family === 'IPv4')
      .map((address) => address?.address);
    for (const host of [...others, '::1']) {
      await expect(
        new Promise((resolve, reject) => {
          http.get({ host, port: server.port, timeout: 1000 }, resolve).on('error', reject);
        }),
      ).rejects.toMatchObject({ code: expect.stringMatching(/ECONNREFUSED|EADDRNOTAVAIL|EAFNOSUPPORT|ENETUNREACH/) });
    }
  });

  it('logs neither tokens nor bearers', () => {
    expect(logged.length).toBeGreaterThan(0);
    expect(logged.join('\n')).not.toMatch(/[\w-]{40,}/);
  });
});
