import { MessageChannel, Worker } from 'node:worker_threads';
import type { OwnEntry } from '../../../../app/domains/exchange/scheduleSchema.ts';
import type { OpenStore } from '../../../core.ts';
import type { IncomingEvent } from '../../../dicom/dimse/dimse.ts';
import type { Services } from '../../../domainServices.ts';
import { faultText } from '../../../platform/faultText.ts';
import type {
  AllowedCaller,
  EndedAssociation,
  FromReceiver,
  OpenedAssociation,
  ReceiverWorkerData,
  ToReceiver,
} from './receiverMessages.ts';

/** What the thread that listens says; all on the window's thread. */
export interface ListenerHears {
  opened(association: OpenedAssociation): void;
  ended(association: EndedAssociation): void;
  /** @throws to have it refused */
  event(event: IncomingEvent, callingAe: string): Promise<void>;
  /** What is scheduled for these days; empty is open. */
  schedule(days: { readonly dateFrom: string; readonly dateTo: string }): readonly OwnEntry[];
  space(isNearlyFull: boolean): void;
  /** The thread died by itself. */
  died(): void;
}

/** The thread that listens, from its start to its end. */
export interface Listener {
  readonly port: number;
  setCallers(callers: readonly AllowedCaller[]): void;
  /** Takes no new association, gives those that are open so long to end, then ends them. */
  close(graceMs: number): Promise<void>;
}

/** It can't listen; `code` is the system's or OpenSSL's. */
export class CannotListen extends Error {
  readonly code: string;
  constructor(code: string) {
    super(`cannot listen: ${code}`);
    this.code = code;
  }
}

/**
 * A small nursery keeps the thread's memory flat over any number of objects, and frees their buffers, which lie outside
 * the heap, before these set off a collection of everything (measured: a third less time in the collector's threads).
 */
const resourceLimits = { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 1024 };
/** An object that a parser never comes to the end of holds the thread: after so long it is replaced. */
const longestSilenceMs = 2 * 60_000;
const lookMs = 5_000;
/** Beyond its grace, a thread that does not end is ended. */
const lastWordMs = 5_000;

/**
 * Starts the thread that listens for associations.
 *
 * @throws CannotListen
 */
export async function startListener(
  store: OpenStore,
  services: () => Services,
  input: Omit<ReceiverWorkerData, 'archiveAccess' | 'intakePort'>,
  hears: ListenerHears,
): Promise<Listener> {
  const { log } = store.platform;
  const channel = new MessageChannel();
  services().imaging.receptions.serve(channel.port1);
  const workerData: ReceiverWorkerData = {
    ...input,
    archiveAccess: store.archive.access,
    intakePort: channel.port2,
  };
  const worker = new Worker(new URL('./receiver.worker.ts', import.meta.url), {
    workerData,
    transferList: [channel.port2],
    resourceLimits,
  });
  const tell = (message: ToReceiver) => worker.postMessage(message);
  let ending = false;
  let onClosed: () => void = () => undefined;
  const closed = new Promise<void>((resolve) => {
    onClosed = resolve;
  });

  function answerSchedule({ id, dateFrom, dateTo }: Extract<FromReceiver, { type: 'schedule' }>): void {
    let entries: readonly OwnEntry[] | null = null;
    try {
      entries = hears.schedule({ dateFrom, dateTo });
    } finally {
      tell({ type: 'schedule', id, entries });
    }
  }

  let silentForMs = 0;
  let lastLookMs = performance.now();
  const watch = setInterval(() => {
    // While the machine slept the thread did too: that time is nobody's.
    const nowMs = performance.now();
    silentForMs += Math.min(nowMs - lastLookMs, 2 * lookMs);
    lastLookMs = nowMs;
    if (silentForMs > longestSilenceMs && !ending) {
      log.error('the receiver was ended', new Error('it said nothing for too long'));
      void worker.terminate();
    } else tell({ type: 'ping' });
  }, lookMs).unref();

  const port = new Promise<number>((resolve, reject) => {
    const hear = (message: FromReceiver): void => {
      switch (message.type) {
        case 'listening':
          resolve(message.port);
          break;
        case 'failed':
          ending = true;
          reject(new CannotListen(message.code));
          break;
        case 'opened':
          try {
            hears.opened(message.association);
          } finally {
            // Its objects must not wait for ever: those of an unknown association are refused.
            tell({ type: 'opened', associationId: message.association.associationId });
          }
          break;
        case 'ended':
          hears.ended(message.association);
          break;
        case 'event':
          void hears.event(message.event, message.callingAe).then(
            () => tell({ type: 'eventDone', id: message.id, isTaken: true }),
            (error: unknown) => {
              log.warn('an event of another system was not taken', { reason: codeOf(error) });
              tell({ type: 'eventDone', id: message.id, isTaken: false });
            },
          );
          break;
        case 'schedule':
          answerSchedule(message);
          break;
        case 'pong':
          silentForMs = 0;
          break;
        case 'space':
          hears.space(message.isNearlyFull);
          break;
        case 'trouble':
          log.error('the receiver had trouble', new Error(message.text), { where: message.where });
          break;
        case 'closed':
          onClosed();
          break;
      }
    };
    worker.on('message', (message: FromReceiver) => {
      try {
        hear(message);
      } catch (error) {
        // A store that is being closed, say. It must end neither the thread nor the program.
        log.error('a message of the receiver could not be dealt with', new Error(faultText(error)));
      }
    });
    worker.on('error', (error) => {
      log.error('the receiver died', error);
      reject(new CannotListen('died'));
    });
    worker.on('exit', () => {
      clearInterval(watch);
      channel.port1.close();
      reject(new CannotListen('died'));
      onClosed();
      if (ending) return;
      try {
        hears.died();
      } catch (error) {
        log.error('the end of the receiver could not be dealt with', new Error(faultText(error)));
      }
    });
  });

  try {
    return {
      port: await port,
      setCallers: (callers) => tell({ type: 'callers', callers }),
      async close(graceMs) {
        ending = true;
        tell({ type: 'close', graceMs });
        let timer: NodeJS.Timeout | undefined;
        const late = new Promise<void>((resolve) => {
          timer = setTimeout(resolve, graceMs + lastWordMs);
        });
        await Promise.race([closed, late]);
        clearTimeout(timer);
        await worker.terminate();
      },
    };
  } catch (error) {
    ending = true;
    await worker.terminate();
    throw error;
  }
}

function codeOf(error: unknown): string {
  return (error as { code?: string }).code ?? 'unknown';
}
