import { describe, expect, it } from 'vitest';
import { openFetchTurns } from './fetchTurns.ts';

const never = new AbortController().signal;
const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('the turns of fetches', () => {
  it('let two at a time talk to a node, and others to another', async () => {
    const turns = openFetchTurns();
    const leave = await turns.enter('a', never);
    await turns.enter('a', never);
    await turns.enter('b', never);
    let third = false;
    void turns.enter('a', never).then(() => {
      third = true;
    });
    await settled();
    expect(third).toBe(false);
    leave();
    await settled();
    expect(third).toBe(true);
  });

  it('let what the system fetches wait for every person, and leave people a place beside it', async () => {
    const turns = openFetchTurns();
    const order: string[] = [];
    const leaves: (() => void)[] = [];
    const enter = (name: string, isBySystem: boolean) =>
      turns.enter('a', never, isBySystem).then((leave) => {
        order.push(name);
        leaves.push(leave);
      });
    void enter('rule 1', true);
    await settled();
    void enter('rule 2', true);
    void enter('person 1', false);
    void enter('person 2', false);
    await settled();
    // The rule holds one place; a person has the other at once, and the second rule none.
    expect(order).toEqual(['rule 1', 'person 1']);
    leaves[0]?.();
    await settled();
    expect(order).toEqual(['rule 1', 'person 1', 'person 2']);
    leaves[1]?.();
    await settled();
    expect(order).toHaveLength(3);
    leaves[2]?.();
    await settled();
    expect(order).toEqual(['rule 1', 'person 1', 'person 2', 'rule 2']);
  });

  it('pass on the turn of one that was cancelled', async () => {
    const turns = openFetchTurns();
    const leave = await turns.enter('a', never, true);
    const stop = new AbortController();
    const cancelled = turns.enter('a', stop.signal, true);
    let third = false;
    void turns.enter('a', never, true).then(() => {
      third = true;
    });
    stop.abort();
    await expect(cancelled).rejects.toMatchObject({ code: 'jobs.interrupted' });
    expect(third).toBe(false);
    leave();
    await settled();
    expect(third).toBe(true);
  });
});
