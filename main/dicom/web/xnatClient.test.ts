import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type WebAuth, WebError } from './webPeer.ts';
import { openXnatClient, type XnatClient } from './xnatClient.ts';

/** Answers as XNAT's documentation describes them; no more of XNAT than that. */
class DocumentedXnat {
  readonly sessions = new Set<string>();
  readonly requests: string[] = [];
  readonly imported: { query: URLSearchParams; type: string; body: Buffer }[] = [];
  archived: string[] = [];
  signIns = 0;
  /** What the next list is answered with instead. */
  instead: { type: string; body: string } | null = null;

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://xnat');
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    this.requests.push(`${request.method} ${url.pathname}`);
    const say = (status: number, type: string, content: string) =>
      void response.writeHead(status, { 'content-type': type }).end(content);
    const rows = (result: object[]) =>
      say(
        200,
        'application/json',
        JSON.stringify({ ResultSet: { Result: result, totalRecords: String(result.length) } }),
      );
    const basic = `Basic ${Buffer.from('anna:secret').toString('base64')}`;
    if (url.pathname === '/xnat/data/JSESSION' && request.method === 'POST') {
      if (request.headers.authorization !== basic) return say(401, 'text/html', 'no');
      this.signIns += 1;
      const session = `SESSION${this.signIns}ABCDEF`;
      this.sessions.add(session);
      return say(200, 'text/plain', session);
    }
    const session = /JSESSIONID=(\w+)/.exec(request.headers.cookie ?? '')?.[1] ?? '';
    if (!this.sessions.has(session) || request.headers.authorization) return say(401, 'text/html', 'no');
    if (request.method === 'DELETE') {
      this.sessions.delete(session);
      return say(200, 'text/plain', '');
    }
    if (this.instead) return say(200, this.instead.type, this.instead.body);
    switch (`${request.method} ${url.pathname}`) {
      case 'GET /xnat/data/projects':
        return rows([{ ID: 'TRIAL', name: 'A trial', pi_lastname: 'X' }]);
      case 'GET /xnat/data/projects/TRIAL/subjects':
        return rows([{ ID: 'XNAT_S1', label: 'Sübject 1', project: 'TRIAL' }]);
      case 'GET /xnat/data/projects/TRIAL/experiments':
        return rows([
          {
            ID: 'XNAT_E1',
            label: 'S1_MR1',
            project: 'TRIAL',
            subject_label: 'Sübject 1',
            date: '2026-11-20',
            xsiType: 'xnat:mrSessionData',
            UID: '1.2.3',
          },
        ]);
      case 'GET /xnat/data/experiments/XNAT_E1/scans':
        return rows([
          {
            ID: '1',
            type: 'T1',
            series_description: 'T1 axial',
            xsiType: 'xnat:mrScanData',
            xnat_imagescandata_id: 7,
            // As some versions call a column: by its whole path.
            'xnat:imagescandata/uid': '1.2.3.4',
          },
        ]);
      case 'GET /xnat/data/experiments/XNAT_E1/scans/ALL/files':
        return rows([
          {
            Name: '1 a.dcm',
            Size: '132',
            collection: 'DICOM',
            URI: '/data/experiments/XNAT_E1/scans/1/resources/9/files/1%20a.dcm',
          },
        ]);
      case 'GET /xnat/data/experiments/XNAT_E1/scans/1/resources/9/files/1%20a.dcm':
        return say(200, 'application/dicom', 'x'.repeat(132));
      case 'GET /xnat/data/prearchive/projects/TRIAL':
        return rows([
          {
            url: '/prearchive/projects/TRIAL/20261120_101112/S1',
            project: 'TRIAL',
            status: 'READY',
            tag: '1.2.3',
            name: 'S1',
          },
        ]);
      case 'POST /xnat/data/services/import':
        this.imported.push({ query: url.searchParams, type: request.headers['content-type'] ?? '', body });
        return say(200, 'text/plain', '/data/prearchive/projects/TRIAL/20261120_101112/S1\r\n');
      case 'POST /xnat/data/services/archive':
        this.archived = [...new URLSearchParams(body.toString('utf8')).entries()].map((entry) => entry.join('='));
        return say(200, 'text/plain', '/data/archive/projects/TRIAL/subjects/S/experiments/S1\r\n');
      default:
        return say(404, 'text/html', 'no such thing');
    }
  }
}

describe('XNAT, as it is documented', () => {
  let xnat = new DocumentedXnat();
  let server: Server;
  let baseUrl = '';
  const clients: XnatClient[] = [];

  beforeAll(async () => {
    server = createServer((request, response) => void xnat.answer(request, response));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
    baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/xnat/`;
  });
  beforeEach(() => {
    xnat = new DocumentedXnat();
  });
  afterAll(async () => {
    for (const client of clients) await client.close();
    await new Promise((resolve) => server.close(resolve));
  });

  const open = (auth: WebAuth = { method: 'basic', userName: 'anna', password: 'secret' }) => {
    const client = openXnatClient({ baseUrl, auth });
    clients.push(client);
    return client;
  };
  const bytes = (length: number) => ({
    byteLength: length,
    open: async function* () {
      yield Buffer.alloc(length, 1);
    },
  });

  it('gives up a sign-in that is never answered, when told and when it closes', async () => {
    const silent = createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', () => resolve()));
    const client = openXnatClient({
      baseUrl: `http://127.0.0.1:${(silent.address() as AddressInfo).port}`,
      auth: { method: 'basic', userName: 'anna', password: 'secret' },
    });
    try {
      const told = new AbortController();
      const asked = once(silent, 'request');
      const work = expect(client.projects(told.signal)).rejects.toMatchObject({ trouble: 'cancelled' });
      await asked;
      told.abort();
      await work;
      const waiting = expect(client.projects()).rejects.toMatchObject({ trouble: 'cancelled' });
      // The sign-in alone would be waited for a minute.
      await client.close();
      await waiting;
    } finally {
      silent.closeAllConnections();
      await new Promise((resolve) => silent.close(resolve));
    }
  }, 30_000);

  it('signs in once, reads its lists, and signs out', async () => {
    const client = open();
    const [projects, sessions, scans] = await Promise.all([
      client.projects(),
      client.sessions('TRIAL'),
      client.scans('XNAT_E1'),
    ]);
    expect(projects).toEqual([{ projectId: 'TRIAL', name: 'A trial' }]);
    expect(sessions[0]).toMatchObject({
      experimentId: 'XNAT_E1',
      label: 'S1_MR1',
      studyUid: '1.2.3',
      date: '2026-11-20',
    });
    expect(scans).toEqual([
      {
        scanId: '1',
        type: 'T1',
        seriesDescription: 'T1 axial',
        xsiType: 'xnat:mrScanData',
        modality: '',
        seriesUid: '1.2.3.4',
      },
    ]);
    expect((await client.probe()).skewMs).not.toBeNull();
    expect(xnat.signIns).toBe(1);
    await client.close();
    expect(xnat.sessions.size).toBe(0);
  });

  it('begins a new session where XNAT has ended the old one, and says when the password is wrong', async () => {
    const client = open();
    await client.projects();
    xnat.sessions.clear();
    expect(await client.projects()).toHaveLength(1);
    expect(xnat.signIns).toBe(2);
    await expect(open({ method: 'basic', userName: 'anna', password: 'wrong' }).projects()).rejects.toMatchObject({
      trouble: 'unauthorized',
    });
    await expect(open({ method: 'none' }).projects()).rejects.toMatchObject({ trouble: 'unauthorized' });
  });

  it('gives objects to the import service, and says where XNAT put them', async () => {
    const client = open();
    const places = await client.import({ projectId: 'TRIAL', ...bytes(200) });
    expect(places).toEqual(['/prearchive/projects/TRIAL/20261120_101112/S1']);
    expect(xnat.imported.map(({ query, type, body }) => [Object.fromEntries(query), type, body.length])).toEqual([
      [
        {
          inbody: 'true',
          'import-handler': 'gradual-DICOM',
          PROJECT_ID: 'TRIAL',
          dest: '/prearchive/projects/TRIAL',
          overwrite: 'append',
          rename: 'true',
        },
        'application/dicom',
        200,
      ],
    ]);
    const [waiting] = await client.prearchived('TRIAL');
    expect(waiting).toEqual({
      source: places[0],
      projectId: 'TRIAL',
      label: 'S1',
      status: 'READY',
      studyUid: '1.2.3',
    });
    const archived = ['/archive/projects/TRIAL/subjects/S/experiments/S1'];
    expect(await client.archive(waiting?.source ?? '', true)).toEqual(archived);
    expect(xnat.archived).toEqual([`src=${places[0]}`, 'overwrite=append']);
    await client.archive(waiting?.source ?? '', false);
    expect(xnat.archived).toEqual([`src=${places[0]}`]);
  });

  it('takes a page for people, whatever its status, for no answer, after one more sign-in', async () => {
    const client = open();
    await client.projects();
    xnat.instead = { type: 'text/html;charset=UTF-8', body: '<form>/archive/projects/TRIAL/x</form>' };
    const page = { trouble: 'protocol', details: { reason: 'page' } };
    await expect(client.projects()).rejects.toMatchObject(page);
    expect(xnat.signIns).toBe(2);
    await expect(client.import({ projectId: 'TRIAL', ...bytes(20) })).rejects.toMatchObject(page);
    expect(xnat.imported).toEqual([]);
  });

  it('gives back the files of a session', async () => {
    const client = open();
    const [file] = await client.files('XNAT_E1');
    expect(file).toMatchObject({ name: '1 a.dcm', scanId: '1', bytes: 132, collection: 'DICOM' });
    let length = 0;
    if (file) for await (const chunk of await client.retrieve(file)) length += chunk.length;
    expect(length).toBe(132);
  });

  it.each([
    ['page', 'text/html', '<p>sign in</p>'],
    ['contentType', 'text/plain', ''],
    ['shape', 'application/json', '{"ResultSet":[]}'],
    ['shape', 'application/json', '{"ResultSet":{"Result":[1]}}'],
    ['json', 'application/json', '{'],
    ['duplicateKey', 'application/json', '{"ResultSet":{"Result":[{"ID":"a","ID":"b"}]}}'],
  ])('refuses what is no list: %s', async (reason, type, body) => {
    xnat.instead = { type, body };
    const error = await open()
      .projects()
      .catch((problem: unknown) => problem);
    expect(error).toBeInstanceOf(WebError);
    expect((error as WebError).details.reason).toBe(reason);
  });

  it.each(['http://elsewhere/data/x', '/data/../admin', '/other/x', '//elsewhere/data', '/data/a%2F..%2Fb/%E0%A4%A'])(
    'does not fetch from %s',
    async (address) => {
      const client = open();
      const file = { Name: 'x', Size: '1', collection: 'DICOM', URI: address };
      xnat.instead = { type: 'application/json', body: JSON.stringify({ ResultSet: { Result: [file] } }) };
      await expect(client.files('XNAT_E1')).rejects.toMatchObject({ details: { reason: 'address' } });
    },
  );
});
