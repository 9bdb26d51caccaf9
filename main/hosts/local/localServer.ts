import { timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import * as z from 'zod';
import { maxFrameLength } from '../../../app/shared/channel.ts';
import { webSocketChannel } from '../../kernel/transports.ts';
import { type DoorLimits, doorLimits, UnprovenSockets } from '../../platform/door/doorLimits.ts';
import { sendWebResponse, toWebRequest } from '../../platform/door/nodeWeb.ts';
import type { Log } from '../../platform/platform.ts';
import type { Core } from '../../startCore.ts';
import { pageHeaders } from '../pageHeaders.ts';
import { proveEndpoint } from './endpointFile.ts';
import { findStaticFile, readStaticFile } from './staticFiles.ts';
import { makeSecret, WindowAccess } from './windowAccess.ts';

export interface LocalServer {
  readonly port: number;
  readonly access: WindowAccess;
  /** What a program of the same user proves to know to get an address, and the host in its answer; see endpoint.json. */
  readonly endpointToken: string;
  /** A one-time address of the page, good until used or for `lifeMs`. */
  newAddress(lifeMs?: number): string;
  /** Connections there are, whoever made them. */
  readonly openSockets: number;
  /** Cuts every socket, as a machine that slept may; windows come back with their bearers. */
  dropSockets(): void;
  close(): Promise<void>;
}

export interface LocalServerOptions {
  readonly core: Core;
  readonly log: Log;
  /** Folder of the built page. */
  readonly pageFolder: string;
  /** 0: any free port. */
  readonly port: number;
  /** Tests take shorter times. */
  readonly limits?: Partial<DoorLimits>;
}

export const protocolName = 'salus.rpc';
export const bearerProtocol = 'salus.bearer.';
const assetPrefixes = ['/dicomweb/', '/documents/', '/imports/', '/conflicts/'];
const maxSessionBodyBytes = 4096;
const exchangeSchema = z.object({ token: z.string().min(20).max(200) });
const newAddressSchema = z.object({ nonce: z.string().min(20).max(200), proof: z.string().max(200) });

/**
 * HTTP and WebSocket on 127.0.0.1. Every request must name this very host and port (a rebound DNS name does not), and
 * one that comes from a page must come from this page. The page's files are open to all; calls and assets need the
 * bearer of a window, which a one-time token is exchanged for. The bearer travels in the Authorization header and, for
 * the WebSocket, where a page can set no header, as an offered subprotocol that the reply does not repeat: neither is
 * in an address, a referrer, a log or a cookie. Who shows no bearer can neither hold a request open nor keep others out:
 * see `doorLimits`.
 */
export async function startLocalServer(options: LocalServerOptions): Promise<LocalServer> {
  const { core, log } = options;
  const access = new WindowAccess({
    openConnection: () => core.openConnection(),
    closeConnection: (connectionId) => core.closeConnection(connectionId),
    nowMs: () => performance.now(),
  });
  const endpointToken = makeSecret();
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: maxFrameLength,
    perMessageDeflate: false,
    handleProtocols: (offered) => (offered.has(protocolName) ? protocolName : false),
  });
  const limits = { ...doorLimits, ...options.limits };
  const unproven = new UnprovenSockets(limits);
  const server = createServer({
    headersTimeout: limits.headersMs,
    requestTimeout: limits.requestMs,
    keepAliveTimeout: 60_000,
    connectionsCheckingInterval: limits.checkMs,
  });
  // Far above what is ever reached, since the eldest give way long before: only so that no burst takes every descriptor.
  server.maxConnections = limits.unprovenSockets * 10;
  let openSockets = 0;
  server.on('connection', (socket) => {
    openSockets += 1;
    socket.once('close', () => {
      openSockets -= 1;
    });
    unproven.add(socket);
  });
  await listen(server, options.port);
  const { port } = server.address() as AddressInfo;
  const authority = `127.0.0.1:${port}`;
  const origin = `http://${authority}`;
  const headers = pageHeaders(origin);
  const newAddress = (lifeMs?: number) => `${origin}/#token=${access.issueToken(lifeMs)}`;
  const findWindow = (bearer: string, socket: Duplex): string | undefined => {
    const connectionId = access.find(bearer);
    if (connectionId) unproven.prove(socket);
    return connectionId;
  };

  const answer = async (request: IncomingMessage, reply: ServerResponse): Promise<void> => {
    if (!isOurs(request, authority, origin)) return sendText(reply, 403, 'Not this host.');
    const pathname = (request.url ?? '/').split('?', 1)[0] ?? '/';
    if (pathname.startsWith('/session/')) return answerSession(pathname, request, reply);
    if (assetPrefixes.some((prefix) => pathname.startsWith(prefix))) return answerAsset(request, reply);
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return sendText(reply, 405, 'Only reading is possible here.');
    const file = await findStaticFile(options.pageFolder, pathname);
    // Browsers ask for one by themselves; the page has none, and that is no error worth a line in its console.
    if (!file && pathname === '/favicon.ico') return void reply.writeHead(204).end();
    if (!file) return sendText(reply, 404, 'There is nothing here.');
    await sendWebResponse(await readStaticFile(file), reply, headers, request.method === 'GET');
  };

  const answerAsset = async (request: IncomingMessage, reply: ServerResponse): Promise<void> => {
    const connectionId = findWindow(readBearer(request), request.socket);
    if (!connectionId) return sendJson(reply, 401, { code: 'security.notSignedIn', details: {} });
    await sendWebResponse(await core.serveAsset(toWebRequest(request, reply, origin), connectionId), reply);
  };

  const answerSession = async (pathname: string, request: IncomingMessage, reply: ServerResponse): Promise<void> => {
    // A form of another page can be posted without a preflight; JSON can't.
    if (request.method !== 'POST') return sendText(reply, 405, 'Only POST is possible here.');
    if (!/^application\/json\b/.test(request.headers['content-type'] ?? '')) return sendText(reply, 415, 'JSON only.');
    const body = await readJson(request);
    if (pathname === '/session/exchange') {
      const parsed = exchangeSchema.safeParse(body);
      const bearer = parsed.success ? access.exchange(parsed.data.token) : undefined;
      if (!bearer) {
        log.warn('An address was refused: used, too old or wrong');
        return sendJson(reply, 403, { code: 'security.notAllowed', details: {} });
      }
      unproven.prove(request.socket);
      return sendJson(reply, 200, { bearer });
    }
    if (pathname === '/session/new-address') {
      const { data: asked } = newAddressSchema.safeParse(body);
      if (asked && isSame(asked.proof, proveEndpoint(endpointToken, 'program', asked.nonce))) {
        const address = newAddress();
        const proof = proveEndpoint(endpointToken, 'host', `${asked.nonce}|${address}`);
        return sendJson(reply, 200, { address, proof });
      }
    }
    const bearer = readBearer(request);
    if (pathname === '/session/check' && access.find(bearer)) return sendJson(reply, 200, {});
    if (pathname === '/session/end' && access.find(bearer)) {
      access.end(bearer);
      return sendJson(reply, 200, {});
    }
    return sendJson(reply, 403, { code: 'security.notAllowed', details: {} });
  };

  const upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    const bearer = readSocketBearer(request);
    const connectionId = findWindow(bearer, socket);
    if (!isOurs(request, authority, origin) || request.url !== '/rpc' || !connectionId) {
      // The far side may never close its half: this one does not wait for it.
      socket.end(`HTTP/1.1 ${connectionId ? '403 Forbidden' : '401 Unauthorized'}\r\nConnection: close\r\n\r\n`, () =>
        socket.destroy(),
      );
      return;
    }
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      webSocket.on('error', (error) => log.warn('A WebSocket failed', { name: error.name }));
      // 4001: the window was ended or replaced; the page must not come back with this bearer.
      const place = access.attach(bearer, () => webSocket.close(4001));
      if (!place) return webSocket.close(4001);
      webSocket.on('close', () => place.detach());
      core.connectChannel(webSocketChannel(webSocket), connectionId);
    });
  };

  server.on('request', (request, reply) => {
    const wait = unproven.expect(request.socket);
    reply.once('close', () => wait.ended());
    answer(request, reply).catch((error: unknown) => {
      log.error('A request could not be answered', error);
      if (reply.headersSent) reply.destroy();
      else sendText(reply, 500, 'Unexpected error.');
    });
  });
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => socket.destroy());
    upgrade(request, socket, head);
  });

  return {
    port,
    access,
    endpointToken,
    newAddress,
    get openSockets() {
      return openSockets;
    },
    dropSockets() {
      for (const socket of sockets.clients) socket.terminate();
    },
    async close() {
      access.closeAll();
      for (const socket of sockets.clients) socket.terminate();
      sockets.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function isOurs(request: IncomingMessage, authority: string, origin: string): boolean {
  if (request.headers.host !== authority) return false;
  const from = request.headers.origin;
  // A program sends no Origin; a page of another site always does on anything that could harm.
  return from === undefined || from === origin;
}

function readBearer(request: IncomingMessage): string {
  return /^Bearer ([\w-]{20,200})$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
}

function readSocketBearer(request: IncomingMessage): string {
  const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((protocol) => protocol.trim());
  if (!offered.includes(protocolName)) return '';
  return offered.find((protocol) => protocol.startsWith(bearerProtocol))?.slice(bearerProtocol.length) ?? '';
}

function isSame(given: string, wanted: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(wanted)];
  return a.length === b.length && timingSafeEqual(a, b);
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxSessionBodyBytes) return undefined;
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    return undefined;
  }
}

function sendJson(reply: ServerResponse, status: number, body: object): void {
  reply.writeHead(status, {
    'content-type': 'application/json',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  reply.end(JSON.stringify(body));
}

function sendText(reply: ServerResponse, status: number, text: string): void {
  reply.writeHead(status, {
    'content-type': 'text/plain',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  reply.end(text);
}
