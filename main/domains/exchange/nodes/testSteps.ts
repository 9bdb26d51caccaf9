import { lookup } from 'node:dns/promises';
import { connect } from 'node:net';
import type { TestStep } from '../../../../app/domains/exchange/exchangeSchema.ts';
import { Failure } from '../../../../app/shared/failure.ts';
import { failureOfTrouble } from './troubleFailures.ts';

/** One step of a test, with what it showed of the node. */
export interface TriedStep {
  readonly step: TestStep;
  readonly learned: Readonly<Record<string, 'yes' | 'no'>>;
}

export type StepDetails = Record<string, string | number | boolean>;

/** What a step answered, or what is wrong although there was an answer. */
export interface StepAnswer {
  readonly details: StepDetails;
  readonly learned?: Readonly<Record<string, 'yes' | 'no'>>;
  readonly failure?: Failure | null;
}

/** Longest one step may take, ms. */
export const longestStepMs = 20_000;

/** Runs one step: whatever goes wrong with the peer becomes its code, and anything else is thrown. */
export async function tryStep(name: string, work: () => Promise<StepAnswer>): Promise<TriedStep> {
  const startedMs = performance.now();
  const took = () => Math.round(performance.now() - startedMs);
  try {
    const { details, learned = {}, failure = null } = await work();
    const step = { name, ok: failure === null, code: failure?.code ?? null, details, tookMs: took() };
    return { step: failure ? { ...step, details: { ...details, ...failure.details } } : step, learned };
  } catch (error) {
    const { code, details } = failureOfTrouble(error);
    return { step: { name, ok: false, code, details: { ...details }, tookMs: took() }, learned: {} };
  }
}

/** The addresses that a host name stands for. @throws Failure('exchange.unreachable') */
export async function resolveHost(host: string): Promise<string[]> {
  const late = new Promise<never>((_resolve, reject) => {
    setTimeout(
      () => reject(new Failure('exchange.timeout', 'the host name was not resolved in time', { wait: 'resolve' })),
      longestStepMs,
    ).unref();
  });
  const found = lookup(host, { all: true }).catch((error: NodeJS.ErrnoException) => {
    throw new Failure('exchange.unreachable', 'the host name is not known', { code: error.code ?? 'unknown' });
  });
  return (await Promise.race([found, late])).map(({ address }) => address);
}

/** Opens a TCP connection and ends it. @throws Failure('exchange.unreachable' | 'exchange.timeout') */
export function tryConnect(host: string, port: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    const settle = (failure?: Failure) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', cancel);
      // Errors of a socket that is done with are nobody's.
      socket.on('error', () => undefined).destroy();
      if (failure) reject(failure);
      else resolve();
    };
    const cancel = () => settle(new Failure('jobs.interrupted', 'cancelled'));
    const timer = setTimeout(
      () => settle(new Failure('exchange.timeout', 'no connection in time', { wait: 'connect', ms: longestStepMs })),
      longestStepMs,
    );
    signal.addEventListener('abort', cancel, { once: true });
    socket.once('connect', () => settle());
    socket.once('error', (error: NodeJS.ErrnoException) =>
      settle(new Failure('exchange.unreachable', 'no connection', { code: error.code ?? 'unknown' })),
    );
  });
}
