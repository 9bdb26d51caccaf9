/** Sends what a store has to send, in a process of its own that a test may kill: `node sendingProcess.ts HOME`. */
import { setTimeout as sleep } from 'node:timers/promises';
import { createStoreHolder } from '../../main/database/storeHolder.ts';
import { testPlatform } from '../../main/database/testStore.ts';
import { openSendingServices, sender } from './sendingServices.ts';

const home = process.argv[2] ?? '';
const logged: string[] = [];
const holder = await createStoreHolder(testPlatform(home, Date.now, logged), {
  stretchCost: { memoryKib: 256, iterations: 1, parallelism: 1 },
});
const { store } = await holder.unlock(sender.operatorName, sender.password);
const { deliveries, close } = openSendingServices(store);
deliveries.start();
for (;;) {
  const { rows } = deliveries.list({ offset: 0, limit: 10, nodeId: null, studyUid: null, states: [] });
  if (rows.every(({ endedAt }) => endedAt !== null)) break;
  await sleep(50);
}
await close();
await holder.close();
