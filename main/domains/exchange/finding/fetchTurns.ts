import { Failure } from '../../../../app/shared/failure.ts';

/** Fetches at a time from one node: a row of priors must not take all the associations that a PACS allows. */
const perNode = 2;

/** Lets so many fetches at a time talk to one node; the rest wait their turn. */
export function openFetchTurns() {
  const busy = new Map<string, number>();
  const waiting: { readonly nodeId: string; readonly go: () => void }[] = [];

  function leave(nodeId: string): void {
    busy.set(nodeId, (busy.get(nodeId) ?? 1) - 1);
    const at = waiting.findIndex((one) => one.nodeId === nodeId);
    if (at >= 0) waiting.splice(at, 1)[0]?.go();
  }

  return {
    /** Resolves with the way to give the turn back. @throws Failure('jobs.interrupted') when the signal comes first */
    async enter(nodeId: string, signal: AbortSignal): Promise<() => void> {
      while ((busy.get(nodeId) ?? 0) >= perNode && !signal.aborted) {
        await new Promise<void>((resolve) => {
          // Who has given up must not be called in place of one who still waits.
          const giveUp = () => {
            waiting.splice(waiting.indexOf(turn), 1);
            resolve();
          };
          const turn = {
            nodeId,
            go() {
              signal.removeEventListener('abort', giveUp);
              resolve();
            },
          };
          waiting.push(turn);
          signal.addEventListener('abort', giveUp, { once: true });
        });
      }
      if (signal.aborted) throw new Failure('jobs.interrupted', 'the fetch was cancelled');
      busy.set(nodeId, (busy.get(nodeId) ?? 0) + 1);
      return () => leave(nodeId);
    },
  };
}
