import { request } from 'node:http';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RequestLimits, requestLimits } from './requestLimits.ts';
import { type Door, type IncomingCall, startDoor } from './startDoor.ts';

const seen: IncomingCall[] = [];
const logged: unknown[] = [];
const log = { info: () => undefined, warn: () => undefined, error: (...said: unknown[]) => void logged.push(said) };
let door: Door;
/** One whose patience is short, for who tries it. */
let hasty: Door;
const open = (limits: Partial<RequestLimits>) =>
  startDoor({
    host: '127.0.0.1',
    port: 0,
    names: ['archive.example'],
    tls: null,
    log,
    limits: { ...requestLimits, ...limits },
    answer(call) {
      seen.push(call);
      if (call.secret === 'good') call.admitted();
      if (call.request.url.endsWith('/never')) return new Promise(() => undefined);
      return Promise.resolve(Response.json({ path: new URL(call.request.url).pathname }));
    },
  });
beforeAll(async () => {
  door = await open({});
  hasty = await open({ unprovenSockets: 4, headersMs: 300, unprovenRequestMs: 600, checkMs: 50 });
});
afterAll(() => Promise.all([door.close(), hasty.close()]));

function ask(
  headers: Record<string, string | string[]> = {},
  given: object = {},
): Promise<{ status: number; code: string; body: string }> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port: door.port, path: '/api/v1/health', agent: false as const, ...given };
    request({ ...options, headers }, (answer) => {
      let body = '';
      answer.setEncoding('utf8');
      answer.on('data', (text: string) => (body += text));
      answer.on('end', () => {
        const { code = '' } = (body.startsWith('{') ? JSON.parse(body) : {}) as { code?: string };
        resolve({ status: answer.statusCode ?? 0, code, body });
      });
    })
      .on('error', reject)
      .end();
  });
}

/** What comes back on a bare socket until it is closed. */
function raw(text: string, port = door.port): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(text));
    let said = '';
    socket.on('data', (bytes) => (said += bytes.toString('latin1')));
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(said));
  });
}

describe('the door for other programs', { timeout: 30_000 }, () => {
  it('answers to its own address and its given names, and to no other', async () => {
    for (const host of [`127.0.0.1:${door.port}`, `localhost:${door.port}`, 'ARCHIVE.example', 'archive.example:443'])
      expect([host, (await ask({ host })).status]).toEqual([host, 200]);
    for (const host of ['evil.example', 'archive.example.evil.org', '127.0.0.2', 'a@127.0.0.1', '127.0.0.1/x', ' '])
      expect([host, (await ask({ host })).code]).toEqual([host, 'api.wrongHost']);
  });

  it('turns a page of a browser away, wherever it comes from', async () => {
    for (const origin of ['https://evil.example', `http://127.0.0.1:${door.port}`, 'null'])
      expect(await ask({ origin })).toMatchObject({ status: 403, code: 'api.pageRefused' });
  });

  it('gives routes no credentials, and HEAD no body', async () => {
    await ask({ authorization: 'Bearer good', cookie: 'a=b' });
    const call = seen.at(-1);
    expect(call?.secret).toBe('good');
    expect([call?.request.headers.get('authorization'), call?.request.headers.get('cookie')]).toEqual([null, null]);
    expect(await ask({}, { method: 'HEAD' })).toMatchObject({ status: 200, body: '' });
    expect(seen.at(-1)?.request.method).toBe('GET');
  });

  it('takes a token from nowhere but the header', async () => {
    await ask({ authorization: 'Basic Z29vZA==' }, { path: '/api/v1/studies?token=good&access_token=good' });
    expect(seen.at(-1)?.secret).toBe('');
  });

  it('refuses addresses that lead elsewhere or nowhere', async () => {
    expect(await ask({}, { path: `/${'a'.repeat(5000)}` })).toMatchObject({ status: 414, code: 'api.addressTooLong' });
    for (const path of ['//evil.example/', 'http://evil.example/', '*'])
      expect([path, (await ask({}, { path })).code]).toEqual([path, 'system.invalidInput']);
    // What climbs is flattened before anything looks at it.
    expect((await ask({}, { path: '/api/v1/../../etc/passwd' })).body).toContain('"/etc/passwd"');
  });

  it('takes no header without end, no CONNECT and no Upgrade', async () => {
    const head = `GET / HTTP/1.1\r\nHost: 127.0.0.1:${door.port}\r\n`;
    expect(await raw(`${head}X: ${'y'.repeat(20_000)}\r\n\r\n`)).toMatch(/^HTTP\/1.1 431 /);
    expect(await raw(`${head}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n`)).toMatch(/^HTTP\/1.1 405 /);
    expect(await raw('CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example\r\n\r\n')).toMatch(/^HTTP\/1.1 405 /);
    expect(await raw('no words of HTTP\r\n\r\n')).toMatch(/^HTTP\/1.1 400 /);
  });

  it('cuts who sends a header by drops, who waits without a token, and the eldest of too many', async () => {
    const { port } = hasty;
    const head = `GET /never HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n`;
    // None of these ends by itself: the promise of `raw` settles because the door cuts the connection.
    expect(await raw(`${head}X:`, port)).toMatch(/^(HTTP\/1.1 408 .*)?$/s);
    expect(await raw(`${head}\r\n`, port)).toBe('');
    const many = Array.from({ length: 12 }, () => raw(head, port));
    await expect
      .poll(async () => (await ask({}, { port }).catch(() => ({ status: 0 }))).status, { timeout: 20_000 })
      .toBe(200);
    await Promise.all(many);
  });

  it('closes in time though somebody waits', async () => {
    const other = await startDoor({
      host: '127.0.0.1',
      port: 0,
      names: [],
      tls: null,
      log,
      limits: { ...requestLimits, closeGraceMs: 100 },
      answer: () => new Promise(() => undefined),
    });
    const waiting = fetch(`http://127.0.0.1:${other.port}/`).then(
      () => 'answered',
      () => 'cut',
    );
    await expect.poll(() => fetchable(other.port), { timeout: 20_000 }).toBe(true);
    await other.close();
    expect(await waiting).toBe('cut');
    expect(logged).toEqual([]);
  });
});

/** Whether a connection is taken. */
function fetchable(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}
