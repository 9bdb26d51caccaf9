import { Failure } from '../../../../app/shared/failure.ts';
import type { Topic } from '../../../../app/shared/operation.ts';
import type { RoutingParts } from './askForStudy.ts';
import { routeArrivals } from './routeArrivals.ts';
import { routeSigned } from './routeSigned.ts';

/** Looks at what has come and was signed, whenever something was committed, and now and then. */
export interface RoutingLook {
  start(): void;
  wake(): void;
  /** Resolves once nothing more is asked for. */
  close(): Promise<void>;
}

export interface RoutingTimes {
  /** After a commit so long, that what follows it at once is looked at with it. */
  readonly soonMs: number;
  /** What is held becomes due without anybody's doing; a machine may sleep, and its clock may be set. */
  readonly everyMs: number;
}

const usualTimes: RoutingTimes = { soonMs: 250, everyMs: 30_000 };
/** A look that takes long, while tens of thousands of instances come, makes the next one wait. */
const restFactor = 5;

const telling: readonly Topic[] = ['studies', 'reports', 'rules'];

export function openRoutingLook(parts: RoutingParts, { soonMs, everyMs }: RoutingTimes = usualTimes): RoutingLook {
  const { store } = parts;
  let started = false;
  let closed = false;
  let timer: NodeJS.Timeout | null = null;
  let dueAtMs = Number.POSITIVE_INFINITY;
  let tookMs = 0;
  let running: Promise<void> | null = null;
  let again = false;
  let stopHearing: () => void = () => undefined;

  function plan(delayMs: number): void {
    if (!started || closed) return;
    if (running) {
      again ||= delayMs < everyMs;
      return;
    }
    const atMs = performance.now() + delayMs;
    if (timer !== null && dueAtMs <= atMs) return;
    if (timer !== null) clearTimeout(timer);
    dueAtMs = atMs;
    timer = setTimeout(look, delayMs).unref();
  }

  function look(): void {
    timer = null;
    dueAtMs = Number.POSITIVE_INFINITY;
    const startedMs = performance.now();
    again = false;
    running = lookOnce()
      .catch((error: unknown) => {
        if (closed && error instanceof Failure) return;
        // A full disk, for one: what is due stays due.
        store.platform.log.error('the routing rules could not be looked at', error);
        again = false;
      })
      .then(() => {
        running = null;
        tookMs = performance.now() - startedMs;
        plan(again ? soon() : everyMs);
      });
  }

  const soon = () => Math.max(soonMs, Math.min(restFactor * tookMs, everyMs));
  const isClosing = () => closed;

  async function lookOnce(): Promise<void> {
    while (!closed && (await routeSigned(parts, isClosing)));
    while (!closed && (await routeArrivals(parts, isClosing)));
  }

  return {
    start() {
      if (started || closed) return;
      started = true;
      stopHearing = store.gate.onCommit((_sequence, topics) => {
        if (topics.some((topic) => telling.includes(topic))) plan(soon());
      });
      plan(0);
    },
    wake: () => plan(0),
    async close() {
      closed = true;
      stopHearing();
      if (timer !== null) clearTimeout(timer);
      await running;
    },
  };
}
