import { parentPort, workerData } from 'node:worker_threads';
import { readMultipart } from '../../../dicom/web/multipart.ts';
import { WebError } from '../../../dicom/web/webPeer.ts';
import { importLimits } from '../import/importLimits.ts';
import { openIntake } from '../import/receptionIntake.ts';
import type { FromStow, StowWorkerData, ToStow } from './stowMessages.ts';

/** Reads one STOW-RS request, part by part, and takes its objects into the archive. */
const data = workerData as StowWorkerData;
const intake = openIntake(data.archiveAccess, data.intakePort, {
  leastFreeBytes: data.leastFreeBytes,
  objectBytes: importLimits.objectBytes,
});
const mostParts = 100_000;

const waiting: ToStow[] = [];
let wake: () => void = () => undefined;
parentPort?.on('message', (message: ToStow) => {
  waiting.push(message);
  wake();
});

function post(message: FromStow): void {
  parentPort?.postMessage(message);
}

class CallerGone extends Error {}

async function* body(): AsyncGenerator<Uint8Array> {
  for (;;) {
    const message = waiting.shift();
    if (message === undefined) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
      continue;
    }
    if (message.type === 'end') return;
    if (message.type === 'gone') throw new CallerGone();
    yield message.bytes;
    post({ type: 'credit', count: 1 });
  }
}

async function read(): Promise<string | null> {
  try {
    const limits = { parts: mostParts, partBytes: importLimits.objectBytes + 1024 };
    for await (const part of readMultipart(body(), data.boundary, limits)) {
      post({ type: 'taken', taken: await intake.takeFile(data.receptionId, part.body, data.studyUid ?? undefined) });
    }
    return null;
  } catch (error) {
    if (error instanceof WebError) return String(error.details['reason'] ?? 'protocol');
    if (error instanceof CallerGone) return 'gone';
    throw error;
  }
}

post({ type: 'done', problem: await read() });
