/**
 * Loaded into a measured host with `node --import`: answers the bench over the process channel. The product knows
 * nothing of it.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { isMainThread } from 'node:worker_threads';

export interface ProbeReading {
  /** Bytes the host's process has in memory, all threads. */
  readonly rss: number;
  readonly heapUsed: number;
  /** Delay of the event loop since the last reset, milliseconds: how much later than asked a timer came. */
  readonly delayMs: { readonly p50: number; readonly p99: number; readonly max: number };
  /** What one caller in a hundred waits at least, who comes at any moment; long stalls weigh by their length here. */
  readonly randomArrivalP99Ms: number;
}

/** Milliseconds between two looks at the loop; part of every raw figure, so it is taken off. */
const resolutionMs = 1;

if (isMainThread && process.send) {
  const delays = monitorEventLoopDelay({ resolution: resolutionMs });
  delays.enable();
  let stalls: number[] = [];
  let since = performance.now();
  let last = since;
  setInterval(() => {
    const now = performance.now();
    const stall = now - last - resolutionMs;
    if (stall > 1) stalls.push(stall);
    last = now;
  }, resolutionMs).unref();

  process.on('message', (message: 'read' | 'reset') => {
    if (message === 'reset') {
      delays.reset();
      stalls = [];
      since = performance.now();
      return;
    }
    const ms = (nanoseconds: number) => Math.max(0, nanoseconds / 1e6 - resolutionMs);
    const { rss, heapUsed } = process.memoryUsage();
    const reading: ProbeReading = {
      rss,
      heapUsed,
      delayMs: { p50: ms(delays.percentile(50)), p99: ms(delays.percentile(99)), max: ms(delays.max) },
      randomArrivalP99Ms: waitOfOneInHundred(stalls, performance.now() - since),
    };
    process.send?.(reading);
  });
  process.channel?.unref();
}

/** The d for which callers that come at any moment of `totalMs` wait longer than d once in a hundred. */
function waitOfOneInHundred(stalls: readonly number[], totalMs: number): number {
  let low = 0;
  let high = Math.max(0, ...stalls);
  for (let step = 0; step < 50; step += 1) {
    const middle = (low + high) / 2;
    const waiting = stalls.reduce((sum, stall) => sum + Math.max(0, stall - middle), 0);
    if (waiting > totalMs / 100) low = middle;
    else high = middle;
  }
  return high;
}
