import { parseMediaType } from './mediaType.ts';
import { parseStrictJson } from './strictJson.ts';
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

export interface XnatProject {
  readonly projectId: string;
  readonly name: string;
}

export interface XnatSubject {
  readonly subjectId: string;
  readonly label: string;
}

/** An imaging session: XNAT's word for what is a study elsewhere. */
export interface XnatSession {
  readonly experimentId: string;
  readonly label: string;
  readonly projectId: string;
  readonly subjectLabel: string;
  /** `2026-11-20`, or empty. */
  readonly date: string;
  readonly xsiType: string;
  /** Study Instance UID; empty where XNAT has none. */
  readonly studyUid: string;
}

export interface XnatScan {
  readonly scanId: string;
  readonly type: string;
  readonly seriesDescription: string;
  readonly xsiType: string;
}

/** One file of a session. */
export interface XnatFile {
  readonly name: string;
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
  readonly status: string;
  readonly studyUid: string;
}

/** Where an import shall go. */
export interface XnatTarget {
  readonly projectId: string;
  /** Left out: as XNAT reads it from the objects. */
  readonly subjectLabel?: string;
  readonly sessionLabel?: string;
  /** Skips the prearchive where the project lets it. */
  readonly intoArchive?: boolean;
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
  subjects(projectId: string, signal?: AbortSignal): Promise<XnatSubject[]>;
  sessions(projectId: string, signal?: AbortSignal): Promise<XnatSession[]>;
  scans(experimentId: string, signal?: AbortSignal): Promise<XnatScan[]>;
  files(experimentId: string, signal?: AbortSignal): Promise<XnatFile[]>;
  retrieve(file: XnatFile, signal?: AbortSignal): Promise<AsyncIterable<Uint8Array>>;
  /**
   * Gives one object (`gradual-DICOM`) or a zip of them (`DICOM-zip`) to XNAT's import service.
   * @returns where XNAT says it put them; empty when it does not say, and then nothing is known. No proof: see `files`.
   */
  import(input: XnatImport, signal?: AbortSignal): Promise<string[]>;
  prearchived(projectId: string, signal?: AbortSignal): Promise<PrearchivedSession[]>;
  /** Moves a session from the prearchive into the archive. @returns where XNAT says it is now */
  archive(source: string, signal?: AbortSignal): Promise<string[]>;
  /** Signs out as far as it can, and ends every connection. Never throws. */
  close(): Promise<void>;
}

export interface XnatImport {
  readonly kind: 'object' | 'zip';
  readonly target: XnatTarget;
  readonly byteLength: number | null;
  open(): AsyncIterable<Uint8Array>;
}

const longestList = 32 * 1024 * 1024;
const longestText = 1024 * 1024;
const mostRows = 200_000;
const signOutMs = 3_000;

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
    if (peer.auth.method !== 'basic') return signingIn.request(request);
    for (let isSecond = false; ; isSecond = true) {
      const mine = currentSession();
      const cookie = `JSESSIONID=${await (request.signal ? unlessAborted(mine, request.signal) : mine)}`;
      try {
        return await connection.request({ ...request, headers: { ...request.headers, cookie } });
      } catch (error) {
        if (isSecond || !(error instanceof WebError) || error.trouble !== 'unauthorized') throw error;
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
    subjects: async (projectId, signal) =>
      (await list(`data/projects/${part(projectId)}/subjects`, signal)).map((row) => ({
        subjectId: text(row, 'ID'),
        label: text(row, 'label'),
      })),
    sessions: async (projectId, signal) => {
      const columns = 'ID,label,project,subject_label,date,xsiType,UID';
      const rows = await list(`data/projects/${part(projectId)}/experiments`, signal, [['columns', columns]]);
      return rows.map((row) => ({
        experimentId: text(row, 'ID'),
        label: text(row, 'label'),
        projectId: text(row, 'project') || projectId,
        subjectLabel: text(row, 'subject_label'),
        date: text(row, 'date'),
        xsiType: text(row, 'xsiType'),
        studyUid: text(row, 'UID'),
      }));
    },
    scans: async (experimentId, signal) =>
      (await list(`data/experiments/${part(experimentId)}/scans`, signal)).map((row) => ({
        scanId: text(row, 'ID'),
        type: text(row, 'type'),
        seriesDescription: text(row, 'series_description'),
        xsiType: text(row, 'xsiType'),
      })),
    files: async (experimentId, signal) =>
      (await list(`data/experiments/${part(experimentId)}/scans/ALL/files`, signal)).map((row) => {
        const size = text(row, 'Size');
        return {
          name: text(row, 'Name'),
          bytes: /^\d{1,15}$/.test(size) ? Number(size) : null,
          collection: text(row, 'collection'),
          path: filePath(text(row, 'URI')),
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
    import: ({ kind, target, byteLength, open }, signal) =>
      lines({
        method: 'POST',
        path: 'data/services/import',
        query: [
          ['inbody', 'true'],
          ['import-handler', kind === 'zip' ? 'DICOM-zip' : 'gradual-DICOM'],
          ['PROJECT_ID', target.projectId],
          ...(target.subjectLabel === undefined ? [] : [['SUBJECT_ID', target.subjectLabel] as const]),
          ...(target.sessionLabel === undefined ? [] : [['EXPT_LABEL', target.sessionLabel] as const]),
          ['dest', `/${target.intoArchive ? 'archive' : 'prearchive'}/projects/${target.projectId}`],
          // Adds what is new and leaves what is there: an import that is repeated harms nothing.
          ['overwrite', 'append'],
        ],
        body: { contentType: kind === 'zip' ? 'application/zip' : 'application/dicom', byteLength, open },
        repeatable: true,
        ...(signal ? { signal } : {}),
      }),
    prearchived: async (projectId, signal) =>
      (await list(`data/prearchive/projects/${part(projectId)}`, signal)).map((row) => ({
        source: text(row, 'url').replace(/^\/data(?=\/)/, ''),
        projectId: text(row, 'project'),
        status: text(row, 'status'),
        studyUid: text(row, 'tag'),
      })),
    archive: (source, signal) =>
      lines({
        method: 'POST',
        path: 'data/services/archive',
        body: formOf({ src: source, overwrite: 'append' }),
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
      const open = session;
      session = null;
      try {
        if (open) {
          const signal = AbortSignal.timeout(signOutMs);
          const headers = { cookie: `JSESSIONID=${await unlessAborted(open, signal)}` };
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

type Row = Readonly<Record<string, unknown>>;

/** `{ ResultSet: { Result: [ … ] } }`, XNAT's shape of every list. */
async function rowsOf(answer: WebAnswer): Promise<Row[]> {
  const type = parseMediaType(answer.headers['content-type'] ?? '');
  if (type?.type !== 'application/json') {
    answer.dispose();
    throw new WebError('protocol', 'the answer is no JSON', { reason: 'contentType', status: answer.status });
  }
  const json = parseStrictJson(await answer.bytes(longestList), type.parameters.get('charset') ?? '');
  const rows = (json as { ResultSet?: { Result?: unknown } } | null)?.ResultSet?.Result;
  if (!Array.isArray(rows) || rows.some((row) => typeof row !== 'object' || row === null)) {
    throw new WebError('protocol', 'the answer is no list of XNAT', { reason: 'shape' });
  }
  if (rows.length > mostRows) throw new WebError('protocol', 'the list is longer than is taken', { reason: 'tooMany' });
  return rows as Row[];
}

function text(row: Row, name: string): string {
  const value = row[name];
  return typeof value === 'string' ? value.trim() : typeof value === 'number' ? String(value) : '';
}

/** A name as one part of a path. */
function part(name: string): string {
  if (name === '' || name === '.' || name === '..') throw new TypeError('a name that is no part of a path');
  return encodeURIComponent(name);
}

/** A file's address within this XNAT, escaped. @throws WebError when it leads elsewhere */
function filePath(uri: string): string {
  const elsewhere = new WebError('protocol', 'a file lies elsewhere', { reason: 'address' });
  const names = uri.split('/').slice(1);
  if (names[0] !== 'data' || names.some((name) => name === '' || name === '.' || name === '..')) throw elsewhere;
  try {
    // XNAT escapes some names and not others.
    return names.map((name) => part(decodeURIComponent(name))).join('/');
  } catch {
    throw elsewhere;
  }
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
