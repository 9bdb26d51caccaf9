import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { isLoopbackHost } from '../../../../app/domains/api/apiRules.ts';
import { Failure } from '../../../../app/shared/failure.ts';
import { tlsProfile } from '../../../dicom/tlsProfile.ts';
import { UnprovenSockets } from '../../../hosts/local/doorLimits.ts';
import { sendWebResponse, toWebRequest } from '../../../hosts/local/nodeWeb.ts';
import { statusOf } from '../../../kernel/failureStatus.ts';
import { faultText } from '../../../platform/faultText.ts';
import type { Log } from '../../../platform/platform.ts';
import type { RequestLimits } from './requestLimits.ts';

/** A request as the routes see it. */
export interface IncomingCall {
  /** GET where HEAD was asked; without the token. */
  readonly request: Request;
  /** What came as a bearer; '' where none did. */
  readonly secret: string;
  readonly address: string;
  readonly hasBody: boolean;
  /** The caller has shown a good token: its connection is no longer one of those that may be cut. */
  admitted(): void;
  /** Cuts the connection at once. */
  cut(): void;
  /** Called when the reply is out, or the connection broke. */
  onEnd(listener: () => void): void;
}

export interface DoorOptions {
  readonly host: string;
  readonly port: number;
  /** What a Host header may say besides the address that was reached. */
  readonly names: readonly string[];
  readonly tls: { readonly certificate: string; readonly key: string } | null;
  readonly limits: RequestLimits;
  readonly log: Log;
  /** Never rejects. */
  answer(call: IncomingCall): Promise<Response>;
}

export interface Door {
  readonly port: number;
  /** Takes no new request, and cuts those that do not end in time. */
  close(): Promise<void>;
}

const longestAddress = 4096;
const headerBytes = 16 * 1024;

/**
 * Listens for requests of other programs. Whoever comes from a page of a browser, or by a name that is none of ours, is
 * turned away before anything else is looked at; whoever shows no good token can neither hold a connection nor keep
 * others out (see `doorLimits`).
 *
 * @throws the system's or OpenSSL's error when it can't listen
 */
export async function startDoor(options: DoorOptions): Promise<Door> {
  const { limits, log, tls } = options;
  const unproven = new UnprovenSockets(limits);
  const settings = {
    headersTimeout: limits.headersMs,
    requestTimeout: limits.requestMs,
    keepAliveTimeout: 60_000,
    connectionsCheckingInterval: limits.checkMs,
    maxHeaderSize: headerBytes,
  };
  const server: Server = tls
    ? createTlsServer({
        ...settings,
        ...tlsProfile,
        cert: tls.certificate,
        key: tls.key,
        honorCipherOrder: true,
        handshakeTimeout: limits.headersMs,
      })
    : createServer(settings);
  server.maxConnections = limits.unprovenSockets * 10;
  // A reader that takes nothing, or a sender that sends nothing, is cut.
  server.setTimeout(limits.silenceMs);
  if (tls) watchHandshakes(server, limits, unproven);
  else server.on('connection', (socket) => unproven.add(socket));

  const serve = async (
    incoming: IncomingMessage,
    reply: ServerResponse,
    onEnd: IncomingCall['onEnd'],
  ): Promise<void> => {
    const isHead = incoming.method === 'HEAD';
    const refusal = refuse(incoming, options.names);
    if (refusal) return sendWebResponse(failureResponse(refusal), reply, { connection: 'close' }, !isHead);
    const origin = `${tls ? 'https' : 'http'}://${incoming.headers.host}`;
    const hasBody =
      incoming.headers['transfer-encoding'] !== undefined || Number(incoming.headers['content-length']) > 0;
    if (isHead) incoming.method = 'GET';
    const call: IncomingCall = {
      request: toWebRequest(incoming, reply, origin),
      secret: /^Bearer ([\w.~+/-]{1,200}=*)$/i.exec(incoming.headers.authorization ?? '')?.[1] ?? '',
      address: incoming.socket.remoteAddress ?? '',
      hasBody,
      admitted: () => unproven.prove(incoming.socket),
      cut: () => incoming.socket.destroy(),
      onEnd,
    };
    await sendWebResponse(await options.answer(call), reply, {}, !isHead);
  };

  server.on('request', (incoming, reply) => {
    const wait = unproven.expect(incoming.socket);
    const enders = [() => wait.ended()];
    reply.once('close', () => {
      for (const ended of enders) ended();
    });
    serve(incoming, reply, (listener) => enders.push(listener)).catch((error: unknown) => {
      log.error('a request of another program could not be answered', new Error(faultText(error)));
      if (reply.headersSent) reply.destroy();
      else reply.writeHead(500).end();
    });
  });
  // CONNECT and Upgrade: there is nothing here that one could turn into something else.
  for (const event of ['upgrade', 'connect'] as const)
    server.on(event, (_incoming: IncomingMessage, socket: Duplex) => {
      socket.on('error', () => socket.destroy());
      socket.end('HTTP/1.1 405 Method Not Allowed\r\nConnection: close\r\n\r\n', () => socket.destroy());
    });
  await listen(server, options.port, options.host);

  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeIdleConnections();
      const late = setTimeout(() => server.closeAllConnections(), limits.closeGraceMs);
      await closed;
      clearTimeout(late);
    },
  };
}

/** Until its handshake is over a connection is known by its ends alone; then by what carries its requests. */
function watchHandshakes(server: Server, limits: RequestLimits, unproven: UnprovenSockets): void {
  const shaking = new UnprovenSockets(limits);
  const byEnd = new Map<string, Socket>();
  const endOf = (socket: Socket) => `${socket.remoteAddress} ${socket.remotePort}`;
  server.on('connection', (socket: Socket) => {
    const end = endOf(socket);
    byEnd.set(end, socket);
    socket.once('close', () => byEnd.delete(end));
    shaking.add(socket);
  });
  server.on('secureConnection', (socket: Socket) => {
    const raw = byEnd.get(endOf(socket));
    if (raw) shaking.prove(raw);
    unproven.add(socket);
  });
  server.on('tlsClientError', (_error: Error, socket: Socket) => socket.destroy());
}

function refuse({ headers, socket, url = '' }: IncomingMessage, names: readonly string[]): Failure | null {
  if (!isOwnName(headers.host ?? '', socket.localAddress ?? '', names))
    return new Failure('api.wrongHost', 'the request names another host');
  // A program sends no Origin; a page always does on anything that could harm, and has no business here.
  if (headers.origin !== undefined) return new Failure('api.pageRefused', 'a page of a browser asked');
  if (url.length > longestAddress) return new Failure('api.addressTooLong', 'the address is too long');
  // `//name/` would be read as another host, an absolute address as a proxy's.
  if (!url.startsWith('/') || url.startsWith('//'))
    return new Failure('system.invalidInput', 'the address is no path of this server');
  return null;
}

/** A name that leads here by somebody else's doing (a rebound DNS name) is not among these. */
function isOwnName(header: string, localAddress: string, names: readonly string[]): boolean {
  const match = /^(?:\[([0-9a-f:.]+)\]|([\w.-]+))(?::\d{1,5})?$/i.exec(header);
  const host = (match?.[1] ?? match?.[2] ?? '').toLowerCase();
  if (host === '') return false;
  const local = localAddress.replace(/^::ffff:/i, '').toLowerCase();
  return (
    host === local ||
    (host === 'localhost' && isLoopbackHost(local)) ||
    names.some((name) => name.toLowerCase() === host)
  );
}

/** How everything that is refused is answered: the code, and nothing that would tell more. */
export function failureResponse(
  { code, details, incidentId }: Failure,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return Response.json(
    { code, details, incidentId },
    {
      status: statusOf(code),
      headers: { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff', ...headers },
    },
  );
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
