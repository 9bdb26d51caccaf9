import { Failure } from '../../app/shared/failure.ts';
import type { StoreHolder } from '../database/storeHolder.ts';

type OpenListener = Parameters<StoreHolder['onOpen']>[0];
type ReopenListener = Parameters<StoreHolder['onReopen']>[0];

/** The one holder that domains know, and the way to put another store behind it. */
export interface StoreSwitch {
  readonly holder: StoreHolder;
  /**
   * Makes another store, turns to it and fills it. The one before stays as it is, locked and untouched, until `close`;
   * nobody sets it up meanwhile, for their set-up would end, and their patients lie, in the other.
   *
   * @throws Failure('security.alreadySetUp') when the one before is set up, or is being set up
   */
  turn<Result>(make: () => Promise<StoreHolder>, fill: (holder: StoreHolder) => Promise<Result>): Promise<Result>;
  /** Closes all of them, also when one can't be closed. @throws what the first of those threw */
  close(): Promise<void>;
}

/** Starts with the real store; a throw-away store of sample studies may take its place while the core runs. */
export function makeStoreSwitch(first: StoreHolder): StoreSwitch {
  const holders: [StoreHolder, ...StoreHolder[]] = [first];
  const listeners: OpenListener[] = [];
  const reopenListeners: ReopenListener[] = [];
  const onOpen = (listener: OpenListener) => {
    listeners.push(listener);
    holders[0].onOpen(listener);
  };
  const onReopen = (listener: ReopenListener) => {
    reopenListeners.push(listener);
    holders[0].onReopen(listener);
  };
  let turning = false;
  let settingUp = 0;
  const refuse = () => new Failure('security.alreadySetUp', 'a store is being made');
  const setUp: StoreHolder['setUp'] = async (input) => {
    if (turning) throw refuse();
    settingUp += 1;
    try {
      return await holders[0].setUp(input);
    } finally {
      settingUp -= 1;
    }
  };
  const own: Partial<StoreHolder> = { onOpen, onReopen, setUp };
  const holder = new Proxy(first, {
    get: (_target, property) => Reflect.get(own, property) ?? Reflect.get(holders[0], property),
  });
  return {
    holder,
    async turn(make, fill) {
      if (turning || settingUp > 0 || holders[0].phase !== 'empty') throw refuse();
      turning = true;
      try {
        const next = await make();
        holders.unshift(next);
        for (const listener of listeners) next.onOpen(listener);
        for (const listener of reopenListeners) next.onReopen(listener);
        return await fill(next);
      } finally {
        turning = false;
      }
    },
    async close() {
      const results = await Promise.allSettled(holders.map((each) => each.close()));
      const failed = results.find((result) => result.status === 'rejected');
      if (failed) throw failed.reason;
    },
  };
}
