import { useEffect, useState } from 'react';
import { Failure } from '../../../app/shared/failure.ts';

/** Milliseconds a refusal asks to wait, 0 when it asks for none. */
export function retryAfterMs(failure: unknown): number {
  if (!(failure instanceof Failure)) return 0;
  const asked = failure.details['retryAfterMs'];
  return typeof asked === 'number' && asked > 0 ? asked : 0;
}

/** Counts down the wait that a refusal asked for. Gives whole seconds left, 0 when another attempt may be made. */
export function useRetryDelay(failure: unknown): number {
  const [left, setLeft] = useState(0);
  useEffect(() => {
    const until = Date.now() + retryAfterMs(failure);
    const look = (): void => setLeft(Math.max(0, Math.ceil((until - Date.now()) / 1000)));
    look();
    const timer = setInterval(look, 250);
    return () => clearInterval(timer);
  }, [failure]);
  return left;
}
