import { useCallback, useEffect, useRef, useState } from 'react';
import type { ScheduledStep } from '../../../app/domains/exchange/exchangeSchema.ts';
import type { Failure } from '../../../app/shared/failure.ts';
import { useApi } from '../../api/ApiProvider.tsx';
import { asFailure } from '../../api/asFailure.ts';
import type { NodeAnswer } from './findStore.ts';

interface ScheduleSearch {
  readonly asked: readonly string[];
  readonly answers: ReadonlyMap<string, NodeAnswer>;
  readonly rows: readonly ScheduledStep[];
  readonly isRunning: boolean;
  readonly failure: Failure | null;
}

const none: ScheduleSearch = { asked: [], answers: new Map(), rows: [], isRunning: false, failure: null };
const stepsAtMost = 500;

/** Asks the worklists of other systems for one day; ends with the screen that asked. */
export function useScheduleSearch(): ScheduleSearch & {
  start(nodeIds: readonly string[], day: string): Promise<void>;
  clear(): void;
} {
  const { client } = useApi();
  const [search, setSearch] = useState<ScheduleSearch>(none);
  const running = useRef<AbortController | null>(null);
  useEffect(() => () => running.current?.abort(), []);
  const clear = useCallback(() => {
    running.current?.abort();
    running.current = null;
    setSearch(none);
  }, []);
  const start = useCallback(
    async (nodeIds: readonly string[], day: string): Promise<void> => {
      running.current?.abort();
      const abort = new AbortController();
      running.current = abort;
      const searching = new Map(nodeIds.map((nodeId) => [nodeId, { state: 'searching' } as NodeAnswer]));
      setSearch({ ...none, asked: nodeIds, answers: searching, isRunning: true });
      let failure: Failure | null = null;
      try {
        const query = { patientName: '', patientId: '', accessionNumber: '', modality: '', stationAeTitle: '' };
        const input = { nodeIds: [...nodeIds], query: { ...query, dateFrom: day, dateTo: day }, limit: stepsAtMost };
        for await (const event of await client.exchange.findSchedule(input, { signal: abort.signal })) {
          if (running.current !== abort) return;
          if (event.type === 'scheduled') setSearch((was) => ({ ...was, rows: [...was.rows, ...event.rows] }));
          else setSearch((was) => ({ ...was, answers: new Map(was.answers).set(event.nodeId, event) }));
        }
      } catch (error) {
        failure = asFailure(error);
      }
      if (running.current !== abort) return;
      // Who was not heard to the end has not answered.
      const ended = (answers: ScheduleSearch['answers']) =>
        new Map(
          [...answers].map(([nodeId, answer]) => [nodeId, 'state' in answer ? { state: 'stopped' as const } : answer]),
        );
      setSearch((was) => ({ ...was, isRunning: false, failure, answers: ended(was.answers) }));
    },
    [client],
  );
  return { ...search, start, clear };
}
