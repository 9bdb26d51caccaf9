import { useEffect, useRef, useState } from 'react';

export interface FirstFound {
  /** What is asked for as of the last key: the text in the box and every filter. */
  readonly asked: string;
  /** True when the rows at hand answer exactly that, and not an earlier question. */
  readonly isAnswered: boolean;
  /** The row chosen now, or null. */
  readonly chosen: string | null;
  /** Chooses the first row that is listed. */
  readonly chooseFirst: () => void;
}

/**
 * Enter in a search box chooses the first row found. A scanner's Enter comes with its last digit, before the question is
 * even sent: then the rows on the screen are still those of the text before, and the first of them is somebody else. So
 * an early Enter is remembered, and acts once its own question is answered; any other key or choice forgets it.
 *
 * @returns to be called on Enter
 */
export function useFirstFound({ asked, isAnswered, chosen, chooseFirst }: FirstFound): () => void {
  const [entered, setEntered] = useState<{ readonly asked: string; readonly chosen: string | null } | null>(null);
  const choose = useRef(chooseFirst);
  choose.current = chooseFirst;
  useEffect(() => {
    if (entered === null) return;
    const isStillMeant = entered.asked === asked && entered.chosen === chosen;
    if (isStillMeant && !isAnswered) return;
    setEntered(null);
    if (isStillMeant) choose.current();
  }, [entered, asked, isAnswered, chosen]);
  return () => {
    if (isAnswered) chooseFirst();
    else setEntered({ asked, chosen });
  };
}
