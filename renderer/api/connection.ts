import { type ClientLink, createORPCClient } from '@orpc/client';
import { RPCLink } from '@orpc/client/websocket';
import { asCallerError, type Channel, ChannelSocket, withCallerErrors } from '../../app/shared/channel.ts';
import { Failure } from '../../app/shared/failure.ts';
import type { Client } from './contractClient.ts';
import { openPortTransport } from './portTransport.ts';
import { openSocketTransport } from './socketTransport.ts';

/** open: calls go through. lost: the transport is down and tries again by itself. ended: the host told this window to go. */
export type ConnectionState = 'open' | 'lost' | 'ended';

/** The window's one way to the core. Calls reject with a Failure, or with an AbortError when their own signal fired. */
export interface Connection {
  readonly client: Client;
  readonly state: ConnectionState;
  /** What `fetch` needs for an asset, for code that must fetch by itself (a worker). */
  readonly assetBase: string;
  assetHeaders(): Record<string, string>;
  /** fetch for `/dicomweb/…`, `/documents/…`, `/imports/…` and `/conflicts/…`. @throws Failure unless the reply is a success */
  fetchAsset(path: string, init?: RequestInit): Promise<Response>;
  /** Told each change of state. Returns the way to stop listening. */
  onState(listener: (state: ConnectionState) => void): () => void;
  /** Tries at once, where the state is 'lost'. */
  retryNow(): void;
  close(): void;
}

/** How frames and assets travel; one per host. */
export interface Transport {
  readonly assetBase: string;
  assetHeaders(): Record<string, string>;
  /** Opens a channel. Resolves to null when the host refuses this window for good; rejects when it can't be reached. */
  open(): Promise<Channel | null>;
}

const firstDelayMs = 250;
const longestDelayMs = 5000;

/**
 * Connects this window: through the port of the preload bridge in Electron, else over a WebSocket to the host that
 * served the page, with the one-time token in its address.
 *
 * @throws Failure('security.notAllowed') when the address was used already or is too old
 */
export async function connect(): Promise<Connection> {
  const transport = (await openPortTransport()) ?? (await openSocketTransport());
  const line = new Line(transport);
  await line.open().catch((error: unknown) => {
    throw asCallerError(error, false);
  });
  return {
    client: createORPCClient(line as never) as Client,
    get state() {
      return line.state;
    },
    assetBase: transport.assetBase,
    assetHeaders: () => transport.assetHeaders(),
    fetchAsset: (path, init) => fetchAsset(transport, path, init),
    onState: (listener) => line.onState(listener),
    retryNow: () => line.retryNow(),
    close: () => line.close(),
  };
}

/** Calls over the channel of the moment, which is opened again after it was lost. */
class Line implements ClientLink<Record<never, never>> {
  state: ConnectionState = 'lost';
  readonly #transport: Transport;
  readonly #listeners = new Set<(state: ConnectionState) => void>();
  #channel: Channel | undefined;
  #link: RPCLink<Record<never, never>> | undefined;
  #delayMs = firstDelayMs;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isOpening = false;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  async call(...[path, input, options]: Parameters<ClientLink<Record<never, never>>['call']>): Promise<unknown> {
    return withCallerErrors(async () => {
      if (!this.#link) throw new Failure('system.disconnected', 'The connection to the core is down.');
      return this.#link.call(path, input, options);
    }, options.signal);
  }

  async open(): Promise<void> {
    const channel = await this.#transport.open();
    if (channel === null) return this.#setState('ended');
    if (this.state === 'ended') return channel.close();
    this.#channel = channel;
    channel.onClose(() => {
      if (this.#channel === channel) this.#lose();
    });
    this.#link = new RPCLink({ websocket: new ChannelSocket(channel) as unknown as WebSocket });
    this.#delayMs = firstDelayMs;
    this.#setState('open');
  }

  onState(listener: (state: ConnectionState) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  retryNow(): void {
    // A second way in at the same time would push the first out, and the host takes that for a copy of this window.
    if (this.state !== 'lost' || this.#isOpening) return;
    clearTimeout(this.#timer);
    this.#isOpening = true;
    this.open()
      .finally(() => {
        this.#isOpening = false;
      })
      .catch(() => this.#retryLater());
  }

  close(): void {
    this.#setState('ended');
    clearTimeout(this.#timer);
    this.#channel?.close();
  }

  #lose(): void {
    this.#channel = undefined;
    this.#link = undefined;
    if (this.state === 'ended') return;
    this.#setState('lost');
    this.retryNow();
  }

  #retryLater(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.retryNow(), this.#delayMs);
    this.#delayMs = Math.min(this.#delayMs * 2, longestDelayMs);
  }

  #setState(state: ConnectionState): void {
    if (this.state === state) return;
    this.state = state;
    for (const listener of [...this.#listeners]) listener(state);
  }
}

async function fetchAsset(transport: Transport, path: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  for (const [name, value] of Object.entries(transport.assetHeaders())) headers.set(name, value);
  let response: Response;
  try {
    response = await fetch(`${transport.assetBase}${path}`, { ...init, headers, cache: 'no-store', redirect: 'error' });
  } catch (error) {
    throw asCallerError(error, init.signal?.aborted === true);
  }
  if (response.ok) return response;
  throw await readAssetFailure(response);
}

async function readAssetFailure(response: Response): Promise<Failure> {
  const body: unknown = await response.json().catch(() => undefined);
  const data = (typeof body === 'object' && body !== null ? body : {}) as Partial<Failure>;
  if (typeof data.code === 'string') {
    return new Failure(data.code, `The core refused: ${data.code}`, data.details ?? {}, data.incidentId);
  }
  return new Failure('internal', `The core answered with status ${response.status}.`);
}
