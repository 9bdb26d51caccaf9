import { Failure } from './failure.ts';

/**
 * One connection between a window (or a script) and a core, whatever carries it: a WebSocket, a MessagePort, or two
 * ends in one process. It carries text frames and nothing else, so every transport serialises in the same way.
 */
export interface Channel {
  /** A promise, where the transport can say so, resolves when the frame has left: a stream waits for it. */
  send(frame: string): void | Promise<void>;
  /** The frame as it came, not yet trusted. */
  onFrame(listener: (frame: unknown) => void): void;
  onClose(listener: () => void): void;
  close(): void;
}

/** Longest frame accepted in either direction, in UTF-16 units. Bytes travel as assets, never in a frame. */
export const maxFrameLength = 8 * 1024 * 1024;

const maxCallIdLength = 64;

/** The parsed frame, or undefined when it is not a text of an acceptable size holding one message with a call id. */
function parseFrame(frame: unknown): Record<string, unknown> | undefined {
  if (typeof frame !== 'string' || frame.length > maxFrameLength) return undefined;
  let message: unknown;
  try {
    message = JSON.parse(frame);
  } catch {
    return undefined;
  }
  if (!isRecord(message)) return undefined;
  const id = message['i'];
  return typeof id === 'string' && id.length > 0 && id.length <= maxCallIdLength ? message : undefined;
}

/**
 * True for the two frames a client of ours sends: a call (posted, to a path, without headers that would make the
 * transport build files or forms) and the cancelling of a call.
 */
export function isCallFrame(frame: unknown): frame is string {
  const message = parseFrame(frame);
  if (!message) return false;
  if (message['t'] === 4) return true;
  if (message['t'] !== undefined && message['t'] !== 1) return false;
  const call = message['p'];
  if (!isRecord(call)) return false;
  const path = call['u'];
  return (
    typeof path === 'string' &&
    /^\/[A-Za-z]+\/[A-Za-z]+$/.test(path) &&
    call['m'] === undefined &&
    (call['h'] === undefined ||
      (isRecord(call['h']) && Object.keys(call['h']).every((name) => name === 'last-event-id')))
  );
}

/** True for what a core sends: a reply, an item of a stream, or the end of one. */
export function isReplyFrame(frame: unknown): frame is string {
  const message = parseFrame(frame);
  if (!message) return false;
  const kind = message['t'];
  if (kind === 4) return true;
  return (kind === undefined || kind === 2 || kind === 3) && isRecord(message['p']);
}

type SocketListener = (event: { data: unknown }) => void;

/**
 * A channel dressed as the part of a WebSocket that the RPC client uses. Frames that are no replies are dropped before
 * the client sees them (it would reject with nobody listening), and sending after the close fails at once.
 */
export class ChannelSocket {
  readyState: number = 1;
  readonly #channel: Channel;
  readonly #listeners = new Map<string, Set<SocketListener>>();

  constructor(channel: Channel) {
    this.#channel = channel;
    channel.onFrame((frame) => {
      if (isReplyFrame(frame)) this.#emit('message', frame);
    });
    channel.onClose(() => {
      this.readyState = 3;
      this.#emit('close', undefined);
    });
  }

  send(frame: string): void | Promise<void> {
    return this.#channel.send(frame);
  }

  addEventListener(event: string, listener: SocketListener): void {
    const listeners = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, listeners.add(listener));
  }

  removeEventListener(event: string, listener: SocketListener): void {
    this.#listeners.get(event)?.delete(listener);
  }

  #emit(event: string, data: unknown): void {
    for (const listener of [...(this.#listeners.get(event) ?? [])]) listener({ data });
  }
}

/**
 * What a caller sees when a call ends badly, the same on every transport: the Failure the core sent, an `AbortError`
 * when the caller itself gave up, and `system.disconnected` for anything the transport did.
 */
export function asCallerError(error: unknown, wasAborted: boolean): Error {
  if (wasAborted) {
    const abort = new Error('The call was cancelled by its caller.');
    abort.name = 'AbortError';
    return abort;
  }
  if (error instanceof Failure) return error;
  const failure = readFailure(error);
  if (failure) return failure;
  return new Failure('system.disconnected', 'The connection to the core was lost during a call.');
}

/** What is needed of an AbortSignal, which is not a known type everywhere this runs. */
type Abortable = { readonly aborted: boolean };

/** Makes a call whose errors, those of a stream it answers with included, are as `asCallerError` says. */
export async function withCallerErrors(call: () => Promise<unknown>, signal: Abortable | undefined): Promise<unknown> {
  try {
    const output = await call();
    return isIterator(output) ? passItems(output, signal) : output;
  } catch (error) {
    throw asCallerError(error, signal?.aborted === true);
  }
}

function isIterator(output: unknown): output is AsyncIterator<unknown> & object {
  return typeof output === 'object' && output !== null && Symbol.asyncIterator in output;
}

async function* passItems(items: AsyncIterator<unknown>, signal: Abortable | undefined) {
  try {
    for (;;) {
      const result = await items.next();
      if (result.done) return;
      yield result.value;
    }
  } catch (error) {
    throw asCallerError(error, signal?.aborted === true);
  } finally {
    await items.return?.();
  }
}

function readFailure(error: unknown): Failure | undefined {
  if (!isRecord(error) || error['code'] !== 'FAILURE' || !isRecord(error['data'])) return undefined;
  const { code, details, incidentId } = error['data'];
  if (typeof code !== 'string' || !isRecord(details)) return undefined;
  return new Failure(
    code,
    `The core refused: ${code}`,
    details as Record<string, string | number | boolean>,
    typeof incidentId === 'string' ? incidentId : undefined,
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
