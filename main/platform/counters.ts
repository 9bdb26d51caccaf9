/** How long things took, cumulatively, as Prometheus has it. */
export interface Spread {
  /** Upper bounds, seconds. */
  readonly bounds: readonly number[];
  /** How many were at most as long as the bound of the same place; one more at the end counts all. */
  readonly counts: readonly number[];
  readonly sum: number;
}

/** More different labels than this are counted as `other`: what a peer says must not make the list grow. */
const mostLabels = 200;

/** Counts by label; several labels are joined by tabs. */
export class Counts {
  readonly map = new Map<string, number>();

  add(key: string, count = 1): void {
    const name = this.map.has(key) || this.map.size < mostLabels ? key : key.replace(/[^\t]*$/, 'other');
    this.map.set(name, (this.map.get(name) ?? 0) + count);
  }
}

export class Durations implements Spread {
  readonly bounds: readonly number[];
  readonly counts: number[];
  sum = 0;

  /** @param bounds seconds, rising */
  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = new Array<number>(bounds.length + 1).fill(0);
  }

  add(seconds: number): void {
    // A clock set back makes none negative.
    const length = Math.max(0, seconds);
    this.sum += length;
    for (let at = 0; at < this.counts.length; at += 1) {
      if (length <= (this.bounds[at] ?? Number.POSITIVE_INFINITY)) this.counts[at] = (this.counts[at] ?? 0) + 1;
    }
  }
}
