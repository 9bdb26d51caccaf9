import { type RefObject, useEffect, useRef, useState } from 'react';
import type { VirtualTableHandle } from './VirtualTable.tsx';

export interface SearchedList<Row> {
  readonly search: RefObject<HTMLInputElement | null>;
  readonly table: RefObject<VirtualTableHandle | null>;
  /** The text in the box now, and what of it was sent: a search waits for the next key. */
  readonly text: string;
  readonly sent: string;
  /** Every other filter, as text. */
  readonly filters: string;
  readonly pages: {
    readonly total: number | null;
    readonly stale: boolean;
    rowAt(index: number): Row | undefined;
  };
  /** The row chosen now, or null. */
  readonly chosen: string | null;
  readonly choose: (row: Row) => void;
}

/**
 * Enter in a search box goes to the list and chooses the first row found. A scanner's Enter comes with its last digit,
 * before the question is even sent: then the rows on the screen are still those of the text before, and the first of
 * them is somebody else. So an early Enter is remembered, and acts once its own question is answered; any other key or
 * choice forgets it.
 *
 * @returns `isAnswered`, true when the rows at hand answer exactly what is asked and not an earlier question; and
 *   `leaveSearch`, to be called on Enter
 */
export function useFirstFound<Row>(list: SearchedList<Row>): { isAnswered: boolean; leaveSearch: () => void } {
  const { search, table, pages, chosen } = list;
  const asked = JSON.stringify([list.text.trim(), list.filters]);
  const isAnswered = list.text.trim() === list.sent.trim() && pages.total !== null && !pages.stale;
  const [entered, setEntered] = useState<{ readonly asked: string; readonly chosen: string | null } | null>(null);
  const chooseFirst = () => {
    const first = pages.rowAt(0);
    if (!first) return;
    // There may have been no table to go to when Enter came.
    if (document.activeElement === search.current) table.current?.focus();
    list.choose(first);
  };
  const newest = useRef(chooseFirst);
  newest.current = chooseFirst;
  useEffect(() => {
    if (entered === null) return;
    const isStillMeant = entered.asked === asked && entered.chosen === chosen;
    if (isStillMeant && !isAnswered) return;
    setEntered(null);
    if (isStillMeant) newest.current();
  }, [entered, asked, isAnswered, chosen]);
  return {
    isAnswered,
    leaveSearch() {
      table.current?.focus();
      if (isAnswered) chooseFirst();
      else setEntered({ asked, chosen });
    },
  };
}
