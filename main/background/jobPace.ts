/** Rates over the last seconds, so that a remaining time follows what happens now. */
export interface JobPace {
  note(atMs: number, done: number, bytesDone: number): void;
  /** Units per second, and seconds left by bytes where their total is known, else by units; null while not known. */
  estimate(progress: { done: number; total: number; bytesDone: number; bytesTotal: number }): {
    ratePerSecond: number | null;
    remainingSeconds: number | null;
  };
}

const windowMs = 5000;
const stepMs = 250;

export function openJobPace(): JobPace {
  const samples: { atMs: number; done: number; bytesDone: number }[] = [];
  return {
    note(atMs, done, bytesDone) {
      const newest = samples.at(-1);
      if (newest && atMs < newest.atMs) samples.length = 0;
      if (newest && atMs - newest.atMs < stepMs) return;
      samples.push({ atMs, done, bytesDone });
      while (samples.length > 2 && atMs - samples[0]!.atMs > windowMs) samples.shift();
    },
    estimate({ done, total, bytesDone, bytesTotal }) {
      const oldest = samples[0];
      const newest = samples.at(-1);
      if (!oldest || !newest || newest.atMs - oldest.atMs < 500) return { ratePerSecond: null, remainingSeconds: null };
      const seconds = (newest.atMs - oldest.atMs) / 1000;
      const ratePerSecond = (newest.done - oldest.done) / seconds;
      const bytesPerSecond = (newest.bytesDone - oldest.bytesDone) / seconds;
      let remainingSeconds: number | null = null;
      if (bytesTotal > 0 && bytesPerSecond > 0)
        remainingSeconds = Math.max(0, (bytesTotal - bytesDone) / bytesPerSecond);
      else if (total > 0 && ratePerSecond > 0) remainingSeconds = Math.max(0, (total - done) / ratePerSecond);
      return { ratePerSecond, remainingSeconds };
    },
  };
}
