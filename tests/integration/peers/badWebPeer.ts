/** A DICOMweb server over real sockets that can be wrong in every way we know of, and says what it truly kept. */
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { type MadeIdentity, makeAuthority } from './madeCertificates.ts';
import { ObjectShelf, readShelfObject, type ShelfObject } from './objectShelf.ts';
import { answerQido, answerWado, type PeerAnswer } from './shelfAnswers.ts';

export type BadWebBehaviour =
  /** Right in every way. */
  | 'good'
  // Whatever is asked:
  | 'serverError'
  | 'busy'
  | 'unauthorized'
  | 'forbidden'
  | 'redirectLoop'
  | 'redirectElsewhere'
  /** Over TLS, to plain http. */
  | 'redirectDowngrade'
  | 'neverAnswers'
  /** Ends the connection in the middle of its answer; what was sent to it is kept. */
  | 'halfAnswer'
  /** A byte of its answer at a time. */
  | 'slowLoris'
  | 'hugeHeader'
  | 'wrongContentType'
  | 'clockSkew'
  // Where JSON is asked for; what was sent to it is kept:
  | 'invalidJson'
  | 'duplicateKeys'
  | 'hugeJson'
  // TLS; right in every other way:
  | 'expiredCertificate'
  | 'wrongHostCertificate'
  | 'clientCertificateRequired'
  // STOW-RS:
  /** 409, every second object refused (0xA700), the others kept. */
  | 'partialConflict'
  /** 202, every second object refused (0xC000), the others kept. */
  | 'partialFailure'
  /** 200, all named as stored, none kept. */
  | 'dropsSilently'
  /** 200, all named as stored, every second not kept. */
  | 'dropsEverySecond'
  /** 200, all named as stored, kept with another last byte. */
  | 'corrupts'
  /** The same, but only of series whose UID ends in 2. */
  | 'corruptsSeriesTwo'
  /** Had something else of each UID before: 409, each failed with 0x0111, and what it had is found. */
  | 'alreadyHas'
  /** 200, all named as stored and found by a search, none kept. */
  | 'findsWhatItDropped'
  /** 200 without a body, nothing kept. */
  | 'emptyAnswer'
  /** 200, naming instances that nobody sent, nothing kept. */
  | 'namesAnother'
  /** 200, naming each as stored and as failed, nothing kept. */
  | 'saysBoth'
  /** Ends the connection once a few kilobytes of a request have come. */
  | 'closesMidUpload'
  /** Reads the header of a request and no more. */
  | 'neverReads'
  /** 413 before the request is read. */
  | 'refusesEarly'
  // QIDO-RS:
  | 'ignoresLimit'
  | 'ignoresOffset'
  | 'ignoresPaging';

export interface BadWebOptions {
  /** It is good from the request after so many on. Without it, it never changes. */
  readonly recoversAfter?: number;
  /** Of 503 [1]. */
  readonly retryAfterSeconds?: number;
  /** Asked of every request, as the whole Authorization header. */
  readonly authorization?: string;
  /** It knows no WADO-RS metadata. */
  readonly noMetadata?: boolean;
  /** TLS for a behaviour that has none of its own. */
  readonly tls?: boolean;
  /** How far ahead its clock is with `clockSkew`, ms [1 h]. */
  readonly skewMs?: number;
  /** Of `slowLoris`, ms [100]. */
  readonly byteEveryMs?: number;
}

export interface BadWebPeer {
  readonly baseUrl: string;
  /** PEM to be trusted; empty over plain http. */
  readonly ca: string;
  /** A client's certificate that it accepts. */
  readonly client: MadeIdentity | null;
  /** Instance UIDs of what came whole, in order. */
  readonly got: readonly string[];
  /** By instance UID, what it can truly give back. */
  readonly kept: ReadonlyMap<string, ShelfObject>;
  /** `POST /dicom-web/studies`, without the query string. */
  readonly requests: readonly string[];
  /** What came to the other origin it redirects to. */
  readonly elsewhere: { requests: number; authorizations: number };
  become(behaviour: BadWebBehaviour): void;
  /** Connections that were made to it. */
  readonly connections: { made: number };
  /** Ends those that nobody uses just now. */
  dropIdle(): void;
  stop(): Promise<void>;
}

const root = '/dicom-web';
const ofTls: readonly BadWebBehaviour[] = [
  'expiredCertificate',
  'wrongHostCertificate',
  'clientCertificateRequired',
  'redirectDowngrade',
];

export async function startBadWebPeer(first: BadWebBehaviour, options: BadWebOptions = {}): Promise<BadWebPeer> {
  const shelf = new ObjectShelf();
  const requests: string[] = [];
  const elsewhere = { requests: 0, authorizations: 0 };
  const stopping = new AbortController();
  let behaviour = first;

  const answer: RequestListener = (request, response) => {
    requests.push(`${request.method} ${request.url?.split('?')[0]}`);
    const now = options.recoversAfter !== undefined && requests.length > options.recoversAfter ? 'good' : behaviour;
    const exchange = { request, response, now, shelf, options, otherPort: portOf(other), stopping: stopping.signal };
    handle(exchange).catch(() => response.destroy());
  };
  const other = createServer((request, response) => {
    elsewhere.requests += 1;
    if (request.headers.authorization) elsewhere.authorizations += 1;
    response.setHeader('content-type', 'application/dicom+json').end('[]');
  });
  const isTls = options.tls === true || ofTls.includes(first);
  const authority = isTls ? makeAuthority() : null;
  const server = authority ? openTls(authority, first, answer) : createServer(answer);
  const connections = { made: 0 };
  // Longer than a busy machine makes a test wait.
  server.keepAliveTimeout = 120_000;
  server.on('connection', () => {
    connections.made += 1;
  });
  await Promise.all([listen(other), listen(server)]);
  return {
    baseUrl: `${isTls ? 'https' : 'http'}://127.0.0.1:${portOf(server)}${root}`,
    ca: authority?.ca ?? '',
    client: authority?.issue({ commonName: 'client' }) ?? null,
    got: shelf.got,
    kept: shelf.kept,
    requests,
    elsewhere,
    become: (next) => {
      behaviour = next;
    },
    connections,
    dropIdle: () => server.closeIdleConnections(),
    stop: async () => {
      stopping.abort();
      await Promise.all([close(server), close(other)]);
    },
  };
}

function openTls(authority: ReturnType<typeof makeAuthority>, behaviour: BadWebBehaviour, answer: RequestListener) {
  const identity = authority.issue({
    commonName: 'server',
    ...(behaviour === 'wrongHostCertificate' ? { names: ['pacs.example'] } : {}),
    ...(behaviour === 'expiredCertificate'
      ? { validToMs: Date.UTC(2020, 0, 1), validFromMs: Date.UTC(2019, 0, 1) }
      : {}),
  });
  const asksClient = behaviour === 'clientCertificateRequired';
  return createTlsServer(
    {
      cert: identity.certificate,
      key: identity.key,
      ca: authority.ca,
      requestCert: asksClient,
      rejectUnauthorized: asksClient,
    },
    answer,
  );
}

const portOf = (server: Server) => (server.address() as AddressInfo).port;

function listen(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject).listen(0, '127.0.0.1', () => resolve());
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly now: BadWebBehaviour;
  readonly shelf: ObjectShelf;
  readonly options: BadWebOptions;
  readonly otherPort: number;
  readonly stopping: AbortSignal;
}

async function handle(exchange: Exchange): Promise<void> {
  const { request, response, now, options, otherPort } = exchange;
  if (now === 'clockSkew') {
    response.setHeader('date', new Date(Date.now() + (options.skewMs ?? 3_600_000)).toUTCString());
  }
  if (now === 'refusesEarly') return refuse(exchange, 413, { connection: 'close' });
  if (now === 'neverReads') return;
  if (now === 'closesMidUpload' && request.method === 'POST') return closeMidUpload(request);
  const body = await readBody(request);
  if (options.authorization !== undefined && request.headers.authorization !== options.authorization) {
    return refuse(exchange, 401, { 'www-authenticate': 'Basic realm="peer"' });
  }
  switch (now) {
    case 'serverError':
      return refuse(exchange, 500);
    case 'busy':
      return refuse(exchange, 503, { 'retry-after': String(options.retryAfterSeconds ?? 1) });
    case 'unauthorized':
      return refuse(exchange, 401, { 'www-authenticate': 'Bearer' });
    case 'forbidden':
      return refuse(exchange, 403);
    case 'redirectLoop':
      return refuse(exchange, 307, { location: request.url ?? '/' });
    case 'redirectElsewhere':
      return refuse(exchange, 307, { location: `http://127.0.0.1:${otherPort}${request.url}` });
    case 'redirectDowngrade':
      return refuse(exchange, 307, { location: `http://${request.headers.host}${request.url}` });
    case 'neverAnswers':
      return;
    case 'hugeHeader':
      return refuse(exchange, 200, { 'x-filler': 'x'.repeat(200_000) });
    default:
  }
  const answer = request.method === 'POST' ? answerStow(exchange, body) : answerGet(exchange);
  await say(exchange, answer);
}

/** Gives the right answer, or bends it. */
async function say({ response, now, options, stopping }: Exchange, answer: PeerAnswer): Promise<void> {
  const isJson = answer.type === 'application/dicom+json';
  const type = now === 'wrongContentType' ? 'text/html; charset=utf-8' : answer.type;
  if (now === 'halfAnswer') {
    response.writeHead(answer.status, { 'content-type': type, 'content-length': answer.body.length + 1000 });
    response.write(answer.body.subarray(0, Math.ceil(answer.body.length / 2)), () => response.destroy());
    return;
  }
  response.writeHead(answer.status, { 'content-type': type });
  if (now === 'invalidJson' && isJson) return void response.end('[{"00080018":{"vr":"UI","Value":["1.2"]}');
  if (now === 'duplicateKeys' && isJson) return void response.end(withKeysTwice(answer.body.toString('utf8')));
  if (now === 'hugeJson' && isJson) return sayWithoutEnd(response);
  if (now === 'slowLoris') {
    for (const byte of answer.body) {
      response.write(Buffer.from([byte]));
      await sleep(options.byteEveryMs ?? 100, undefined, { signal: stopping });
      if (response.destroyed) return;
    }
  }
  response.end(now === 'slowLoris' ? undefined : answer.body);
}

/** Every object of the JSON with its first key said once more, with nothing in it. */
function withKeysTwice(json: string): string {
  return json === '[]'
    ? '[{"00080018":{"vr":"UI","Value":["1.2"]},"00080018":{"vr":"UI","Value":["1.3"]}}]'
    : json.replaceAll(/\{("[0-9A-F]{8}"):/g, '{$1:{"vr":"UN"},$1:');
}

async function sayWithoutEnd(response: ServerResponse): Promise<void> {
  const piece = Buffer.from('{"00080018":{"vr":"UI","Value":["1.2.3.4.5.6.7.8.9"]}},'.repeat(2000));
  response.write('[');
  while (!response.destroyed) {
    if (!response.write(piece)) {
      await drained(response);
    }
  }
}

/** Until more may be written, or nobody reads any more. */
function drained(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    const go = () => {
      stream.off('drain', go).off('close', go);
      resolve();
    };
    stream.on('drain', go).on('close', go);
  });
}

function refuse({ response }: Exchange, status: number, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'text/plain', ...headers }).end('no');
}

function closeMidUpload(request: IncomingMessage): Promise<void> {
  let bytes = 0;
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > 2048) request.socket.destroy();
  });
  request.on('end', () => request.socket.destroy());
  return finished(request).catch(() => undefined);
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function answerGet({ request, shelf, now, options }: Exchange): PeerAnswer {
  const url = new URL(request.url ?? '/', 'http://peer');
  const parts = url.pathname.slice(root.length).split('/').filter(Boolean);
  const isSearch = parts.length % 2 === 1 && parts.at(-1) !== 'metadata';
  const objects = [...shelf.kept.values()];
  if (options.noMetadata && parts.at(-1) === 'metadata') return answerWado([], parts);
  if (!isSearch) return answerWado(objects, parts);
  const paging =
    now === 'ignoresPaging' ? '' : now === 'ignoresLimit' ? 'offset' : now === 'ignoresOffset' ? 'limit' : 'both';
  return answerQido(
    now === 'findsWhatItDropped' ? (dropped.get(shelf) ?? []) : objects,
    parts,
    url.searchParams,
    paging,
  );
}

/** What `findsWhatItDropped` had been sent. */
const dropped = new WeakMap<ObjectShelf, ShelfObject[]>();

function answerStow({ request, shelf, now }: Exchange, body: Buffer): PeerAnswer {
  const objects = splitParts(request.headers['content-type'] ?? '', body).map(readShelfObject);
  const stored: ShelfObject[] = [];
  const failed: [ShelfObject, number][] = [];
  const lies = ['dropsSilently', 'findsWhatItDropped', 'emptyAnswer', 'namesAnother', 'saysBoth'].includes(now);
  if (now === 'findsWhatItDropped') dropped.set(shelf, [...(dropped.get(shelf) ?? []), ...objects]);
  objects.forEach((object, index) => {
    const isOdd = index % 2 === 1;
    const isRefused = isOdd && (now === 'partialConflict' || now === 'partialFailure');
    const isDropped = lies || isRefused || (isOdd && now === 'dropsEverySecond');
    const isBent = now === 'corrupts' || (now === 'corruptsSeriesTwo' && object.seriesUid.endsWith('2'));
    if (now === 'alreadyHas') {
      shelf.take(object, shelf.kept.has(object.sopInstanceUid) ? 'no' : 'damaged');
      failed.push([object, 0x0111]);
      return;
    }
    shelf.take(object, isDropped ? 'no' : isBent ? 'damaged' : 'whole');
    if (isRefused || now === 'saysBoth') failed.push([object, now === 'partialConflict' ? 0xa700 : 0xc000]);
    if (!isRefused) stored.push(now === 'namesAnother' ? { ...object, sopInstanceUid: `2.25.${index + 1}` } : object);
  });
  if (now === 'emptyAnswer') return { status: 200, type: 'application/dicom+json', body: Buffer.alloc(0) };
  const item = (object: ShelfObject, more: object = {}) => ({
    '00081150': { vr: 'UI', Value: [object.sopClassUid] },
    '00081155': { vr: 'UI', Value: [object.sopInstanceUid] },
    ...more,
  });
  const json = {
    ...(failed.length > 0
      ? {
          '00081198': {
            vr: 'SQ',
            Value: failed.map(([object, reason]) => item(object, { '00081197': { vr: 'US', Value: [reason] } })),
          },
        }
      : {}),
    ...(stored.length > 0 ? { '00081199': { vr: 'SQ', Value: stored.map((object) => item(object)) } } : {}),
  };
  const isAllFailed = stored.length === 0;
  const status = now === 'partialConflict' || isAllFailed ? 409 : failed.length > 0 && now !== 'saysBoth' ? 202 : 200;
  return { status, type: 'application/dicom+json', body: Buffer.from(JSON.stringify(json)) };
}

/** Parts of a multipart body (RFC 2046), the plain way: the client's own parser is what is being tested. */
function splitParts(contentType: string, body: Buffer): Buffer[] {
  const boundary = /boundary="?([^";]+)"?/.exec(contentType)?.[1];
  if (!boundary) throw new Error('no boundary');
  const delimiter = Buffer.from(`--${boundary}`);
  const parts: Buffer[] = [];
  let at = body.indexOf(delimiter);
  for (;;) {
    const start = body.indexOf('\r\n\r\n', at) + 4;
    const next = body.indexOf(delimiter, start);
    if (next < 0) return parts;
    parts.push(Buffer.from(body.subarray(start, next - 2)));
    if (body.subarray(next + delimiter.length, next + delimiter.length + 2).toString() === '--') return parts;
    at = next;
  }
}
