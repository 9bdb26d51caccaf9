import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ReadableStream } from 'node:stream/web';

/**
 * The WHATWG form of a request that came over HTTP; its body streams. The signal aborts when the caller goes before
 * the reply is out.
 */
export function toWebRequest(incoming: IncomingMessage, reply: ServerResponse, origin: string): Request {
  const controller = new AbortController();
  reply.once('close', () => {
    if (!reply.writableFinished) controller.abort();
  });
  const headers = new Headers();
  for (const [name, value] of Object.entries(incoming.headers)) {
    // The bearer and the page's own headers stop here: handlers never see who is calling by other means than the session.
    if (name === 'authorization' || name === 'cookie' || value === undefined) continue;
    headers.set(name, Array.isArray(value) ? value.join(', ') : value);
  }
  const method = incoming.method ?? 'GET';
  const hasBody = method !== 'GET' && method !== 'HEAD';
  return new Request(new URL(incoming.url ?? '/', origin), {
    method,
    headers,
    signal: controller.signal,
    ...(hasBody ? { body: streamBody(incoming, reply), duplex: 'half' } : {}),
  } as RequestInit);
}

/**
 * The body, read as it is asked for. What nobody asked for when the reply is out is thrown away: left in the socket, it
 * would stand before the caller's next request.
 */
function streamBody(incoming: IncomingMessage, reply: ServerResponse): ReadableStream<Uint8Array> {
  const chunks = incoming.iterator({ destroyOnReturn: false }) as AsyncIterableIterator<Uint8Array>;
  reply.once('finish', () => {
    if (incoming.readableEnded || incoming.destroyed) return;
    Promise.resolve(chunks.return?.()).then(
      () => incoming.resume(),
      () => incoming.destroy(),
    );
  });
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await chunks.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
    },
    { highWaterMark: 0 },
  );
}

/** Writes a WHATWG response to an HTTP reply at the pace of the reader. A reader that leaves ends the source. */
export async function sendWebResponse(
  response: Response,
  reply: ServerResponse,
  more: Readonly<Record<string, string>> = {},
  withBody = true,
): Promise<void> {
  for (const [name, value] of response.headers) reply.setHeader(name, value);
  for (const [name, value] of Object.entries(more)) reply.setHeader(name, value);
  reply.statusCode = response.status;
  if (!withBody || response.body === null) {
    await response.body?.cancel();
    reply.end();
    return;
  }
  try {
    await pipeline(Readable.fromWeb(response.body as ReadableStream), reply);
  } catch (error) {
    // The head is out: cutting the connection is the only way left to say that the body is not whole.
    reply.destroy();
    if (!isReaderGone(error)) throw error;
  }
}

function isReaderGone(error: unknown): boolean {
  const { code, name } = error as { code?: string; name?: string };
  return code === 'ERR_STREAM_PREMATURE_CLOSE' || code === 'ECONNRESET' || code === 'EPIPE' || name === 'AbortError';
}
