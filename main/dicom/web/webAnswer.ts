import type { ClientRequest, IncomingMessage } from 'node:http';
import { GrowingBytes } from '../growingBytes.ts';
import type { ExchangeResult, Watch } from './webExchange.ts';
import { type WebAnswer, WebError, type WebLimits } from './webPeer.ts';
import { certificateOf } from './webTls.ts';

/** Of a refusal, read so that the connection can be used again, bytes. */
const longestDiscarded = 64 * 1024;

/** An answer with the ways to read it. */
export function answerOf(
  { request, response, watch }: ExchangeResult,
  limits: WebLimits,
  skewMs: number | null,
): WebAnswer & { discard(): Promise<void> } {
  const body = bodyOf(request, response, watch, limits);
  const certificate = certificateOf(response.socket);
  const dispose = () => {
    watch.stop();
    response.destroy();
  };
  async function bytes(atMost = limits.bodyBytes): Promise<Uint8Array> {
    const whole = new GrowingBytes();
    for await (const chunk of body) {
      if (whole.length + chunk.length > atMost) {
        throw new WebError('protocol', 'the answer is longer than is taken', { reason: 'tooLong', atMost });
      }
      whole.append(chunk);
    }
    return whole.bytes();
  }
  return {
    status: response.statusCode ?? 0,
    headers: headersOf(response),
    body,
    bytes,
    dispose,
    skewMs,
    certificate,
    discard: async () => {
      try {
        await bytes(longestDiscarded);
      } catch (error) {
        if (!(error instanceof WebError) || error.trouble === 'cancelled') throw error;
        // The header said what there was to say: how its text ended changes nothing.
        dispose();
      }
    },
  };
}

function headersOf(response: IncomingMessage): Record<string, string> {
  const headers: Record<string, string> = Object.create(null);
  for (const [name, value] of Object.entries(response.headers)) {
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return headers;
}

/** The bytes of an answer. Only the waiting for the peer is timed, not what the reader does in between. */
async function* bodyOf(
  request: ClientRequest,
  response: IncomingMessage,
  watch: Watch,
  { slowestBytesPerSecond, speedWindowMs }: WebLimits,
): AsyncGenerator<Uint8Array> {
  let waitedMs = 0;
  let windowBytes = 0;
  try {
    const encoding = response.headers['content-encoding'] ?? 'identity';
    if (encoding !== 'identity') {
      throw new WebError('protocol', 'the answer is compressed', { reason: 'contentEncoding' });
    }
    const chunks: AsyncIterator<Buffer> = response[Symbol.asyncIterator]();
    for (;;) {
      watch.arm('idle', watch.times.idleMs);
      const fromMs = performance.now();
      const next = await chunks.next();
      watch.disarm('idle');
      if (next.done) break;
      waitedMs += performance.now() - fromMs;
      windowBytes += next.value.length;
      if (waitedMs > speedWindowMs) {
        if (windowBytes < (slowestBytesPerSecond * waitedMs) / 1000) watch.strike('slow');
        waitedMs = 0;
        windowBytes = 0;
      }
      if (watch.trouble) throw watch.trouble;
      yield next.value;
    }
    if (!response.complete) throw cut();
  } catch (error) {
    if (watch.trouble instanceof WebError) throw watch.trouble;
    throw error instanceof WebError ? error : cut();
  } finally {
    watch.stop();
    // A connection that was answered before all was sent is of no more use.
    if (!response.complete || !request.writableFinished) response.destroy();
  }
}

function cut(): WebError {
  return new WebError('protocol', 'the answer was cut short', { reason: 'incomplete' });
}
