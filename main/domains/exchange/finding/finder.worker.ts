import { parentPort } from 'node:worker_threads';
import type { FromFinder, ToFinder } from './finderMessages.ts';
import { listPeer, searchPeer, searchWorklist } from './searchPeer.ts';

/** Asks peers what they have. Their answers are parsed here, away from the thread that answers the window. */

interface Task {
  readonly abort: AbortController;
  /** Wakes a search that waits for its last batch to be taken. */
  more: (() => void) | null;
}

const tasks = new Map<number, Task>();

function post(message: FromFinder): void {
  parentPort?.postMessage(message);
}

async function run(message: Extract<ToFinder, { type: 'find' | 'schedule' | 'list' }>): Promise<void> {
  const { taskId } = message;
  const task: Task = { abort: new AbortController(), more: null };
  tasks.set(taskId, task);
  const { signal } = task.abort;
  if (message.type === 'list') {
    post({ type: 'listed', taskId, end: await listPeer(message.wish, signal) });
  } else {
    const take = (rows: Extract<FromFinder, { type: 'rows' }>['rows']) =>
      new Promise<void>((resolve) => {
        if (signal.aborted) return resolve();
        task.more = resolve;
        signal.addEventListener('abort', () => resolve(), { once: true });
        post({ type: 'rows', taskId, rows });
      });
    const end =
      message.type === 'find'
        ? await searchPeer(message.wish, take, signal)
        : await searchWorklist(message.wish, take, signal);
    post({ type: 'found', taskId, end });
  }
  tasks.delete(taskId);
}

parentPort?.on('message', (message: ToFinder) => {
  switch (message.type) {
    case 'more':
      tasks.get(message.taskId)?.more?.();
      break;
    case 'cancel':
      tasks.get(message.taskId)?.abort.abort();
      break;
    default:
      void run(message);
  }
});
