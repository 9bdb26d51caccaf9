import { parseMediaType } from './mediaType.ts';
import { unlessAborted } from './unlessAborted.ts';
import { openWebConnection } from './webConnection.ts';
import {
  type PeerCertificate,
  type WebAnswer,
  type WebBody,
  type WebConnection,
  WebError,
  type WebOptions,
  type WebPeer,
  type WebRequest,
} from './webPeer.ts';
import { filePath, part, type Row, rowsOf, scanIdOf, text } from './xnatRows.ts';

export interface XnatProject {
  readonly projectId: string;
  readonly name: string;
}

/** An imaging session: XNAT's word for what is a study elsewhere. */
export interface XnatSession {
  readonly experimentId: string;
  readonly label: string;
  readonly projectId: string;
  readonly subjectLabel: string;
  /** `2026-11-20`, or empty. */
  readonly date: string;
  /** `10:11:12`, or empty. */
  readonly time: string;
  readonly xsiType: string;
  /** Study Instance UID; empty where XNAT has none. */
  readonly studyUid: string;
  readonly modality: string;
  /** As the objects had them when XNAT took them in; a site may keep its subjects under other names and numbers. */
  readonly patientName: string;
  readonly patientId: string;
  readonly accessionNumber: string;
}

export interface XnatScan {
  readonly scanId: string;
  readonly type: string;
  readonly seriesDescription: string;
  readonly xsiType: string;
  readonly modality: string;
  /** Series Instance UID; empty where XNAT has none. */
  readonly seriesUid: string;
}

/** One file of a session. */
export interface XnatFile {
  readonly name: string;
  /** Of the scan it belongs to; empty where its address names none. */
  readonly scanId: string;
  readonly bytes: number | null;
  /** `DICOM` for original objects. */
  readonly collection: string;
  /** Below the base URL, as `retrieve` takes it. */
  readonly path: string;
}

/** A session that waits before the archive. */
export interface PrearchivedSession {
  /** `/prearchive/projects/P/20261120_101112/S`: what `archive` takes. */
  readonly source: string;
  readonly projectId: string;
  /** What it will be called in the archive. */
  readonly label: string;
  /** `RECEIVING`, `READY`, `CONFLICT` … */
  readonly status: string;
  readonly studyUid: string;
}

export interface XnatProbe {
  readonly tookMs: number;
  readonly skewMs: number | null;
  readonly certificate: PeerCertificate | null;
}

/** XNAT's REST interface. All throw WebError. */
export interface XnatClient {
  /** Signs in, and reads the list of projects. */
  probe(signal?: AbortSignal): Promise<XnatProbe>;
  projects(signal?: AbortSignal): Promise<XnatProject[]>;
  sessions(projectId: string, signal?: AbortSignal): Promise<XnatSession[]>;
  scans(experimentId: string, signal?: AbortSignal): Promise<XnatScan[]>;
  files(experimentId: string, signal?: AbortSignal): Promise<XnatFile[]>;
  retrieve(file: XnatFile, signal?: AbortSignal): Promise<AsyncIterable<Uint8Array>>;
  /**
   * Gives one object to XNAT's import service (`gradual-DICOM`), into the prearchive.
   * @returns where XNAT says it put it; empty when it left it out, as its import filters make it do. No proof: see `files`
   */
  import(input: XnatImport, signal?: AbortSignal): Promise<string[]>;
  prearchived(projectId: string, signal?: AbortSignal): Promise<PrearchivedSession[]>;
  /**
   * Moves a session from the prearchive into the archive.
   * @param appends adds to an archived session of the same label; else XNAT refuses where there is one
   * @returns where XNAT says it is now
   */
  archive(source: string, appends: boolean, signal?: AbortSignal): Promise<string[]>;
  /** Signs out as far as it can, and ends every connection. Never throws. */
  close(): Promise<void>;
}

export interface XnatImport {
  /** Subject and session are as XNAT reads them from the object. */
  readonly projectId: string;
  readonly byteLength: number | null;
  open(): AsyncIterable<Uint8Array>;
}

const longestText = 1024 * 1024;
const signOutMs = 3_000;
/** What DICOM has a place for. */
const sessionColumns = [
  ...['ID', 'label', 'project', 'subject_label', 'date', 'time', 'xsiType', 'UID', 'modality'],
  ...['dcmPatientName', 'dcmAccessionNumber', 'xnat:imageSessionData/dcmPatientId'],
].join(',');
const scanColumns = 'ID,UID,type,series_description,modality,xsiType';

/**
 * A client of one XNAT. No real XNAT could be run here: what it says and understands is taken from XNAT's public
 * documentation. With a name and a password it signs in once and then shows the session's cookie; a session that
 * XNAT has ended meanwhile is begun anew.
 * @throws TypeError when the base URL is none that can be used
 */
export function openXnatClient(peer: WebPeer, options: WebOptions = {}): XnatClient {
  const signingIn = openWebConnection(peer, options);
  const connection: WebConnection = openWebConnection({ ...peer, auth: { method: 'none' } }, options);
  let session: Promise<string> | null = null;
  /** Sessions that were given up and may not be over: XNAT lets an account have so many at once. */
  const givenUp = new Set<Promise<string>>();

  async function signIn(): Promise<string> {
    const answer = await signingIn.request({ method: 'POST', path: 'data/JSESSION' });
    const text = Buffer.from(await answer.bytes(1024))
      .toString('latin1')
      .trim();
    if (!/^[A-Za-z0-9._-]{8,200}$/.test(text)) {
      throw new WebError('protocol', 'the peer gives us no session', { reason: 'session' });
    }
    return text;
  }

  function currentSession(): Promise<string> {
    session ??= signIn().catch((error: unknown) => {
      session = null;
      throw error;
    });
    return session;
  }

  async function ask(request: WebRequest): Promise<WebAnswer> {
    if (peer.auth.method !== 'basic') return requireNoPage(await signingIn.request(request));
    for (let isSecond = false; ; isSecond = true) {
      const mine = currentSession();
      const cookie = `JSESSIONID=${await (request.signal ? unlessAborted(mine, request.signal) : mine)}`;
      try {
        return requireNoPage(await connection.request({ ...request, headers: { ...request.headers, cookie } }));
      } catch (error) {
        if (isSecond || !(error instanceof WebError) || !isSessionOver(error)) throw error;
        if (error.trouble !== 'unauthorized') givenUp.add(mine);
        if (session === mine) session = null;
      }
    }
  }

  async function list(path: string, signal?: AbortSignal, query: WebRequest['query'] = []): Promise<Row[]> {
    const answer = await ask({
      method: 'GET',
      path,
      query: [...query, ['format', 'json']],
      headers: { accept: 'application/json' },
      ...(signal ? { signal } : {}),
    });
    return rowsOf(answer);
  }

  /** Lines of a plain answer: XNAT says in it where something lies now. */
  async function lines(request: WebRequest): Promise<string[]> {
    const answer = await ask(request);
    const text = Buffer.from(await answer.bytes(longestText)).toString('utf8');
    return text.split(/[\r\n]+/).flatMap((line) => {
      const path = line.trim().replace(/^\/data(?=\/)/, '');
      return /^\/(pre)?archive\/\S{1,500}$/.test(path) ? [path] : [];
    });
  }

  const client: Omit<XnatClient, 'probe' | 'close'> = {
    projects: async (signal) =>
      (await list('data/projects', signal)).map((row) => ({ projectId: text(row, 'ID'), name: text(row, 'name') })),
    sessions: async (projectId, signal) => {
      const rows = await list(`data/projects/${part(projectId)}/experiments`, signal, [
        ['xsiType', 'xnat:imageSessionData'],
        ['columns', sessionColumns],
      ]);
      return rows.map((row) => ({
        experimentId: text(row, 'ID'),
        label: text(row, 'label'),
        projectId: text(row, 'project') || projectId,
        subjectLabel: text(row, 'subject_label'),
        date: text(row, 'date'),
        time: text(row, 'time'),
        xsiType: text(row, 'xsiType'),
        studyUid: text(row, 'UID'),
        modality: text(row, 'modality'),
        patientName: text(row, 'dcmPatientName'),
        patientId: text(row, 'dcmPatientId'),
        accessionNumber: text(row, 'dcmAccessionNumber'),
      }));
    },
    scans: async (experimentId, signal) =>
      (await list(`data/experiments/${part(experimentId)}/scans`, signal, [['columns', scanColumns]])).map((row) => ({
        scanId: text(row, 'ID'),
        type: text(row, 'type'),
        seriesDescription: text(row, 'series_description'),
        xsiType: text(row, 'xsiType'),
        modality: text(row, 'modality'),
        seriesUid: text(row, 'UID'),
      })),
    files: async (experimentId, signal) =>
      (await list(`data/experiments/${part(experimentId)}/scans/ALL/files`, signal)).map((row) => {
        const size = text(row, 'Size');
        const path = filePath(text(row, 'URI'));
        return {
          name: text(row, 'Name'),
          scanId: scanIdOf(path),
          bytes: /^\d{1,15}$/.test(size) ? Number(size) : null,
          collection: text(row, 'collection'),
          path,
        };
      }),
    retrieve: async (file, signal) => {
      const answer = await ask({
        method: 'GET',
        path: filePath(`/${file.path}`),
        times: { wholeMs: 0 },
        ...(signal ? { signal } : {}),
      });
      return answer.body;
    },
    import: ({ projectId, byteLength, open }, signal) =>
      lines({
        method: 'POST',
        path: 'data/services/import',
        query: [
          ['inbody', 'true'],
          ['import-handler', 'gradual-DICOM'],
          ['PROJECT_ID', projectId],
          ['dest', `/prearchive/projects/${projectId}`],
          // Adds what is new and leaves what is there: an import that is repeated harms nothing.
          ['overwrite', 'append'],
          // A name that XNAT makes of the object, so that the same object has the same file.
          ['rename', 'true'],
        ],
        headers: { accept: 'text/plain' },
        body: { contentType: 'application/dicom', byteLength, open },
        repeatable: true,
        ...(signal ? { signal } : {}),
      }),
    prearchived: async (projectId, signal) =>
      (await list(`data/prearchive/projects/${part(projectId)}`, signal)).map((row) => ({
        source: text(row, 'url').replace(/^\/data(?=\/)/, ''),
        projectId: text(row, 'project'),
        label: text(row, 'name'),
        status: text(row, 'status'),
        studyUid: text(row, 'tag'),
      })),
    archive: (source, appends, signal) =>
      lines({
        method: 'POST',
        path: 'data/services/archive',
        headers: { accept: 'text/plain' },
        body: formOf({ src: source, ...(appends ? { overwrite: 'append' } : {}) }),
        ...(signal ? { signal } : {}),
      }),
  };

  return {
    ...client,
    probe: async (signal) => {
      const from = performance.now();
      const answer = await ask({
        method: 'GET',
        path: 'data/projects',
        query: [['format', 'json']],
        headers: { accept: 'application/json' },
        ...(signal ? { signal } : {}),
      });
      await rowsOf(answer);
      return {
        tookMs: Math.round(performance.now() - from),
        skewMs: answer.skewMs,
        certificate: answer.certificate,
      };
    },
    close: async () => {
      const open = [...givenUp, ...(session ? [session] : [])];
      session = null;
      try {
        const signal = AbortSignal.timeout(signOutMs);
        for (const one of open) {
          const headers = { cookie: `JSESSIONID=${await unlessAborted(one, signal)}` };
          (await connection.request({ method: 'DELETE', path: 'data/JSESSION', headers, signal })).dispose();
        }
      } catch (error) {
        // The session ends by itself where nobody can be told.
        if (!(error instanceof WebError)) throw error;
      } finally {
        signingIn.close();
        connection.close();
      }
    },
  };
}

/**
 * XNAT may answer with a page for people and the status 200: its sign-in, where a session has ended, or what went wrong.
 * Nothing that is asked for here is a page, so that one is never an empty list nor an object that was stored.
 */
function requireNoPage(answer: WebAnswer): WebAnswer {
  const type = parseMediaType(answer.headers['content-type'] ?? '')?.type;
  if (type !== 'text/html' && type !== 'application/xhtml+xml') return answer;
  answer.dispose();
  throw new WebError('protocol', 'the answer is a page for people', { reason: 'page', status: answer.status });
}

/** 401, or sent to the sign-in page: a new session is tried once. */
function isSessionOver({ trouble, details }: WebError): boolean {
  return (
    trouble === 'unauthorized' || (trouble === 'protocol' && ['page', 'redirect'].includes(`${details['reason']}`))
  );
}

function formOf(fields: Readonly<Record<string, string>>): WebBody {
  const bytes = Buffer.from(new URLSearchParams(fields).toString(), 'utf8');
  return {
    contentType: 'application/x-www-form-urlencoded',
    byteLength: bytes.length,
    open: async function* () {
      yield bytes;
    },
  };
}
