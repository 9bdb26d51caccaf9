import { readdirSync, readFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

/** What a figure has to reach. `of` says which number is held against it; the value unless said. */
export interface Aim {
  readonly atLeast?: number;
  readonly atMost?: number;
  readonly of?: 'value' | 'ratio';
}

export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** Who did the same work in the same run, and its figure in the same unit. */
  readonly peer?: string;
  readonly peerValue?: number;
  /** value / peerValue. */
  readonly ratio?: number;
  readonly aim?: Aim;
  /** What else a reader needs to judge it: repetitions, sizes. */
  readonly more?: Record<string, string | number | boolean | readonly number[]>;
}

/** Prints one figure as a line of JSON, with whether its aim is met and the load of the machine at that moment. */
export function tell(figure: Figure): void {
  const { aim, more, ...facts } = figure;
  const ratio = figure.ratio ?? (figure.peerValue ? figure.value / figure.peerValue : undefined);
  const judged = aim?.of === 'ratio' ? ratio : figure.value;
  const ok =
    aim === undefined || judged === undefined
      ? undefined
      : judged >= (aim.atLeast ?? Number.NEGATIVE_INFINITY) && judged <= (aim.atMost ?? Number.POSITIVE_INFINITY);
  const line = {
    ...facts,
    value: round(figure.value),
    peerValue: figure.peerValue === undefined ? undefined : round(figure.peerValue),
    ratio: ratio === undefined ? undefined : round(ratio),
    aim: aim === undefined ? undefined : describeAim(aim, figure.unit),
    ok,
    load: round(loadavg()[0] as number),
    ...more,
  };
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

/** A line for whoever watches; stdout carries the figures alone. */
export function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

function describeAim(aim: Aim, unit: string): string {
  const of = aim.of === 'ratio' ? '×' : ` ${unit}`;
  return aim.atLeast === undefined ? `≤ ${aim.atMost}${of}` : `≥ ${aim.atLeast}${of}`;
}

function round(value: number): number {
  return Number(value.toPrecision(4));
}

export function median(values: readonly number[]): number {
  return percentile(values, 50);
}

/** The value that `percent` of all values lie at or below, between neighbours in proportion. */
export function percentile(values: readonly number[], percent: number): number {
  if (values.length === 0) throw new RangeError('no values');
  const sorted = [...values].sort((left, right) => left - right);
  const place = ((sorted.length - 1) * percent) / 100;
  const below = sorted[Math.floor(place)] as number;
  const above = sorted[Math.ceil(place)] as number;
  return below + (above - below) * (place - Math.floor(place));
}

/** Least squares: how much y grows for one unit of x. */
export function slope(points: readonly { readonly x: number; readonly y: number }[]): number {
  const meanX = points.reduce((sum, { x }) => sum + x, 0) / points.length;
  const meanY = points.reduce((sum, { y }) => sum + y, 0) / points.length;
  const covariance = points.reduce((sum, { x, y }) => sum + (x - meanX) * (y - meanY), 0);
  const variance = points.reduce((sum, { x }) => sum + (x - meanX) ** 2, 0);
  return covariance / variance;
}

/** Waits until others leave the processors alone for a second, at most `longestMs`; a measurement begins on a quiet machine. */
export async function waitForQuiet(
  longestMs = Number(process.env['SALUS_BENCH_PATIENCE_MS'] ?? 60_000),
): Promise<void> {
  const total = () =>
    cpus().reduce(
      ({ idle, all }, { times }) => ({
        idle: idle + times.idle,
        all: all + times.idle + times.user + times.sys + times.nice + times.irq,
      }),
      { idle: 0, all: 0 },
    );
  const end = performance.now() + longestMs;
  for (let before = total(); performance.now() < end; ) {
    await sleep(1000);
    const now = total();
    if ((now.idle - before.idle) / (now.all - before.all) > 0.85) return;
    before = now;
  }
}

/** Seconds that `work` took, by the monotonic clock. */
export async function timed(work: () => Promise<unknown> | unknown): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}

export interface Taken {
  readonly seconds: number;
  /** Processor time of this process and its children meanwhile; NaN where the system does not tell. Load from others hardly moves it. */
  readonly cpuSeconds: number;
}

/** Time by the clock and by the processors that `work` took. Children that end meanwhile are not counted. */
export async function taken(work: () => Promise<unknown> | unknown): Promise<Taken> {
  const before = processorSeconds();
  const seconds = await timed(work);
  return { seconds, cpuSeconds: processorSeconds() - before };
}

/** Clock ticks a second in /proc; 100 on every Linux that Node runs on. */
const ticksPerSecond = 100;

function processorSeconds(): number {
  if (process.platform !== 'linux') return Number.NaN;
  const { user, system } = process.cpuUsage();
  let seconds = (user + system) / 1e6;
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    let stat: string;
    try {
      stat = readFileSync(`/proc/${name}/stat`, 'utf8');
    } catch {
      // It has ended since the folder was read.
      continue;
    }
    // Fields after the program's name, which may hold anything: state, parent, …, utime and stime.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (Number(fields[1]) === process.pid) seconds += (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
  }
  return seconds;
}
