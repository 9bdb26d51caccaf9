import { Agent, createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Orthanc } from '../../scripts/services.ts';

/** One origin for the page: everything from the host, but metadata and frames from Orthanc where one is given. */
export interface SourceProxy {
  readonly origin: string;
  /** Requests that Orthanc has answered. */
  readonly answeredByOrthanc: number;
  close(): Promise<void>;
}

const peerPaths = /^\/dicomweb(\/studies\/[^/]+\/series\/[^/]+\/(?:metadata|instances\/[^/]+\/frames\/\d+))$/;

/**
 * A page is served by one origin alone, so that whoever feeds it has to answer there. The host's own answers take the
 * same way, so that both pay for it.
 */
export async function startSourceProxy(hostOrigin: string, orthanc?: Orthanc): Promise<SourceProxy> {
  const agent = new Agent({ keepAlive: true });
  const host = new URL(hostOrigin);
  let answeredByOrthanc = 0;

  const forward = (incoming: IncomingMessage, reply: ServerResponse) => {
    const { pathname } = new URL(incoming.url ?? '/', hostOrigin);
    const peerPath = orthanc && peerPaths.exec(pathname)?.[1];
    const headers = { ...incoming.headers };
    if (peerPath) {
      answeredByOrthanc += 1;
      delete headers.authorization;
      delete headers.origin;
      Object.assign(headers, { host: new URL(orthanc.url).host }, orthanc.headers);
    } else {
      headers.host = host.host;
      if (headers.origin) headers.origin = hostOrigin;
    }
    const target = peerPath ? `${orthanc.dicomWebUrl}${peerPath}` : `${hostOrigin}${incoming.url}`;
    const call = request(target, { method: incoming.method, headers, agent }, (answer) => {
      reply.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(reply);
    });
    call.on('error', () => reply.destroy());
    reply.on('close', () => call.destroy());
    incoming.pipe(call);
  };

  const server: Server = createServer(forward);
  server.on('connection', (socket) => socket.setNoDelay(true));
  server.on('upgrade', (incoming: IncomingMessage, socket: Duplex, head: Buffer) => {
    const upstream = connect(Number(host.port), host.hostname, () => {
      const lines = [`${incoming.method} ${incoming.url} HTTP/1.1`];
      for (const [name, value] of Object.entries({ ...incoming.headers, host: host.host, origin: hostOrigin }))
        lines.push(`${name}: ${Array.isArray(value) ? value.join(', ') : value}`);
      upstream.write(`${lines.join('\r\n')}\r\n\r\n`);
      upstream.write(head);
      upstream.pipe(socket).pipe(upstream);
    });
    upstream.on('error', () => socket.destroy());
    socket.on('error', () => upstream.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  return {
    origin: `http://127.0.0.1:${port}`,
    get answeredByOrthanc() {
      return answeredByOrthanc;
    },
    async close() {
      server.closeAllConnections();
      agent.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
