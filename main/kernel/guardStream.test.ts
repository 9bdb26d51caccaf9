import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { Failure } from '../../app/shared/failure.ts';
import { guardStream } from './guardStream.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const rules = {
  callSignal: new AbortController().signal,
  sessionSignal: undefined,
  intervalMs: 0,
  sessionEnded: () => new Failure('security.notSignedIn', 'ended'),
  seal: (error: unknown) => error as Failure,
  toWire: (failure: Failure) => failure,
  onEnd: () => undefined,
};

it('keeps nothing of the items it gave, however long it stays open', async () => {
  const given: WeakRef<object>[] = [];
  async function* source() {
    for (;;) {
      const item = { many: new Array(1000).fill(0) };
      given.push(new WeakRef(item));
      yield item;
    }
  }
  const guarded = guardStream(source(), rules);
  for (let pull = 0; pull < 200; pull += 1) await guarded.next();
  await new Promise((resolve) => setTimeout(resolve, 10));
  collectGarbage();
  expect(given.filter((reference) => reference.deref() !== undefined).length).toBeLessThan(10);
  await guarded.return?.();
});
