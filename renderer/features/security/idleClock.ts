/** How long before the lock a person is warned. */
export const warningMs = 60_000;

export interface IdleState {
  readonly remainingMs: number;
  readonly warn: boolean;
  readonly expired: boolean;
}

/**
 * Where the idle lock stands. Wall-clock times, not timers: a machine that slept must lock when it wakes.
 *
 * @param lastInputMs epoch ms of the last key, click or movement
 * @param nowMs       epoch ms; a clock set back counts as no time passed
 * @param idleMinutes minutes without input before the lock
 */
export function idleStateAt(lastInputMs: number, nowMs: number, idleMinutes: number): IdleState {
  const limitMs = idleMinutes * 60_000;
  const remainingMs = Math.max(0, limitMs - Math.max(0, nowMs - lastInputMs));
  return {
    remainingMs,
    // With a limit of one minute the warning takes the second half of it.
    warn: remainingMs > 0 && remainingMs <= Math.min(warningMs, limitMs / 2),
    expired: remainingMs === 0,
  };
}
