import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** How long, and in what number, a caller who has shown no bearer may keep the local host waiting. */
export interface DoorLimits {
  /** Connections without a bearer at a time: a page loads over six; past this the eldest gives way to the newest. */
  readonly unprovenSockets: number;
  /** Of one address, where there is more than this machine: past this its own eldest gives way. */
  readonly unprovenPerAddress?: number;
  /** Time to send a request's headers, from the connection's beginning, milliseconds. */
  readonly headersMs: number;
  /** Time for a whole request and its reply where no bearer was shown, milliseconds. */
  readonly unprovenRequestMs: number;
  /** Time to send a whole request, milliseconds: a gigabyte at the pace of the slowest archive disk. */
  readonly requestMs: number;
  /** How often the two are looked after, milliseconds. */
  readonly checkMs: number;
}

export const doorLimits: DoorLimits = {
  unprovenSockets: 64,
  headersMs: 10_000,
  unprovenRequestMs: 30_000,
  requestMs: 30 * 60_000,
  checkMs: 2000,
};

/**
 * The connections on which nobody has shown a bearer yet. Any user of the machine can open some; a plain cap would let
 * them lock everybody else out, so the eldest is cut instead: who means it sends a request within milliseconds.
 */
export class UnprovenSockets {
  readonly #limits: DoorLimits;
  /** The eldest first, with the address each came from. */
  readonly #sockets = new Map<Duplex, string>();

  constructor(limits: DoorLimits) {
    this.#limits = limits;
  }

  /** @param address of its other end: who opens many cuts off their own before those of others */
  add(socket: Socket, address = ''): void {
    const { unprovenSockets, unprovenPerAddress = unprovenSockets } = this.#limits;
    const own = [...this.#sockets].filter(([, from]) => from === address).map(([other]) => other);
    this.#sockets.set(socket, address);
    socket.once('close', () => this.#sockets.delete(socket));
    if (own.length < unprovenPerAddress && this.#sockets.size <= unprovenSockets) return;
    const eldest = own[0] ?? [...this.#sockets.keys()][0];
    if (!eldest) return;
    this.#sockets.delete(eldest);
    eldest.destroy();
  }

  /** A request with a good bearer came this way. */
  prove(socket: Duplex): void {
    this.#sockets.delete(socket);
  }

  /** Cuts the connection unless `ended` is called, or a bearer shown, in time. */
  expect(socket: Duplex): { ended(): void } {
    const timer = setTimeout(() => {
      if (this.#sockets.has(socket)) socket.destroy();
    }, this.#limits.unprovenRequestMs);
    timer.unref();
    return { ended: () => clearTimeout(timer) };
  }
}
