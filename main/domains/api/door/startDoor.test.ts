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
      if (call.secret.startsWith('good') && !call.admitted(call.secret)) return Promise.resolve(new Response('full'));
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
function raw(text: string, port = door.port, heard: () => void = () => undefined): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(text));
    let said = '';
    socket.on('data', (bytes) => {
      said += bytes.toString('latin1');
      heard();
    });
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

  it('answers what is no request of the web, and logs nothing of it', async () => {
    const say = (line: string, host = `127.0.0.1:${door.port}`) =>
      raw(`${line} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    for (const method of ['TRACE', 'PROPFIND', 'LOCK'])
      expect([method, await say(`${method} /api/v1/health`)]).toEqual([
        method,
        expect.stringMatching(/^HTTP\/1.1 405 /),
      ]);
    for (const host of ['127.0.0.1:99999', '[127.0.0.1]', '127.0.0.1:', '127.0.0.1:80:80'])
      expect([host, await say('GET /', host)]).toEqual([
        host,
        expect.stringMatching(host === '127.0.0.1:' ? /^HTTP\/1.1 (200|421) / : /^HTTP\/1.1 421 /),
      ]);
    for (const address of ['/\\evil.example/', '//[', '/\\['])
      expect([address, await say(`GET ${address}`)]).toEqual([address, expect.stringMatching(/^HTTP\/1.1 400 /)]);
    expect(logged).toEqual([]);
  });

  it('cuts the eldest of the same address first, and takes no more than so many at a time', async () => {
    const other = await startDoor({
      host: '127.0.0.1',
      port: 0,
      names: [],
      tls: null,
      log,
      limits: { ...requestLimits, unprovenPerAddress: 3, connectionBurst: 10, connectionsPerSecond: 0.001 },
      answer: () => Promise.resolve(new Response('here')),
    });
    try {
      const silent = Array.from({ length: 5 }, () => raw('', other.port));
      // Two of five give way while all are silent.
      await Promise.race([silent[0], silent[1]]);
      const all = Array.from({ length: 20 }, () => raw('', other.port));
      expect((await Promise.all(all.slice(10))).join('')).toBe('');
      await expect(ask({}, { port: other.port })).rejects.toMatchObject({ code: expect.stringMatching(/ECONN|EPIPE/) });
      await other.close();
      await Promise.all([...silent, ...all]);
    } finally {
      await other.close();
    }
  });

  it('holds so many connections of one token, and none when it ends', async () => {
    const other = await startDoor({
      host: '127.0.0.1',
      port: 0,
      names: [],
      tls: null,
      log,
      limits: { ...requestLimits, connectionsPerToken: 2 },
      answer(call) {
        if (!call.admitted(call.secret)) return Promise.resolve(new Response('full'));
        return call.request.url.endsWith('/never') ? new Promise(() => undefined) : Promise.resolve(new Response('ok'));
      },
    });
    const head = (path: string, secret: string) =>
      `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${other.port}\r\nAuthorization: Bearer ${secret}\r\n`;
    const full = () => raw(`${head('/', 'one')}Connection: close\r\n\r\n`, other.port);
    try {
      // An idle one gives way to the next; those at work do not.
      let heard: () => void = () => undefined;
      const answered = new Promise<void>((resolve) => {
        heard = resolve;
      });
      const idle = raw(`${head('/', 'one')}\r\n`, other.port, heard);
      await answered;
      const busy = [1, 2].map(() => raw(`${head('/never', 'one')}\r\n`, other.port));
      expect(await idle).toContain('\r\nok\r\n');
      await expect.poll(full, { timeout: 20_000 }).toContain('\r\nfull\r\n');
      expect(await raw(`${head('/', 'two')}Connection: close\r\n\r\n`, other.port)).toContain('\r\nok\r\n');
      const kept = raw(`${head('/', 'two')}\r\n`, other.port);
      other.endToken('one');
      expect(await Promise.all(busy)).toEqual(['', '']);
      expect(await full()).toContain('\r\nok\r\n');
      other.endToken('two');
      await kept;
    } finally {
      await other.close();
    }
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
    // Far longer than its grace would last: who says nothing is not waited for.
    const silent = Array.from({ length: 3 }, () => raw('GET / HTTP/1.1\r\n', other.port));
    await other.close();
    expect(await waiting).toBe('cut');
    expect(await Promise.all(silent)).toEqual(['', '', '']);
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
