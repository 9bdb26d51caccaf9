import type { Clock } from '../platform/platform.ts';

export interface HybridClock {
  /** The next stamp: sorts after every stamp given before, also when the wall clock was set back. */
  next(nowMs: number): string;
}

/**
 * A hybrid logical clock (Kulkarni et al., 2014, "Logical Physical Clocks"): `<12 hex ms>-<4 hex counter>-<8 hex site>`,
 * so that text order is causal order on one site and stamps of two sites never collide.
 *
 * @param lastStamp the newest stamp in the store, or null for a new one
 */
export function openHybridClock(siteId: string, lastStamp: string | null): HybridClock {
  const site = siteId.replaceAll('-', '').slice(-8);
  let lastMs = lastStamp === null ? 0 : Number.parseInt(lastStamp.slice(0, 12), 16);
  let counter = lastStamp === null ? -1 : Number.parseInt(lastStamp.slice(13, 17), 16);
  return {
    next(nowMs) {
      if (nowMs > lastMs) {
        lastMs = nowMs;
        counter = 0;
      } else if (counter >= 0xffff) {
        lastMs += 1;
        counter = 0;
      } else {
        counter += 1;
      }
      return `${lastMs.toString(16).padStart(12, '0')}-${counter.toString(16).padStart(4, '0')}-${site}`;
    },
  };
}

/** Milliseconds the clock lies behind the newest known entry, 0 when it does not (a second of drift is no event). */
export function setBackByMs(clock: Clock, newestAtMs: number): number {
  const behind = newestAtMs - clock.nowMs();
  return behind > 1000 ? behind : 0;
}
