import { Agent, createServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, createServer as createSocketServer, type Server } from 'node:net';
import { Duplex } from 'node:stream';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { StowObject } from '../../main/dicom/web/dicomweb.ts';
import { openWebConnection } from '../../main/dicom/web/webConnection.ts';
import { exchange } from '../../main/dicom/web/webExchange.ts';
import type { WebAuth, WebConnection, WebLimits } from '../../main/dicom/web/webPeer.ts';
import { makeAuthority } from './peers/madeCertificates.ts';
import { meetWebPeer, openClient, pieces, slices, storeAll, toStow, uids, webTroubleOf } from './peers/meetWebPeer.ts';

describe('TLS', () => {
  it.each([
    ['expiredCertificate', { trouble: 'tls', reason: 'expired', validToMs: Date.UTC(2020, 0, 1) }],
    ['wrongHostCertificate', { trouble: 'tls', reason: 'wrongName' }],
    ['clientCertificateRequired', { trouble: 'tls', reason: 'clientCertificate' }],
  ] as const)('%s: refused, and the reason said', async (behaviour, expected) => {
    const { peer, client } = await meetWebPeer(behaviour, { auth: { method: 'bearer', token: 'secret' } });
    expect(await webTroubleOf(client.probe())).toMatchObject(expected);
    expect(peer.requests).toEqual([]);
  });

  it('trusts the authority it was given and no other, and shows its own certificate where it is asked', async () => {
    const { peer, client } = await meetWebPeer('clientCertificateRequired', { trusts: false });
    expect(await webTroubleOf(client.probe())).toMatchObject({ trouble: 'tls', reason: 'unknownIssuer' });
    const known = openClient({
      baseUrl: peer.baseUrl,
      auth: { method: 'none' },
      tls: { ca: peer.ca, certificate: peer.client?.certificate ?? '', key: peer.client?.key ?? '' },
    });
    const probe = await known.probe();
    expect(probe).toMatchObject({ status: 200, certificate: { subject: 'server', issuer: 'Test Authority' } });
    expect(probe.certificate?.validToMs).toBeGreaterThan(Date.now());
    const broken = openClient({
      baseUrl: peer.baseUrl,
      auth: { method: 'none' },
      tls: { ca: peer.ca, certificate: peer.client?.certificate ?? '', key: 'no key' },
    });
    expect(await webTroubleOf(broken.probe())).toMatchObject({ trouble: 'tls', reason: 'ownCertificate' });
  });

  it('takes the name that it was told to expect in place of the address', async () => {
    const { peer } = await meetWebPeer('wrongHostCertificate');
    const client = openClient({
      baseUrl: peer.baseUrl,
      auth: { method: 'none' },
      tls: { ca: peer.ca, serverName: 'pacs.example' },
    });
    expect((await client.probe()).status).toBe(200);
  });

  it('has a certificate checked whatever the environment says, and asks a second time by the same name', async () => {
    const authority = makeAuthority();
    const { certificate, key } = authority.issue({ commonName: 'server', names: ['localhost'] });
    const names: string[] = [];
    const server = createTlsServer({
      ...{ cert: certificate, key },
      SNICallback: (name, done) => {
        names.push(name);
        done(null);
      },
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
    onTestFinished(() => new Promise((resolve) => void server.close(() => resolve())));
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
    onTestFinished(() => void vi.unstubAllEnvs());
    const { port } = server.address() as AddressInfo;
    const client = openClient({ baseUrl: `https://localhost:${port}`, auth: { method: 'bearer', token: 'secret' } });
    expect(await webTroubleOf(client.probe())).toMatchObject({ trouble: 'tls', subject: 'server' });
    expect(names).toEqual(['localhost', 'localhost']);
  });

  it('has no use for ciphers without authenticated encryption', async () => {
    const authority = makeAuthority();
    const { certificate, key } = authority.issue({ commonName: 'server', names: ['127.0.0.1'] });
    const ciphers = 'ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA';
    const weak = { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2', ciphers } as const;
    const server = createTlsServer({ cert: certificate, key, ...weak });
    server.on('request', (_request, response) => void response.writeHead(204).end());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
    onTestFinished(() => new Promise((resolve) => void server.close(() => resolve())));
    const { port } = server.address() as AddressInfo;
    const tls = { ca: authority.ca };
    const client = openClient({ baseUrl: `https://127.0.0.1:${port}`, auth: { method: 'none' }, tls });
    expect(await webTroubleOf(client.probe())).toMatchObject({ trouble: 'tls' });
  });

  it('knows a server without TLS from one with a bad certificate, and the other way round', async () => {
    const { peer: plain } = await meetWebPeer('good');
    const { peer: safe } = await meetWebPeer('good', { peer: { tls: true } });
    const open = (baseUrl: string) => {
      const client = openClient({ baseUrl, auth: { method: 'none' } });
      return client;
    };
    const overTls = open(plain.baseUrl.replace('http:', 'https:'));
    expect(await webTroubleOf(overTls.probe())).toMatchObject({ trouble: 'tls', reason: 'notTls' });
    expect(['protocol', 'unreachable', 'refused']).toContain(
      (await webTroubleOf(open(safe.baseUrl.replace('https:', 'http:')).probe())).trouble,
    );
  });
});

describe('the connection itself', () => {
  it('says that nobody listens, and gives up when told', async () => {
    const { peer, client } = await meetWebPeer('neverAnswers');
    const cut = new AbortController();
    const work = webTroubleOf(client.probe(cut.signal));
    await expect.poll(() => peer.requests.length, { timeout: 20_000 }).toBe(1);
    cut.abort();
    expect(await work).toEqual({ trouble: 'cancelled' });
    await peer.stop();
    expect(await webTroubleOf(client.probe())).toMatchObject({ trouble: 'unreachable', code: 'ECONNREFUSED' });
  });

  it('measures how far the clock of the peer is off', async () => {
    const { client, peer } = await meetWebPeer('clockSkew', { peer: { skewMs: -7_200_000 } });
    expect((await client.probe()).skewMs).toBeGreaterThan(-7_260_000);
    expect((await client.probe()).skewMs).toBeLessThan(-7_140_000);
    peer.become('good');
    expect(Math.abs((await client.probe()).skewMs ?? Number.NaN)).toBeLessThan(60_000);
  });

  it('shows credentials to whom they are for, and never over plain http to another machine', async () => {
    const wanted = `Basic ${Buffer.from('anna:pässword').toString('base64')}`;
    const auth = { method: 'basic', userName: 'anna', password: 'pässword' } as const;
    const { client } = await meetWebPeer('good', { peer: { authorization: wanted }, auth });
    expect((await client.probe()).status).toBe(200);
    const far = openClient({ baseUrl: 'http://pacs.example/dicom-web', auth });
    expect(await webTroubleOf(far.probe())).toEqual({ trouble: 'tls', reason: 'plainCredentials' });
    expect(() => openClient({ baseUrl: 'http://anna:pass@pacs.example/', auth })).toThrow(TypeError);
  });

  it('uses its connections again, and replaces those that the peer has closed meanwhile', async () => {
    const { peer, client } = await meetWebPeer('good', { web: { limits: { connections: 3 } } });
    for (let turn = 0; turn < 5; turn += 1) await client.probe();
    expect(peer.connections.made).toBe(1);
    await Promise.all(Array.from({ length: 9 }, () => client.probe()));
    expect(peer.connections.made).toBe(3);
    peer.dropIdle();
    expect((await storeAll(client)).every(({ outcome }) => outcome === 'stored')).toBe(true);
    peer.dropIdle();
    expect((await client.probe()).status).toBe(200);
  });

  it('goes on when the peer has recovered', async () => {
    const { peer, client } = await meetWebPeer('serverError', { peer: { recoversAfter: 1 } });
    expect(await webTroubleOf(storeAll(client))).toMatchObject({ trouble: 'serverError' });
    expect((await storeAll(client)).every(({ outcome }) => outcome === 'stored')).toBe(true);
    expect([...peer.kept.keys()]).toEqual(uids);
  });

  it('does not wait for ever for the last part of a body to be taken', async () => {
    // Takes one write and never says that it is done: what comes after it stays below the mark at which a writer waits.
    const stalled = new Duplex({ read: () => undefined, write: () => undefined, writableHighWaterMark: 1024 * 1024 });
    onTestFinished(() => void stalled.destroy());
    const agent = Object.assign(new Agent(), { createConnection: () => stalled });
    const times = { connectMs: 20_000, answerMs: 20_000, idleMs: 300, wholeMs: 0 };
    const body = { contentType: 'x/y', byteLength: 5000, open: () => pieces(Buffer.alloc(5000)) };
    const work = exchange({
      ...{ url: new URL('http://127.0.0.1:9/a'), agent, tls: {}, authorization: null, times, mayReopen: false },
      wish: { method: 'POST', path: 'a', body },
      limits: { headerBytes: 1024, bodyBytes: 1024, redirects: 0, connections: 1 } as WebLimits,
      signal: new AbortController().signal,
    });
    expect(await webTroubleOf(work)).toEqual({ trouble: 'timeout', during: 'write' });
  });

  it('escapes what a server refuses in a query, and leaves what some compare as it came', async () => {
    const urls: (string | undefined)[] = [];
    const server = createServer((request, response) => {
      urls.push(request.url);
      response.writeHead(200, { 'content-type': 'application/dicom+json' }).end('[]');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
    onTestFinished(() => new Promise((resolve) => void server.close(() => resolve())));
    const { port } = server.address() as AddressInfo;
    const client = openClient({ baseUrl: `http://127.0.0.1:${port}`, auth: { method: 'none' } });
    await client.search({ level: 'studies', match: { PatientName: 'DOE^J*', StudyTime: '10:00-11:00' } }).next();
    expect(urls.map((url) => /PatientName=[^&]*&StudyTime=[^&]*/.exec(url ?? '')?.[0])).toEqual([
      'PatientName=DOE%5EJ*&StudyTime=10:00-11:00',
      'PatientName=DOE*J*&StudyTime=10:00-11:00',
    ]);
  });

  it('passes on an error of the object it was reading, and sends no half object', async () => {
    const { peer, client } = await meetWebPeer('good');
    const failing: StowObject = {
      ...toStow(slices[0] as Buffer),
      open: async function* () {
        yield (slices[0] as Buffer).subarray(0, 100);
        throw new RangeError('the disk is gone');
      },
    };
    await expect(client.store([failing]).next()).rejects.toThrow(RangeError);
    const short = { ...toStow(slices[0] as Buffer), open: () => pieces((slices[0] as Buffer).subarray(0, 100)) };
    await expect(client.store([short]).next()).rejects.toThrow(TypeError);
    expect(peer.got).toEqual([]);
  });
});

describe('an answer', () => {
  async function listen(server: Server): Promise<string> {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
    onTestFinished(() => new Promise((resolve) => void server.close(() => resolve())));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/base/`;
  }
  function open(baseUrl: string, auth: WebAuth = { method: 'none' }, nowMs?: () => number): WebConnection {
    const connection = openWebConnection({ baseUrl, auth }, nowMs ? { nowMs } : {});
    onTestFinished(() => connection.close());
    return connection;
  }
  const startHttp = (answer: RequestListener) => listen(createServer(answer));

  it('is followed within its origin, with the credentials, and reads as one', async () => {
    const seen: string[] = [];
    const baseUrl = await startHttp((request, response) => {
      seen.push(`${request.url} ${request.headers.authorization}`);
      if (request.url === '/base/a?x=1,2') response.writeHead(302, { location: '../other/b?y=2' }).end();
      else response.writeHead(200, { 'x-two': ['1', '2'] }).end('done');
    });
    const connection = open(baseUrl, { method: 'bearer', token: 'T' });
    const answer = await connection.request({ method: 'GET', path: 'a', query: [['x', '1,2']] });
    expect(Buffer.from(await answer.bytes()).toString()).toBe('done');
    expect(answer.headers['x-two']).toBe('1, 2');
    expect(seen).toEqual(['/base/a?x=1,2 Bearer T', '/other/b?y=2 Bearer T']);
  });

  it.each([
    ['120', 120_000],
    ['Fri, 20 Nov 2026 12:00:30 GMT', 30_000],
    ['Fri, 20 Nov 2026 11:00:00 GMT', 0],
    ['99999999', 86_400_000],
    ['soon', undefined],
  ])('says when to come again: %s', async (header, retryAfterMs) => {
    const baseUrl = await startHttp(
      (_request, response) => void response.writeHead(429, { 'retry-after': header }).end(),
    );
    const work = open(baseUrl, { method: 'none' }, () => Date.UTC(2026, 10, 20, 12)).request({
      method: 'GET',
      path: '',
    });
    const { retryAfterMs: told, ...rest } = await webTroubleOf(work);
    expect(rest).toEqual({ trouble: 'busy', status: 429 });
    expect(told).toBe(retryAfterMs);
  });

  it.each([
    ['notHttp', 'SSH-2.0-OpenSSH_9.2\r\n'],
    ['notHttp', 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd'],
    ['contentEncoding', 'HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc'],
    ['incomplete', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc'],
    ['upgrade', 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'],
    ['tooLong', `HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n${'x'.repeat(2000)}`],
  ])('is refused where it is none: %s', async (reason, text) => {
    const server = createSocketServer((socket) => {
      socket.on('error', () => socket.destroy()).once('data', () => socket.end(text));
    });
    const connection = open(await listen(server));
    const work = connection.request({ method: 'GET', path: 'a' }).then((answer) => answer.bytes(1000));
    expect(await webTroubleOf(work)).toMatchObject({ trouble: 'protocol', reason });
  });

  it('is not asked for with a path that leads elsewhere', async () => {
    const connection = open('http://127.0.0.1:9/base');
    for (const path of ['../x', 'a/../../b', 'a?b', 'a#b', 'a\\b']) {
      await expect(connection.request({ method: 'GET', path })).rejects.toThrow(TypeError);
    }
  });
});
