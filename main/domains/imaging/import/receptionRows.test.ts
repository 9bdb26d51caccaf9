import { once } from 'node:events';
import { MessageChannel } from 'node:worker_threads';
import { expect, it } from 'vitest';
import { openTestImaging } from '../testImaging.ts';

it('answers also what it can not look up, so that a sender is told to keep its object', async () => {
  const t = await openTestImaging();
  const { port1, port2 } = new MessageChannel();
  t.imaging.receptions.serve(port1);
  try {
    const ask = async (id: number): Promise<unknown> => {
      const answered = once(port2, 'message');
      port2.postMessage({ type: 'find', id, sopUid: '1.2.3' });
      return (await answered)[0];
    };
    expect(await ask(1)).toEqual({ type: 'found', id: 1, objectName: null });
    // What a rebuild, a restore or a lock does to a store below those who still ask it.
    await t.test.holder.close();
    expect(await ask(2)).toMatchObject({ type: 'failed', id: 2 });
    expect(t.test.logged.some((line) => line.includes('could not be answered'))).toBe(true);
  } finally {
    port2.close();
    await t.close();
  }
});
