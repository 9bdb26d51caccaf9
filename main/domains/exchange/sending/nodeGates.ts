import {
  afterConnectionFailure,
  type Breaker,
  breakerAnswer,
  closedBreaker,
  minutesUntilOpen,
} from '../../../../app/domains/exchange/deliveryRules.ts';
import type { NodeUse } from '../../../../app/domains/exchange/exchangeSchema.ts';

export interface NodeGates {
  /** Whether a node may be called now; `opensAt` (epoch ms) where it may not. */
  ask(nodeId: string, use: NodeUse): { readonly answer: 'pass' | 'trial' } | { readonly opensAt: number };
  /** Local hours end in so many milliseconds; null when they do not. */
  closesInMs(use: NodeUse): number | null;
  reached(nodeId: string): void;
  failed(nodeId: string): void;
  /** Leaves a node alone for a while, for a reason of ours: a full disk must not send the same thing over and over. */
  pause(nodeId: string, forMs: number): void;
  forget(nodeId: string): void;
}

interface GateParts {
  nowMs(): number;
  random(): number;
  /** Local minute of the day, 0 to 1439. */
  minuteOfDay(nowMs: number): number;
}

const minuteMs = 60_000;

/** When each node may be called: within its hours, and not while it does not answer. Kept in memory only. */
export function openNodeGates({ nowMs, random, minuteOfDay }: GateParts): NodeGates {
  const breakers = new Map<string, Breaker>();
  const paused = new Map<string, number>();
  const intoMinuteMs = () => nowMs() % minuteMs;
  return {
    ask(nodeId, use) {
      const now = nowMs();
      const pausedUntil = paused.get(nodeId) ?? 0;
      if (pausedUntil > now) return { opensAt: pausedUntil };
      const closedMinutes = minutesUntilOpen(use.hours, minuteOfDay(now));
      if (closedMinutes > 0) return { opensAt: now + closedMinutes * minuteMs - intoMinuteMs() };
      const breaker = breakers.get(nodeId) ?? closedBreaker;
      const answer = breakerAnswer(breaker, now);
      return answer === 'wait' ? { opensAt: breaker.trialAt ?? now } : { answer };
    },
    closesInMs({ hours }) {
      if (hours === null || hours.from === hours.to) return null;
      // Outside the hours is inside those from their end to their beginning.
      const minutes = minutesUntilOpen({ from: hours.to, to: hours.from }, minuteOfDay(nowMs()));
      return Math.max(0, minutes * minuteMs - intoMinuteMs());
    },
    reached: (nodeId) => void breakers.delete(nodeId),
    failed(nodeId) {
      breakers.set(nodeId, afterConnectionFailure(breakers.get(nodeId) ?? closedBreaker, nowMs(), random()));
    },
    pause: (nodeId, forMs) => void paused.set(nodeId, nowMs() + forMs),
    forget: (nodeId) => void breakers.delete(nodeId),
  };
}

/** By the clock of this machine, which is what a person means by hours. */
export function localMinuteOfDay(nowMs: number): number {
  const date = new Date(nowMs);
  return date.getHours() * 60 + date.getMinutes();
}
