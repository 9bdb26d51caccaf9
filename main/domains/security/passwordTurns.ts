/**
 * Changes of passwords, one after the other: each first proves something (the old password, the recovery key) and then
 * takes part of a second to stretch the new one. Side by side, a change begun with an old password would undo the reset
 * that was meant to shut it out.
 */
export function openPasswordTurns(): <Result>(work: () => Promise<Result>) => Promise<Result> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const result = last.then(work);
    last = result.catch(() => undefined); // The caller gets the failure; the next in line starts fresh.
    return result;
  };
}
