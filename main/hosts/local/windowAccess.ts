import { createHash, randomBytes } from 'node:crypto';

/** How long an address handed to a program (and so visible in its arguments) can be used, milliseconds. */
export const programAddressLifeMs = 60_000;
/** How long an address printed by a program that has a window of its own can be used: what a desktop starts writes into a journal. */
export const printedAddressLifeMs = 10 * 60_000;
/** How long a connection outlives its last socket: a reload takes a second, a closed window should lock soon. */
const graceMs = 20_000;

interface Window {
  readonly connectionId: string;
  close: (() => void) | undefined;
  grace: NodeJS.Timeout | undefined;
}

export interface WindowRules {
  openConnection(): string;
  closeConnection(connectionId: string): void;
  nowMs(): number;
}

/**
 * Who may come in: one-time tokens (in the fragment of an address), each exchanged once for the bearer of one window.
 * Tokens and bearers are kept as hashes. A bearer serves one socket at a time, the newest; it ends with its window.
 */
export class WindowAccess {
  readonly #rules: WindowRules;
  readonly #tokens = new Map<string, number>();
  readonly #windows = new Map<string, Window>();

  constructor(rules: WindowRules) {
    this.#rules = rules;
  }

  /** A fresh one-time token, good for `lifeMs`, or until it is used. */
  issueToken(lifeMs = Number.POSITIVE_INFINITY): string {
    const token = makeSecret();
    this.#tokens.set(hash(token), this.#rules.nowMs() + lifeMs);
    return token;
  }

  /** The bearer of a new window, or undefined when the token is unknown, used or too old. */
  exchange(token: string): string | undefined {
    const key = hash(token);
    const until = this.#tokens.get(key);
    this.#tokens.delete(key);
    if (until === undefined || until < this.#rules.nowMs()) return undefined;
    const bearer = makeSecret();
    this.#windows.set(hash(bearer), { connectionId: this.#rules.openConnection(), close: undefined, grace: undefined });
    this.#startGrace(hash(bearer));
    return bearer;
  }

  /** The connection of the window that holds the bearer. */
  find(bearer: string): string | undefined {
    return this.#windows.get(hash(bearer))?.connectionId;
  }

  /** Gives the window's one socket its place; a socket that was there before (a reload, a copied tab) is closed. */
  attach(bearer: string, close: () => void): { detach(): void } | undefined {
    const key = hash(bearer);
    const window = this.#windows.get(key);
    if (!window) return undefined;
    clearTimeout(window.grace);
    const before = window.close;
    window.close = close;
    before?.();
    return {
      detach: () => {
        if (window.close !== close) return;
        window.close = undefined;
        this.#startGrace(key);
      },
    };
  }

  /** Ends a window now. */
  end(bearer: string): void {
    this.#endWindow(hash(bearer));
  }

  /** Windows with a socket. */
  get openWindows(): number {
    return [...this.#windows.values()].filter((window) => window.close !== undefined).length;
  }

  closeAll(): void {
    this.#tokens.clear();
    for (const key of [...this.#windows.keys()]) this.#endWindow(key);
  }

  #startGrace(key: string): void {
    const window = this.#windows.get(key);
    if (!window) return;
    clearTimeout(window.grace);
    window.grace = setTimeout(() => this.#endWindow(key), graceMs);
    window.grace.unref();
  }

  #endWindow(key: string): void {
    const window = this.#windows.get(key);
    if (!window) return;
    this.#windows.delete(key);
    clearTimeout(window.grace);
    window.close?.();
    this.#rules.closeConnection(window.connectionId);
  }
}

/** 256 bits from the system's generator, in characters that a URL fragment and a header can hold. */
export function makeSecret(): string {
  return randomBytes(32).toString('base64url');
}

function hash(secret: string): string {
  return createHash('sha256').update(secret).digest('base64');
}
