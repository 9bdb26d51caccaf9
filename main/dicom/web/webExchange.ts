import { type Agent, type ClientRequest, type IncomingMessage, request as plainRequest } from 'node:http';
import { request as tlsRequest } from 'node:https';
import type { Socket } from 'node:net';
import { type WebBody, WebError, type WebLimits, type WebRequest, type WebTimes, type WebTls } from './webPeer.ts';
import { describeTlsTrouble } from './webTls.ts';

export interface ExchangeInput {
  readonly url: URL;
  readonly agent: Agent;
  readonly tls: Partial<WebTls>;
  readonly wish: WebRequest;
  readonly authorization: string | null;
  readonly times: WebTimes;
  readonly limits: WebLimits;
  readonly signal: AbortSignal;
  /** A kept connection that the peer had closed meanwhile may be replaced by a new one. */
  readonly mayReopen: boolean;
}

/** An answer whose header has come; `watch` goes on until its body has been read. */
export interface ExchangeResult {
  readonly request: ClientRequest;
  readonly response: IncomingMessage;
  readonly watch: Watch;
}

type Phase = 'connect' | 'answer' | 'write' | 'idle' | 'slow' | 'whole';

/** The timers and the signal of one request. The first that strikes ends it, and is why it ended. */
export class Watch {
  trouble: Error | null = null;
  readonly times: WebTimes;
  readonly #timers = new Map<Phase, NodeJS.Timeout>();
  readonly #signal: AbortSignal;
  readonly #end: (error: Error) => void;

  constructor(times: WebTimes, signal: AbortSignal, end: (error: Error) => void) {
    this.times = times;
    this.#signal = signal;
    this.#end = end;
    signal.addEventListener('abort', this.#cancel);
    if (times.wholeMs > 0) this.arm('whole', times.wholeMs);
    if (signal.aborted) this.#cancel();
  }

  arm(phase: Phase, ms: number): void {
    this.disarm(phase);
    this.#timers.set(
      phase,
      setTimeout(() => this.strike(phase), ms),
    );
  }

  disarm(phase: Phase): void {
    clearTimeout(this.#timers.get(phase));
    this.#timers.delete(phase);
  }

  strike(phase: Phase): void {
    this.fail(new WebError('timeout', 'the peer took too long', { during: phase }));
  }

  fail(error: Error): void {
    if (this.trouble) return;
    this.trouble = error;
    this.stop();
    this.#end(error);
  }

  /** All is well, or over. */
  stop(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
    this.#signal.removeEventListener('abort', this.#cancel);
  }

  readonly #cancel = () => this.fail(new WebError('cancelled', 'the request was cancelled'));
}

/**
 * Sends one request and waits for the header of its answer.
 * @returns 'stale' when a kept connection turned out to be closed and the request may be sent again
 * @throws WebError, or whatever the body's own source threw
 */
export async function exchange(input: ExchangeInput): Promise<ExchangeResult | 'stale'> {
  const { url, wish, times, signal } = input;
  let request: ClientRequest;
  try {
    request = open(input);
  } catch (error) {
    throw await readTrouble(error, input);
  }
  const watch = new Watch(times, signal, (error) => request.destroy(error));
  let isAnswered = false;
  try {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      // Once the header has come, trouble of the connection is told to whoever reads the body.
      request.on('error', (error) => (isAnswered ? watch.fail(error) : reject(error)));
      request.once('response', (answer) => {
        isAnswered = true;
        resolve(answer);
      });
      request.once('upgrade', (_response, socket) => {
        socket.destroy();
        reject(new WebError('protocol', 'the peer wants another protocol', { reason: 'upgrade' }));
      });
      const { body } = wish;
      request.once('socket', (socket) =>
        awaitConnection(socket, watch, url.protocol === 'https:', () => {
          // Not before: a request that waits for a free connection is not one that the peer is slow to take.
          if (body) sendBody(request, body, watch).catch((error: Error) => watch.fail(error));
        }),
      );
      request.once('finish', () => {
        watch.disarm('write');
        if (!isAnswered) watch.arm('answer', times.answerMs);
      });
      if (!body) request.end();
    });
    watch.disarm('answer');
    watch.disarm('write');
    return { request, response, watch };
  } catch (error) {
    watch.stop();
    request.destroy();
    if (watch.trouble) throw watch.trouble;
    const isRepeatable = wish.repeatable === true || wish.method === 'GET' || wish.method === 'HEAD';
    if (input.mayReopen && isRepeatable && request.reusedSocket && isClosedConnection(error)) return 'stale';
    throw await readTrouble(error, input);
  }
}

function open({ url, agent, wish, authorization, limits }: ExchangeInput): ClientRequest {
  const { body } = wish;
  const length = body && body.byteLength !== null ? { 'content-length': String(body.byteLength) } : {};
  return (url.protocol === 'https:' ? tlsRequest : plainRequest)(url, {
    agent,
    method: wish.method,
    maxHeaderSize: limits.headerBytes,
    headers: {
      // A compressed answer would have to be bounded twice.
      'accept-encoding': 'identity',
      'user-agent': 'Salus',
      ...wish.headers,
      ...(body ? { 'content-type': body.contentType, ...length } : {}),
      ...(!body && wish.method !== 'GET' && wish.method !== 'HEAD' ? { 'content-length': '0' } : {}),
      ...(authorization === null ? {} : { authorization }),
    },
  });
}

function awaitConnection(socket: Socket, watch: Watch, isTls: boolean, connected: () => void): void {
  if (!socket.connecting && !(isTls && (socket as { secureConnecting?: boolean }).secureConnecting)) {
    connected();
    return;
  }
  watch.arm('connect', watch.times.connectMs);
  socket.once(isTls ? 'secureConnect' : 'connect', () => {
    watch.disarm('connect');
    connected();
  });
}

/** Writes a body as fast as the peer takes it; stops where the peer has answered before the end. */
async function sendBody(request: ClientRequest, body: WebBody, watch: Watch): Promise<void> {
  let sent = 0;
  let isAnswered = false;
  request.once('response', () => {
    isAnswered = true;
  });
  for await (const chunk of body.open()) {
    if (isAnswered || request.destroyed) return;
    sent += chunk.length;
    if (body.byteLength !== null && sent > body.byteLength) break;
    if (request.write(chunk)) continue;
    watch.arm('write', watch.times.idleMs);
    await new Promise<void>((resolve) => {
      const go = () => {
        for (const event of ['drain', 'close', 'response']) request.off(event, go);
        resolve();
      };
      for (const event of ['drain', 'close', 'response']) request.once(event, go);
    });
    watch.disarm('write');
  }
  if (isAnswered || request.destroyed) return;
  if (body.byteLength !== null && sent !== body.byteLength) {
    throw new TypeError('a body is not as long as was said');
  }
  // What was written last may still lie here: until `finish` the peer has not taken it.
  watch.arm('write', watch.times.idleMs);
  request.end();
}

function codeOf(error: unknown): string {
  const { code, message } = error as { code?: unknown; message?: unknown };
  // Where TLS fails while we write, OpenSSL's reason stands in the message alone.
  const reason = code === 'EPROTO' ? /:SSL routines:[^:]*:([a-z0-9 ]+):/.exec(String(message))?.[1] : undefined;
  if (reason !== undefined) return `ERR_SSL_${reason.toUpperCase().replaceAll(' ', '_')}`;
  return typeof code === 'string' ? code : '';
}

function isClosedConnection(error: unknown): boolean {
  return codeOf(error) === 'ECONNRESET' || codeOf(error) === 'EPIPE';
}

/** An error of the system, of TLS or of the HTTP parser as one of ours. What is none of them stays as it is. */
async function readTrouble(error: unknown, { url, tls, times, signal }: ExchangeInput): Promise<unknown> {
  if (error instanceof WebError) return error;
  const code = codeOf(error);
  const ofTls = signal.aborted ? null : await describeTlsTrouble(code, url, tls, times.connectMs);
  if (ofTls) return ofTls;
  if (code === 'HPE_HEADER_OVERFLOW') {
    return new WebError('protocol', 'the header of the answer is longer than is taken', { reason: 'headerTooLong' });
  }
  if (code.startsWith('HPE_')) return new WebError('protocol', 'the peer speaks no HTTP here', { reason: 'notHttp' });
  if (/^E[A-Z_]+$/.test(code) && !code.startsWith('ERR_')) {
    const message = isClosedConnection(error) ? 'the peer ended the connection' : 'the peer cannot be reached';
    return new WebError('unreachable', message, { code });
  }
  return error;
}
