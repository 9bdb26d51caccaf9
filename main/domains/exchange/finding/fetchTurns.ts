import { Failure } from '../../../../app/shared/failure.ts';

/** Fetches at a time from one node: a row of priors must not take all the associations that a PACS allows. */
const perNode = 2;

interface Turn {
  readonly nodeId: string;
  readonly isBySystem: boolean;
  go(): void;
}

/**
 * Lets so many fetches at a time talk to one node; the rest wait their turn. What the system fetches by itself goes only
 * while nothing else of the node runs or waits, and so leaves room for a person's at any time.
 */
export function openFetchTurns() {
  const busy = new Map<string, number>();
  const waiting: Turn[] = [];

  function mayGo({ nodeId, isBySystem }: Pick<Turn, 'nodeId' | 'isBySystem'>): boolean {
    const now = busy.get(nodeId) ?? 0;
    if (!isBySystem) return now < perNode;
    return now === 0 && !waiting.some((one) => one.nodeId === nodeId && !one.isBySystem);
  }

  function callNext(nodeId: string): void {
    const ofNode = waiting.filter((one) => one.nodeId === nodeId);
    const next = ofNode.find(({ isBySystem }) => !isBySystem) ?? ofNode[0];
    if (!next || !mayGo(next)) return;
    waiting.splice(waiting.indexOf(next), 1);
    next.go();
  }

  function leave(nodeId: string): void {
    busy.set(nodeId, (busy.get(nodeId) ?? 1) - 1);
    callNext(nodeId);
  }

  return {
    /**
     * Resolves with the way to give the turn back.
     *
     * @param isBySystem nobody asked for it: it goes after what people ask for
     * @throws Failure('jobs.interrupted') when the signal comes first
     */
    async enter(nodeId: string, signal: AbortSignal, isBySystem = false): Promise<() => void> {
      while (!mayGo({ nodeId, isBySystem }) && !signal.aborted) {
        await new Promise<void>((resolve) => {
          // Who has given up must not be called in place of one who still waits.
          const giveUp = () => {
            waiting.splice(waiting.indexOf(turn), 1);
            resolve();
          };
          const turn: Turn = {
            nodeId,
            isBySystem,
            go() {
              signal.removeEventListener('abort', giveUp);
              resolve();
            },
          };
          waiting.push(turn);
          signal.addEventListener('abort', giveUp, { once: true });
        });
      }
      if (signal.aborted) {
        // Called and gone: whoever waits behind is called in its place.
        callNext(nodeId);
        throw new Failure('jobs.interrupted', 'the fetch was cancelled');
      }
      busy.set(nodeId, (busy.get(nodeId) ?? 0) + 1);
      return () => leave(nodeId);
    },
  };
}
