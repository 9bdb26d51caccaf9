import { parentPort, workerData } from 'node:worker_threads';
import { openIntake } from '../../imaging/receptionService.ts';
import type { FetchWorkerData, FromFetcher, ToFetcher } from './fetchMessages.ts';
import { type FetchCounts, fetchFromPeer } from './fetchPeer.ts';

/** Brings objects from peers: they are read, examined, encrypted and archived here, and their rows written elsewhere. */
const { archiveAccess, rows } = workerData as FetchWorkerData;
const intake = openIntake(archiveAccess, rows);
const tasks = new Map<number, AbortController>();
const progressMs = 200;

function post(message: FromFetcher): void {
  parentPort?.postMessage(message);
}

async function run({ taskId, wish }: Extract<ToFetcher, { type: 'fetch' }>): Promise<void> {
  const abort = new AbortController();
  tasks.set(taskId, abort);
  const counts: FetchCounts = { refused: 0, bytes: 0 };
  const tell = () => post({ type: 'progress', taskId, ...counts });
  const timer = setInterval(tell, progressMs);
  intake.setLeastFree(wish.leastFreeBytes);
  const end = await fetchFromPeer(wish, intake, counts, abort.signal);
  clearInterval(timer);
  tasks.delete(taskId);
  tell();
  post({ type: 'fetched', taskId, end });
}

parentPort?.on('message', (message: ToFetcher) => {
  if (message.type === 'fetch') void run(message);
  else tasks.get(message.taskId)?.abort();
});
