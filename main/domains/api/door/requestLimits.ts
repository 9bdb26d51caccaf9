import { type DoorLimits, doorLimits } from '../../../hosts/local/doorLimits.ts';

/** How much a caller may ask. */
export interface RequestLimits extends DoorLimits {
  /** Requests of one token: so many a second, and so many at once after a pause. */
  readonly requestsPerSecond: number;
  readonly requestBurst: number;
  /** Requests of one token that are answered at the same time. */
  readonly requestsAtOnce: number;
  /** Refused callers of one address: after so many it is told to wait, and one after the other is forgiven. */
  readonly failureBurst: number;
  readonly failuresPerSecond: number;
  /** Looks at the health by whoever has no token, of one address. */
  readonly probesPerSecond: number;
  readonly probeBurst: number;
  /** Body of one STOW-RS request, bytes. */
  readonly bodyBytes: number;
  /** A connection on which nothing moves, in neither direction, milliseconds. */
  readonly silenceMs: number;
  /** How long requests that are under way may go on when it closes, milliseconds. */
  readonly closeGraceMs: number;
}

export const requestLimits: RequestLimits = {
  ...doorLimits,
  requestsPerSecond: 100,
  requestBurst: 400,
  requestsAtOnce: 16,
  failureBurst: 10,
  failuresPerSecond: 10 / 60,
  probesPerSecond: 2,
  probeBurst: 30,
  bodyBytes: 16 * 1024 ** 3,
  silenceMs: 120_000,
  closeGraceMs: 2000,
};

const mostKeys = 4096;

/** Allowances by key that fill up again with time. */
export class Allowances {
  readonly #perSecond: number;
  readonly #burst: number;
  readonly #nowMs: () => number;
  readonly #left = new Map<string, { tokens: number; atMs: number }>();

  constructor(perSecond: number, burst: number, nowMs: () => number) {
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#nowMs = nowMs;
  }

  /** Takes one; 0 when there was one, else after how many whole seconds there is. */
  take(key: string): number {
    const nowMs = this.#nowMs();
    const before = this.#left.get(key) ?? { tokens: this.#burst, atMs: nowMs };
    const tokens = Math.min(this.#burst, before.tokens + ((nowMs - before.atMs) / 1000) * this.#perSecond);
    const isLeft = tokens >= 1;
    this.#left.delete(key);
    this.#left.set(key, { tokens: isLeft ? tokens - 1 : tokens, atMs: nowMs });
    if (this.#left.size > mostKeys) {
      // The one that was quiet the longest has most likely filled up again.
      const [eldest] = this.#left.keys();
      if (eldest !== undefined) this.#left.delete(eldest);
    }
    return isLeft ? 0 : Math.max(1, Math.ceil((1 - tokens) / this.#perSecond));
  }
}
