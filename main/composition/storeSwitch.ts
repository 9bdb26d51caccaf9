import type { StoreHolder } from '../database/storeHolder.ts';

type OpenListener = Parameters<StoreHolder['onOpen']>[0];

/** The one holder that domains know, and the way to put another store behind it. */
export interface StoreSwitch {
  readonly holder: StoreHolder;
  /** Turns to another store. The one before stays as it is, locked and untouched, until `close`. */
  use(holder: StoreHolder): void;
  /** Closes all of them, also when one can't be closed. @throws what the first of those threw */
  close(): Promise<void>;
}

/** Starts with the real store; a throw-away store of sample studies may take its place while the core runs. */
export function makeStoreSwitch(first: StoreHolder): StoreSwitch {
  const holders: [StoreHolder, ...StoreHolder[]] = [first];
  const listeners: OpenListener[] = [];
  const onOpen = (listener: OpenListener) => {
    listeners.push(listener);
    holders[0].onOpen(listener);
  };
  const holder = new Proxy(first, {
    get: (_target, property) => (property === 'onOpen' ? onOpen : Reflect.get(holders[0], property)),
  });
  return {
    holder,
    use(next) {
      holders.unshift(next);
      for (const listener of listeners) next.onOpen(listener);
    },
    async close() {
      const results = await Promise.allSettled(holders.map((each) => each.close()));
      const failed = results.find((result) => result.status === 'rejected');
      if (failed) throw failed.reason;
    },
  };
}
