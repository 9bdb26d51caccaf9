import { useQueries } from '@tanstack/react-query';
import { useCallback, useRef, useState } from 'react';
import type { Failure } from '../../app/shared/failure.ts';
import { useApi } from './ApiProvider.tsx';
import { asFailure } from './asFailure.ts';
import { callByName, type InputOf, type OutputOf } from './contractClient.ts';
import { queryKeyOf } from './queries.ts';

type PagedName =
  | 'worklist.list'
  | 'patients.list'
  | 'imaging.listConflicts'
  | 'exchange.listDeliveries'
  | 'exchange.associations'
  | 'exchange.listPrefetches';
type RowOf<Name extends PagedName> = OutputOf<Name> extends { rows: readonly (infer Row)[] } ? Row : never;
interface Page<Row> {
  readonly total: number;
  readonly rows: readonly Row[];
}

export const pageSize = 100;

/** Pages (from 0) that hold rows first…last, both included. */
export function pagesFor(first: number, last: number, size = pageSize): number[] {
  const pages: number[] = [];
  for (let page = Math.floor(Math.max(0, first) / size); page <= Math.floor(Math.max(0, last) / size); page += 1) {
    pages.push(page);
  }
  return pages;
}

export interface View {
  readonly first: number;
  readonly last: number;
}

/**
 * Which rows are in view, told by a table on every scroll step. Changes only when other pages are needed, so that
 * scrolling draws rows and nothing else.
 */
export function useView(): readonly [View, (first: number, last: number) => void] {
  const [view, setView] = useState<View>({ first: 0, last: 0 });
  const tell = useCallback((first: number, last: number) => {
    const pages = pagesFor(first, last);
    setView((was) => (pagesFor(was.first, was.last).join() === pages.join() ? was : { first, last }));
  }, []);
  return [view, tell];
}

export interface Pages<Row> {
  /** Rows in the whole list; null until the first answer. */
  readonly total: number | null;
  /** The row, or undefined while its page is on its way. */
  rowAt(index: number): Row | undefined;
  readonly failure: Failure | null;
  /** True while what is shown answers an older question. */
  readonly stale: boolean;
  retry(): void;
}

/**
 * A long list by its pages: those that hold the rows in view and the first one, which knows the total. While a new
 * question is unanswered the old answer stays (no flash); rows not yet fetched are undefined (a skeleton).
 *
 * @param question the input without offset and limit; must keep its identity while it is the same question.
 */
export function usePagesOf<Name extends PagedName>(
  name: Name,
  question: Omit<NonNullable<InputOf<Name>>, 'offset' | 'limit'>,
  view: View,
): Pages<RowOf<Name>> {
  const { client } = useApi();
  const wanted = pagesFor(view.first, view.last);
  const pages = wanted.includes(0) ? wanted : [0, ...wanted];
  const results = useQueries({
    queries: pages.map((page) => {
      const input = { ...question, offset: page * pageSize, limit: pageSize } as InputOf<Name>;
      return {
        queryKey: queryKeyOf(name, input),
        queryFn: async ({ signal }: { signal: AbortSignal }): Promise<Page<RowOf<Name>>> => {
          try {
            return (await callByName(client, name, input, signal)) as unknown as Page<RowOf<Name>>;
          } catch (error) {
            throw signal.aborted ? error : asFailure(error);
          }
        },
        meta: { topics: true },
      };
    }),
  });

  const previous = useRef<{ total: number; byPage: Map<number, readonly RowOf<Name>[]> } | null>(null);
  const first = results[pages.indexOf(0)];
  const answered = first?.data;
  let shown = previous.current;
  if (answered) {
    const byPage = new Map<number, readonly RowOf<Name>[]>();
    results.forEach((result, index) => {
      const page = pages[index];
      if (result.data && page !== undefined) byPage.set(page, result.data.rows);
    });
    shown = { total: answered.total, byPage };
    previous.current = shown;
  }
  const failed = results.find((result) => result.error !== null);
  return {
    total: shown?.total ?? null,
    rowAt: (index) => shown?.byPage.get(Math.floor(index / pageSize))?.[index % pageSize],
    failure: (failed?.error as Failure | undefined) ?? null,
    stale: !answered && shown !== null,
    retry: () => {
      for (const result of results) if (result.error) void result.refetch();
    },
  };
}
