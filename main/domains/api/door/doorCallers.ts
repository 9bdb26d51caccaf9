import type { Socket } from 'node:net';
import { UnprovenSockets } from '../../../platform/door/doorLimits.ts';
import { Allowances, addressKey, type RequestLimits } from './requestLimits.ts';

/** One connection: the line, and what carries its requests, which is another socket where TLS lies between. */
export interface Caller {
  readonly line: Socket;
  carrier: Socket;
  /** Requests under way. */
  requests: number;
  readonly tokens: Set<string>;
}

/**
 * Everybody who is connected. An address that opens connections without end is no longer let in, and those it has give
 * way before those of others do; a token holds so many and no more, and none when it is over.
 *
 * All this runs on the thread that windows are served on: what is turned away here costs it next to nothing, a
 * handshake a millisecond or two, hence the pace.
 */
export class DoorCallers {
  readonly #limits: RequestLimits;
  readonly #pace: Allowances;
  readonly #unproven: UnprovenSockets;
  /** Those whose handshake is under way. */
  readonly #shaking: UnprovenSockets;
  readonly #all = new Set<Caller>();
  readonly #bySocket = new WeakMap<Socket, Caller>();
  readonly #byEnd = new Map<string, Caller>();
  readonly #byToken = new Map<string, Set<Caller>>();

  constructor(limits: RequestLimits) {
    this.#limits = limits;
    this.#pace = new Allowances(limits.connectionsPerSecond, limits.connectionBurst, () => performance.now());
    this.#unproven = new UnprovenSockets(limits);
    this.#shaking = new UnprovenSockets(limits);
  }

  /** A connection was taken. */
  connected(line: Socket, isTls: boolean): void {
    const address = addressKey(line.remoteAddress ?? '');
    if (this.#pace.take(address) > 0) {
      line.destroy();
      return;
    }
    const caller: Caller = { line, carrier: line, requests: 0, tokens: new Set() };
    const end = endOf(line);
    this.#all.add(caller);
    this.#bySocket.set(line, caller);
    this.#byEnd.set(end, caller);
    line.once('close', () => {
      this.#all.delete(caller);
      if (this.#byEnd.get(end) === caller) this.#byEnd.delete(end);
      for (const tokenId of caller.tokens) this.#forget(caller, tokenId);
    });
    (isTls ? this.#shaking : this.#unproven).add(line, address);
  }

  /** A handshake is over. Until then a connection is known by its ends alone. */
  secured(carrier: Socket): void {
    const caller = this.#byEnd.get(endOf(carrier));
    if (!caller) {
      carrier.destroy();
      return;
    }
    this.#shaking.prove(caller.line);
    caller.carrier = carrier;
    this.#bySocket.set(carrier, caller);
    this.#unproven.add(carrier, addressKey(carrier.remoteAddress ?? ''));
  }

  /** A request begins. @returns whose it is, and what to call at its end; undefined for a connection that is over */
  began(carrier: Socket): { readonly caller: Caller; ended(): void } | undefined {
    const caller = this.#bySocket.get(carrier);
    if (!caller) return undefined;
    caller.requests += 1;
    const wait = this.#unproven.expect(carrier);
    return {
      caller,
      ended() {
        caller.requests -= 1;
        wait.ended();
      },
    };
  }

  /** A request came with a good token. @returns false where the token has as many connections as it may, all in use */
  proven(caller: Caller, tokenId: string): boolean {
    const own = this.#byToken.get(tokenId) ?? new Set();
    if (!own.has(caller) && own.size >= this.#limits.connectionsPerToken) {
      const idle = [...own].find(({ requests }) => requests === 0);
      if (!idle) return false;
      this.#forget(idle, tokenId);
      cut(idle);
    }
    this.#unproven.prove(caller.carrier);
    caller.tokens.add(tokenId);
    own.add(caller);
    this.#byToken.set(tokenId, own);
    return true;
  }

  /** Cuts every connection that came with the token. */
  endToken(tokenId: string): void {
    for (const caller of [...(this.#byToken.get(tokenId) ?? [])]) cut(caller);
  }

  /** Cuts those on which no request is under way, or all. */
  cutAll(which: 'idle' | 'all'): void {
    for (const caller of [...this.#all]) if (which === 'all' || caller.requests === 0) cut(caller);
  }

  #forget(caller: Caller, tokenId: string): void {
    const own = this.#byToken.get(tokenId);
    own?.delete(caller);
    if (own?.size === 0) this.#byToken.delete(tokenId);
  }
}

function cut({ line, carrier }: Caller): void {
  carrier.destroy();
  line.destroy();
}

function endOf(socket: Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort}`;
}
