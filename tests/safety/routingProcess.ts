/**
 * Lets the routing rules of a store work, in a process of its own that a test may kill: `node routingProcess.ts HOME`. It
 * says each commit by a letter and waits for one before it goes on, so that a slow test kills it where it means to.
 */
import { readSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { createStoreHolder } from '../../main/database/storeHolder.ts';
import { testPlatform } from '../../main/database/testStore.ts';
import type { Services } from '../../main/domainServices.ts';
import { openRouting } from '../../main/domains/exchange/routing/routing.ts';
import { openSendingServices, sender } from './sendingServices.ts';

const home = process.argv[2] ?? '';
const logged: string[] = [];
const holder = await createStoreHolder(testPlatform(home, Date.now, logged), {
  stretchCost: { memoryKib: 256, iterations: 1, parallelism: 1 },
});
const { store } = await holder.unlock(sender.operatorName, sender.password);
const { services, nodes, deliveries, close } = openSendingServices(store);
const routing = openRouting(store, (): Services => services, nodes, deliveries, { soonMs: 10, everyMs: 1000 });
const pause = new Int32Array(new SharedArrayBuffer(4));
store.gate.onCommit(() => {
  writeSync(1, 'c');
  waitForWord();
});
routing.start();
while (store.reader.get('SELECT 1 FROM arrived_run LIMIT 1')) await sleep(20);
await routing.close();
await close();
await holder.close();

function waitForWord(): void {
  for (;;) {
    try {
      // Nothing to read and no error: whoever started this is gone.
      if (readSync(0, Buffer.alloc(1)) === 0) process.exit(1);
      return;
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'EAGAIN') throw error;
      Atomics.wait(pause, 0, 0, 5);
    }
  }
}
