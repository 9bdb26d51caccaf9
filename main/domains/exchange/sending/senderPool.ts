import { Worker } from 'node:worker_threads';
import { Failure } from '../../../../app/shared/failure.ts';
import type { ArchiveAccess } from '../../../archive/archive.ts';
import { faultText } from '../../../platform/faultText.ts';
import type { Log } from '../../../platform/platform.ts';
import type {
  Answers,
  AttemptEnd,
  AttemptOrder,
  CommitmentAnswer,
  FromSender,
  InstanceResult,
  Question,
  SenderData,
  ToSender,
} from './sendMessages.ts';

/** What an attempt needs of the thread that keeps the queues. */
export interface AttemptPorts {
  answer(question: Question): Promise<Answers[keyof Answers]>;
  results(results: readonly InstanceResult[]): void;
  learned(name: string, state: 'yes' | 'no'): void;
}

export interface RunningAttempt {
  /** Never rejects: trouble is part of the end. */
  readonly ended: Promise<AttemptEnd>;
  /** Breaks the association off; the attempt ends as soon as that is done. */
  stop(): void;
}

export interface SenderPool {
  attempt(order: AttemptOrder, ports: AttemptPorts): RunningAttempt;
  /** What a peer said of a storage commitment, read in a worker thread; null when it is none. */
  readEvent(transferSyntaxUid: string, information: Uint8Array): Promise<CommitmentAnswer | null>;
  close(): Promise<void>;
}

interface Thread {
  readonly worker: Worker;
  readonly busyWith: Int32Array;
  attempt: { readonly ports: AttemptPorts; end(end: AttemptEnd): void } | null;
  readonly events: Map<number, (answer: CommitmentAnswer | null) => void>;
  idle: NodeJS.Timeout | null;
}

const idleMs = 60_000;
/** How long a thread may take to end an attempt that was stopped. */
const stopMs = 5000;
/**
 * A small nursery keeps a worker's memory flat (measured: 360 MiB of the process after 16,000 objects and after 40,000).
 * No limit to the old generation: with one, buffers outside the heap were collected more often (10 times to 111 MB, not 7).
 */
const resourceLimits = { maxYoungGenerationSizeMb: 16 };

/** Threads that read, decrypt and send: one for each attempt under way, kept for the next, ended when idle. */
export function openSenderPool(archiveAccess: ArchiveAccess, resourcesDirectory: string, log: Log): SenderPool {
  const threads = new Set<Thread>();
  let nextEvent = 1;
  let closed = false;

  const tell = (thread: Thread, message: ToSender, transfer: ArrayBuffer[] = []) =>
    thread.worker.postMessage(message, transfer);

  function startThread(): Thread {
    const shared = new SharedArrayBuffer(4);
    const busyWith = new Int32Array(shared);
    busyWith[0] = -1;
    const workerData: SenderData = { archiveAccess, resourcesDirectory, busyWith: shared };
    const worker = new Worker(new URL('./send.worker.ts', import.meta.url), { workerData, resourceLimits });
    const thread: Thread = { worker, busyWith, attempt: null, events: new Map(), idle: null };
    threads.add(thread);
    worker.on('message', (message: FromSender) => safely(() => receive(thread, message)));
    worker.on('error', (error) => log.error('a sending thread died', new Error(faultText(error))));
    worker.on('exit', () => safely(() => afterExit(thread)));
    return thread;
  }

  /** What a message brings may not be written on a full disk: the next attempt finds it again. */
  function safely(work: () => void): void {
    try {
      work();
    } catch (error) {
      log.error('what a sending thread said could not be taken up', new Error(faultText(error)));
    }
  }

  function takeThread(): Thread {
    const free = [...threads].find(({ attempt }) => attempt === null) ?? startThread();
    if (free.idle !== null) clearTimeout(free.idle);
    free.idle = null;
    free.worker.ref();
    return free;
  }

  function rest(thread: Thread): void {
    if (thread.attempt !== null || thread.events.size > 0 || thread.idle !== null) return;
    thread.worker.unref();
    thread.idle = setTimeout(() => void thread.worker.terminate(), idleMs).unref();
  }

  function afterExit(thread: Thread): void {
    threads.delete(thread);
    if (thread.idle !== null) clearTimeout(thread.idle);
    for (const resolve of thread.events.values()) resolve(null);
    const { attempt } = thread;
    thread.attempt = null;
    if (attempt === null) return;
    const position = Atomics.load(thread.busyWith, 0);
    const code = closed ? 'jobs.interrupted' : 'jobs.failed';
    // What it died over comes last from now on.
    try {
      if (!closed && position >= 0) attempt.ports.results([{ position, kind: 'again', status: null, code }]);
    } finally {
      attempt.end(endedWith(code));
    }
  }

  function receive(thread: Thread, message: FromSender): void {
    const { attempt } = thread;
    switch (message.type) {
      case 'results':
        attempt?.ports.results(message.results);
        break;
      case 'learned':
        attempt?.ports.learned(message.name, message.state);
        break;
      case 'ask':
        if (attempt) void answer(thread, attempt.ports, message.askId, message.question);
        break;
      case 'event':
        thread.events.get(message.eventId)?.(message.answer);
        thread.events.delete(message.eventId);
        rest(thread);
        break;
      case 'fault':
        log.error('an answer could not be read', new Error(message.fault));
        break;
      case 'ended':
        if (message.fault !== null) log.error('an attempt at a delivery failed', new Error(message.fault));
        thread.attempt = null;
        attempt?.end(message.end);
        rest(thread);
        break;
    }
  }

  async function answer(thread: Thread, ports: AttemptPorts, askId: number, question: Question): Promise<void> {
    let message: ToSender;
    let transfer: ArrayBuffer[] = [];
    try {
      const value = await ports.answer(question);
      message = { type: 'answer', askId, value };
      if (value instanceof Uint8Array) transfer = [value.buffer as ArrayBuffer];
    } catch (error) {
      if (!(error instanceof Failure)) log.error('a sending thread could not be answered', new Error(faultText(error)));
      message = { type: 'refusal', askId, code: error instanceof Failure ? error.code : 'jobs.failed' };
    }
    if (threads.has(thread)) tell(thread, message, transfer);
  }

  return {
    attempt(order, ports) {
      if (closed) return { ended: Promise.resolve(endedWith('jobs.interrupted')), stop: () => undefined };
      const thread = takeThread();
      let kill: NodeJS.Timeout | null = null;
      const ended = new Promise<AttemptEnd>((resolve) => {
        thread.attempt = {
          ports,
          end(end) {
            if (kill !== null) clearTimeout(kill);
            resolve(end);
          },
        };
      });
      tell(thread, { type: 'attempt', order });
      return {
        ended,
        stop() {
          if (kill !== null || thread.attempt?.ports !== ports) return;
          tell(thread, { type: 'stop' });
          kill = setTimeout(() => void thread.worker.terminate(), stopMs);
        },
      };
    },
    readEvent(transferSyntaxUid, information) {
      if (closed) return Promise.resolve(null);
      const thread = takeThread();
      const eventId = nextEvent++;
      return new Promise((resolve) => {
        thread.events.set(eventId, resolve);
        tell(thread, { type: 'event', eventId, transferSyntaxUid, information });
      });
    },
    async close() {
      closed = true;
      await Promise.all([...threads].map(({ worker }) => worker.terminate()));
    },
  };
}

function endedWith(code: string): AttemptEnd {
  return { trouble: { code, details: {} }, retryAfterMs: null, reached: false, proof: 'none', provenBy: null };
}
