import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { isLoopbackHost } from '../../../../app/domains/api/apiRules.ts';
import { Failure } from '../../../../app/shared/failure.ts';
import { tlsProfile } from '../../../dicom/tlsProfile.ts';
import { statusOf } from '../../../kernel/failureStatus.ts';
import { sendWebResponse, toWebRequest } from '../../../platform/door/nodeWeb.ts';
import { faultText } from '../../../platform/faultText.ts';
import type { Log } from '../../../platform/platform.ts';
import { type Caller, DoorCallers } from './doorCallers.ts';
import type { RequestLimits } from './requestLimits.ts';

/** A request as the routes see it. */
export interface IncomingCall {
  /** GET where HEAD was asked; without the token. */
  readonly request: Request;
  /** What came as a bearer; '' where none did. */
  readonly secret: string;
  readonly address: string;
  readonly hasBody: boolean;
  /**
   * The caller has shown a good token: its connection is no longer one of those that may be cut, until the token ends.
   * False where the token has too many connections.
   */
  admitted(tokenId: string): boolean;
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
  /** Cuts every connection that came with the token. */
  endToken(tokenId: string): void;
  /** Takes no new request, cuts who has none under way, and those that do not end in time. */
  close(): Promise<void>;
}

const longestAddress = 4096;
const headerBytes = 16 * 1024;
/** Others (TRACE, PROPFIND …) have no meaning here, and some no form as a request of the web. */
const methods = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'];
const allMethods = 'GET, HEAD, POST, OPTIONS';

/**
 * Listens for requests of other programs. Whoever comes from a page of a browser, or by a name that is none of ours, is
 * turned away before anything else is looked at; whoever shows no good token can neither hold a connection nor keep
 * others out (see `DoorCallers`).
 *
 * @throws the system's or OpenSSL's error when it can't listen
 */
export async function startDoor(options: DoorOptions): Promise<Door> {
  const { limits, log, tls } = options;
  const callers = new DoorCallers(limits);
  const settings = {
    headersTimeout: limits.headersMs,
    // A body has a pace to keep instead (see `paceBody`): what is large takes long.
    requestTimeout: 0,
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
  // The line: with TLS it comes before the handshake.
  server.on('connection', (socket: Socket) => callers.connected(socket, tls !== null));
  if (tls) {
    server.on('secureConnection', (socket: Socket) => callers.secured(socket));
    server.on('tlsClientError', (_error: Error, socket: Socket) => socket.destroy());
  }

  const serve = async (
    incoming: IncomingMessage,
    reply: ServerResponse,
    caller: Caller,
    onEnd: IncomingCall['onEnd'],
  ): Promise<void> => {
    const isHead = incoming.method === 'HEAD';
    const refusal = refuse(incoming, options.names);
    if (refusal) {
      const more = { connection: 'close', ...(refusal.code === 'api.methodNotAllowed' ? { allow: allMethods } : {}) };
      return sendWebResponse(failureResponse(refusal), reply, more, !isHead);
    }
    const origin = `${tls ? 'https' : 'http'}://${incoming.headers.host}`;
    const hasBody =
      incoming.headers['transfer-encoding'] !== undefined || Number(incoming.headers['content-length']) > 0;
    if (isHead) incoming.method = 'GET';
    const call: IncomingCall = {
      request: toWebRequest(incoming, reply, origin),
      secret: /^Bearer ([\w.~+/-]{1,200}=*)$/i.exec(incoming.headers.authorization ?? '')?.[1] ?? '',
      address: incoming.socket.remoteAddress ?? '',
      hasBody,
      admitted: (tokenId) => callers.proven(caller, tokenId),
      cut: () => incoming.socket.destroy(),
      onEnd,
    };
    await sendWebResponse(await options.answer(call), reply, {}, !isHead);
  };

  server.on('request', (incoming, reply) => {
    const begun = callers.began(incoming.socket);
    if (!begun) {
      incoming.socket.destroy();
      return;
    }
    const enders = [() => begun.ended()];
    reply.once('close', () => {
      for (const ended of enders) ended();
    });
    serve(incoming, reply, begun.caller, (listener) => enders.push(listener)).catch((error: unknown) => {
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
    endToken: (tokenId) => callers.endToken(tokenId),
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      callers.cutAll('idle');
      const late = setTimeout(() => callers.cutAll('all'), limits.closeGraceMs);
      await closed;
      clearTimeout(late);
    },
  };
}

function refuse({ headers, socket, method = '', url = '' }: IncomingMessage, names: readonly string[]): Failure | null {
  if (!isOwnName(headers.host ?? '', socket.localAddress ?? '', names))
    return new Failure('api.wrongHost', 'the request names another host');
  if (!methods.includes(method)) return new Failure('api.methodNotAllowed', 'there is no such method here');
  // A program sends no Origin; a page always does on anything that could harm, and has no business here.
  if (headers.origin !== undefined) return new Failure('api.pageRefused', 'a page of a browser asked');
  if (url.length > longestAddress) return new Failure('api.addressTooLong', 'the address is too long');
  // `//name/` and `/\\name/` would be read as another host, an absolute address as a proxy's.
  if (!/^\/(?![/\\])/.test(url) || !URL.canParse(url, `http://${headers.host}`))
    return new Failure('system.invalidInput', 'the address is no path of this server');
  return null;
}

/** A name that leads here by somebody else's doing (a rebound DNS name) is not among these. */
function isOwnName(header: string, localAddress: string, names: readonly string[]): boolean {
  const match = /^(?:\[([0-9a-f:.]+)\]|([\w.-]+))(?::\d{1,5})?$/i.exec(header);
  const host = (match?.[1] ?? match?.[2] ?? '').toLowerCase();
  // A port beyond 65535, or an address that is none: nothing that could be reached.
  if (host === '' || !URL.canParse(`http://${header}/`)) return false;
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
