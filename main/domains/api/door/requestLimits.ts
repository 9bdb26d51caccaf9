import { type DoorLimits, doorLimits } from '../../../platform/door/doorLimits.ts';

/** How much a caller may ask. */
export interface RequestLimits extends DoorLimits {
  /** Connections without a token of one address at a time: past this its own eldest gives way. */
  readonly unprovenPerAddress: number;
  /** New connections of one address, so many a second and so many at once: each TLS handshake costs a millisecond or two. */
  readonly connectionsPerSecond: number;
  readonly connectionBurst: number;
  /** Connections of one token at a time. */
  readonly connectionsPerToken: number;
  /** Requests of one token: so many a second, and so many at once after a pause. */
  readonly requestsPerSecond: number;
  readonly requestBurst: number;
  /** Requests of one token that leave an entry in the audit, which is flushed to the disk. */
  readonly auditsPerSecond: number;
  readonly auditBurst: number;
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
  /** A body may take as long as it needs at this pace; a sender that is slower, or stops, uses up its patience. */
  readonly bodyBytesPerSecond: number;
  readonly bodyPatienceMs: number;
  /** A connection on which nothing moves, in neither direction, milliseconds. */
  readonly silenceMs: number;
  /** How long requests that are under way may go on when it closes, milliseconds. */
  readonly closeGraceMs: number;
}

export const requestLimits: RequestLimits = {
  ...doorLimits,
  unprovenPerAddress: 24,
  connectionsPerSecond: 40,
  connectionBurst: 200,
  connectionsPerToken: 48,
  requestsPerSecond: 100,
  requestBurst: 400,
  auditsPerSecond: 5,
  auditBurst: 50,
  requestsAtOnce: 16,
  failureBurst: 10,
  failuresPerSecond: 10 / 60,
  probesPerSecond: 2,
  probeBurst: 30,
  bodyBytes: 16 * 1024 ** 3,
  bodyBytesPerSecond: 16 * 1024,
  bodyPatienceMs: 30_000,
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

/** By what an address is counted: one of IPv6 by its network, since whoever has one has 2^64 (RFC 4291 2.5.4). */
export function addressKey(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '');
  if (!plain.includes(':')) return plain;
  const [front = '', back] = plain.split('::');
  const groups = front === '' ? [] : front.split(':');
  const last = back === undefined || back === '' ? [] : back.split(':');
  const zeros = back === undefined ? 0 : Math.max(0, 8 - groups.length - last.length);
  const all = [...groups, ...Array.from({ length: zeros }, () => '0'), ...last];
  return `${all.slice(0, 4).join(':')}::/64`;
}
