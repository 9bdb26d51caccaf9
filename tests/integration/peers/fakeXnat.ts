import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readShelfObject, type ShelfObject } from './objectShelf.ts';

/**
 * Answers as XNAT 1.8 was recorded and is documented to answer, over real sockets; no more of XNAT than that. Objects
 * given to the import service wait in the prearchive, and get into the archive when asked, or by themselves.
 */
export type XnatBehaviour =
  /** Right in every way. */
  | 'good'
  /** Says where it put the object, and has none. */
  | 'drops'
  /** The same of every second one. */
  | 'dropsEverySecond'
  /** Keeps another content under the same identifiers. */
  | 'damages'
  /** An import filter: 200, and not a word. */
  | 'leavesOut'
  /** Puts objects where nobody asked for. */
  | 'otherProject'
  /** The sign-in page with the status 200 to everything but signing in. */
  | 'loginPage'
  /** Sent to the sign-in page. */
  | 'loginRedirect'
  /** Its words for people, with a page. */
  | { readonly answers: 400 | 403 | 404 | 409 | 500 | 503 }
  /** 409 to each object but the first: somebody else has the session. */
  | 'locksAfterFirst'
  /** To lists: */
  | 'noJson'
  | 'duplicateKeys'
  /** Archived sessions list no files. */
  | 'noFiles'
  /** Files are cut off half way. */
  | 'cutsFiles'
  /** Lists rows without the Study Instance UID. */
  | 'noUids'
  /** A session is over after two requests. */
  | 'forgetful'
  /** A session of the label is there already: it is not archived. */
  | 'labelTaken';

export interface FakeXnatOptions {
  /** The project's own setting: sessions leave the prearchive by themselves. */
  readonly autoArchives?: boolean;
  /** Files are listed under the SOP Instance UID of what they hold. */
  readonly namesByUid?: boolean;
}

export interface FakeXnat {
  readonly baseUrl: string;
  readonly password: string;
  behave(behaviour: XnatBehaviour): void;
  /** What was asked, as `GET /data/projects`. */
  readonly requests: readonly string[];
  readonly openSessions: number;
  readonly signIns: number;
  /** Objects that it truly has, wherever they lie. */
  readonly kept: readonly ShelfObject[];
  readonly archivedCount: number;
  /** Forms that the archive service was given. */
  readonly archiveForms: readonly URLSearchParams[];
  /** Puts objects straight into the archive. */
  hold(objects: readonly Uint8Array[]): void;
  /** A person archives what waits. */
  archiveAll(): void;
  stop(): Promise<void>;
}

interface Session {
  readonly studyUid: string;
  status: string;
  isArchived: boolean;
  readonly objects: ShelfObject[];
}

const project = 'TRIAL';
const user = { name: 'anna', password: 'secret' };
const page = '<!DOCTYPE html><html><head><title>XNAT</title></head><body><form id="login_form"></form></body></html>';

export async function startFakeXnat(options: FakeXnatOptions = {}): Promise<FakeXnat> {
  const requests: string[] = [];
  const sessions: Session[] = [];
  const open = new Map<string, number>();
  const archiveForms: URLSearchParams[] = [];
  let behaviour: XnatBehaviour = 'good';
  let signIns = 0;
  let taken = 0;

  const labelOf = ({ studyUid }: Session) => `S_${studyUid.replaceAll('.', '_')}`;
  const placeOf = (session: Session) => `/prearchive/projects/${project}/20261120_101112/${labelOf(session)}`;
  const findArchived = (id: string | undefined) => sessions.find((one) => one.isArchived && `E_${labelOf(one)}` === id);

  function archive(session: Session): void {
    const there = sessions.find((one) => one !== session && one.isArchived && one.studyUid === session.studyUid);
    session.isArchived = there === undefined;
    if (!there) return;
    for (const object of session.objects) keep(there, object);
    sessions.splice(sessions.indexOf(session), 1);
  }

  function keep(session: Session, object: ShelfObject): void {
    const at = session.objects.findIndex(({ sopInstanceUid }) => sopInstanceUid === object.sopInstanceUid);
    if (at >= 0) session.objects.splice(at, 1, object);
    else session.objects.push(object);
  }

  function takeObject(body: Buffer): string {
    const object = readShelfObject(body);
    const { studyUid } = object;
    let session = sessions.find((one) => !one.isArchived && one.studyUid === studyUid);
    if (!session) {
      session = { studyUid, status: 'RECEIVING', isArchived: false, objects: [] };
      sessions.push(session);
    }
    const bytes = Buffer.from(body);
    if (behaviour === 'damages') bytes.writeUInt8((bytes.at(-1) ?? 0) ^ 0xff, bytes.length - 1);
    taken += 1;
    const isDropped = behaviour === 'drops' || (behaviour === 'dropsEverySecond' && taken % 2 === 0);
    if (!isDropped) keep(session, { ...object, bytes });
    return placeOf(session);
  }

  /** The rows of a list, or null where there is none. */
  function listOf(path: string): object[] | null {
    const archived = sessions.filter(({ isArchived }) => isArchived);
    if (path === '/data/projects') return [{ ID: project, name: 'A trial' }];
    if (path === `/data/projects/${project}/experiments`)
      return archived.map((one) => ({
        ID: `E_${labelOf(one)}`,
        label: labelOf(one),
        project,
        subject_label: 'SUBJECT_1',
        date: '2026-11-20',
        time: '10:11:12',
        xsiType: 'xnat:mrSessionData',
        ...(behaviour === 'noUids' ? {} : { UID: one.studyUid }),
        modality: 'MR',
        dcmPatientName: 'Löwe^Anna',
        'xnat:imagesessiondata/dcmpatientid': 'P-77',
        dcmAccessionNumber: 'A-5',
      }));
    if (path === `/data/prearchive/projects/${project}`) {
      const rows = sessions
        .filter(({ isArchived }) => !isArchived)
        .map((one) => ({ url: placeOf(one), project, name: labelOf(one), status: one.status, tag: one.studyUid }));
      for (const one of sessions.filter(({ isArchived }) => !isArchived)) {
        // The next look finds it further on.
        if (one.status === 'READY' && options.autoArchives) archive(one);
        else if (one.status === 'RECEIVING') one.status = 'READY';
      }
      return rows;
    }
    const [, id, rest] = /^\/data\/experiments\/([^/]+)\/(scans|scans\/ALL\/files)$/.exec(path) ?? [];
    const session = findArchived(id);
    if (!session) return null;
    const series = [...new Set(session.objects.map(({ seriesUid }) => seriesUid))];
    if (rest === 'scans')
      return series.map((seriesUid, index) => ({
        ID: String(index + 1),
        UID: seriesUid,
        type: 'T1',
        series_description: 'T1 axial',
        xsiType: 'xnat:mrScanData',
      }));
    if (behaviour === 'noFiles') return [];
    return session.objects.map((object, index) => ({
      Name: options.namesByUid ? `${object.sopInstanceUid}.dcm` : `${index} a.dcm`,
      Size: String(object.bytes.length),
      collection: 'DICOM',
      URI: `/data/experiments/${id}/scans/${series.indexOf(object.seriesUid) + 1}/resources/9/files/${index}%20a.dcm`,
    }));
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://xnat');
    const path = decodeURIComponent(url.pathname).replace(/^\/xnat/, '');
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    requests.push(`${request.method} ${path}`);
    const say = (status: number, type: string, content: string | Buffer) =>
      void response.writeHead(status, { 'content-type': type }).end(content);
    if (path === '/app/template/Login.vm') return say(200, 'text/html;charset=UTF-8', page);
    if (path === '/data/JSESSION' && request.method === 'POST') {
      const basic = `Basic ${Buffer.from(`${user.name}:${user.password}`).toString('base64')}`;
      if (request.headers.authorization !== basic) return say(401, 'text/html', page);
      signIns += 1;
      open.set(`SESSION${signIns}ABCDEF`, 0);
      return say(200, 'text/plain', `SESSION${signIns}ABCDEF`);
    }
    const cookie = /JSESSIONID=(\w+)/.exec(request.headers.cookie ?? '')?.[1] ?? '';
    const used = open.get(cookie);
    if (used === undefined || (behaviour === 'forgetful' && used >= 2)) {
      open.delete(cookie);
      return say(401, 'text/html', page);
    }
    open.set(cookie, used + 1);
    if (request.method === 'DELETE') {
      open.delete(cookie);
      return say(200, 'text/plain', '');
    }
    if (behaviour === 'loginPage') return say(200, 'text/html;charset=UTF-8', page);
    if (behaviour === 'loginRedirect')
      return void response.writeHead(302, { location: '/xnat/app/template/Login.vm' }).end();
    if (request.method === 'POST') return answerPost(path, url.searchParams, body, say);
    const file = /^\/data\/experiments\/([^/]+)\/scans\/[^/]+\/resources\/9\/files\/(\d+) a\.dcm$/.exec(path);
    const object = findArchived(file?.[1])?.objects[Number(file?.[2])];
    if (object && behaviour === 'cutsFiles') {
      response.writeHead(200, { 'content-type': 'application/dicom', 'content-length': object.bytes.length });
      response.write(object.bytes.subarray(0, object.bytes.length >> 1));
      return void setImmediate(() => response.destroy());
    }
    if (object) return say(200, 'application/dicom', object.bytes);
    const rows = listOf(path);
    if (!rows) return say(404, 'text/html', page);
    if (behaviour === 'noJson') return say(200, 'application/json', '{"ResultSet":{"Result":[');
    const json = JSON.stringify({ ResultSet: { Result: rows, totalRecords: String(rows.length) } });
    const twice = json.replace('"Result":', '"Result":[],"Result":');
    say(200, 'application/json;charset=UTF-8', behaviour === 'duplicateKeys' ? twice : json);
  }

  function answerPost(
    path: string,
    query: URLSearchParams,
    body: Buffer,
    say: (status: number, type: string, content: string) => void,
  ): undefined {
    if (typeof behaviour === 'object') return void say(behaviour.answers, 'text/html', page);
    if (path === '/data/services/import') {
      if (query.get('import-handler') !== 'gradual-DICOM' || query.get('inbody') !== 'true')
        return void say(400, 'text/html', page);
      if (behaviour === 'leavesOut') return void say(200, 'text/plain', '');
      if (behaviour === 'locksAfterFirst' && taken > 0) return void say(409, 'text/html', page);
      const place = takeObject(body);
      const isElsewhere = behaviour === 'otherProject';
      return void say(200, 'text/plain', `/data${isElsewhere ? place.replace(project, 'Unassigned') : place}`);
    }
    if (path === '/data/services/archive') {
      const form = new URLSearchParams(body.toString('utf8'));
      archiveForms.push(form);
      const session = sessions.find((one) => !one.isArchived && placeOf(one) === form.get('src'));
      if (!session) return void say(404, 'text/html', page);
      const isThere = sessions.some((one) => one.isArchived && labelOf(one) === labelOf(session));
      if (behaviour === 'labelTaken' || (isThere && form.get('overwrite') !== 'append')) {
        session.status = 'CONFLICT';
        return void say(409, 'text/html', page);
      }
      archive(session);
      return void say(200, 'text/plain', `/data/archive/projects/${project}/subjects/S/experiments/S`);
    }
    return void say(404, 'text/html', page);
  }

  function archiveAll(): void {
    for (const session of sessions.filter(({ isArchived }) => !isArchived)) archive(session);
  }

  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/xnat`,
    password: user.password,
    behave: (next) => {
      behaviour = next;
    },
    requests,
    get openSessions() {
      return open.size;
    },
    get signIns() {
      return signIns;
    },
    get kept() {
      return sessions.flatMap(({ objects }) => objects);
    },
    get archivedCount() {
      return sessions.filter(({ isArchived }) => isArchived).length;
    },
    archiveForms,
    hold(objects) {
      for (const bytes of objects) takeObject(Buffer.from(bytes));
      archiveAll();
    },
    archiveAll,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
