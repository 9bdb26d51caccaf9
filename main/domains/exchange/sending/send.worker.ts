import { parentPort, workerData } from 'node:worker_threads';
import { Failure } from '../../../../app/shared/failure.ts';
import { openArchive } from '../../../archive/openArchive.ts';
import { faultText } from '../../../platform/faultText.ts';
import { attemptDimse } from './attemptDimse.ts';
import { attemptWeb } from './attemptWeb.ts';
import { attemptXnat } from './attemptXnat.ts';
import { readCommitment } from './commitmentData.ts';
import { openOutgoing } from './outgoingObjects.ts';
import type { SenderPorts } from './senderPorts.ts';
import type {
  Answers,
  AttemptEnd,
  AttemptOrder,
  CommitmentAnswer,
  FromSender,
  InstanceResult,
  SenderData,
  ToSender,
} from './sendMessages.ts';

/** Reads, decrypts and sends objects, and reads what peers answer, away from the thread that answers the window. */
const data = workerData as SenderData;
const archive = openArchive(data.archiveAccess);
const busyWith = new Int32Array(data.busyWith);
const asked = new Map<number, { resolve(value: Answers[keyof Answers]): void; reject(error: unknown): void }>();
let stop = new AbortController();
let nextAsk = 1;
let results: InstanceResult[] = [];
let timer: NodeJS.Timeout | null = null;

const resultsMs = 100;
const resultsCount = 50;

function post(message: FromSender): void {
  parentPort?.postMessage(message);
}

function postResults(): void {
  if (timer !== null) clearTimeout(timer);
  timer = null;
  if (results.length === 0) return;
  post({ type: 'results', results });
  results = [];
}

function portsOf(order: AttemptOrder, signal: AbortSignal): SenderPorts {
  const ask: SenderPorts['ask'] = (question) => {
    // What is asked for hangs on what became of the instances before.
    postResults();
    const askId = nextAsk++;
    return new Promise<Answers[typeof question.kind]>((resolve, reject) => {
      asked.set(askId, { resolve: resolve as (value: Answers[keyof Answers]) => void, reject });
      post({ type: 'ask', askId, question });
    }) as never;
  };
  const objects = openOutgoing({ archive, resourcesDirectory: data.resourcesDirectory, ask }, order);
  return {
    objects,
    signal,
    ask,
    result(result) {
      results.push(result.kind === 'unreadable' ? { ...result, reason: objects.reasonOf(result.position) } : result);
      if (results.length >= resultsCount) postResults();
      else timer ??= setTimeout(postResults, resultsMs);
    },
    learned: (name, state) => post({ type: 'learned', name, state }),
    busyWith: (item) => void Atomics.store(busyWith, 0, item?.position ?? -1),
  };
}

async function attempt(order: AttemptOrder): Promise<void> {
  stop = new AbortController();
  let end: AttemptEnd;
  let fault: string | null = null;
  try {
    end = await attemptNode(order, portsOf(order, stop.signal));
  } catch (error) {
    const code = error instanceof Failure ? error.code : 'jobs.failed';
    if (!(error instanceof Failure)) fault = faultText(error);
    end = { trouble: { code, details: {} }, retryAfterMs: null, reached: false, proof: 'none', provenBy: null };
  }
  if (stop.signal.aborted && end.trouble !== null) {
    end = { ...end, trouble: { code: 'jobs.interrupted', details: {} } };
    fault = null;
  }
  Atomics.store(busyWith, 0, -1);
  asked.clear();
  postResults();
  post({ type: 'ended', end, fault });
}

function attemptNode(order: AttemptOrder, ports: SenderPorts): Promise<AttemptEnd> {
  const { settings } = order.known.node;
  if (settings.kind === 'xnat') return attemptXnat(order, settings, ports);
  return settings.kind === 'dimse' ? attemptDimse(order, ports) : attemptWeb(order, ports);
}

/** Whatever a peer sent, the attempt that this thread may be busy with goes on. */
function readSafely(event: Extract<ToSender, { type: 'event' }>): CommitmentAnswer | null {
  try {
    return readCommitment(event.information, event.transferSyntaxUid);
  } catch (error) {
    post({ type: 'fault', fault: faultText(error) });
    return null;
  }
}

parentPort?.on('message', (message: ToSender) => {
  switch (message.type) {
    case 'attempt':
      void attempt(message.order);
      break;
    case 'stop':
      stop.abort();
      break;
    case 'answer':
      asked.get(message.askId)?.resolve(message.value);
      asked.delete(message.askId);
      break;
    case 'refusal':
      asked.get(message.askId)?.reject(new Failure(message.code, 'the thread of the queues refused'));
      asked.delete(message.askId);
      break;
    case 'event': {
      post({ type: 'event', eventId: message.eventId, answer: readSafely(message) });
      break;
    }
  }
});
