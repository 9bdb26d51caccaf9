/** Brings the priors that a store owes, in a process of its own that a test may kill: `node prefetchProcess.ts HOME`. */
import { setTimeout as sleep } from 'node:timers/promises';
import { createStoreHolder } from '../../main/database/storeHolder.ts';
import { testPlatform } from '../../main/database/testStore.ts';
import { keeper, openPrefetchCore } from './prefetchServices.ts';

const home = process.argv[2] ?? '';
const holder = await createStoreHolder(testPlatform(home, Date.now, []), {
  stretchCost: { memoryKib: 256, iterations: 1, parallelism: 1 },
});
const { store } = await holder.unlock(keeper.operatorName, keeper.password);
const { prefetch, close } = openPrefetchCore(store);
store.jobs.resume();
prefetch.start();
for (;;) {
  const { rows } = prefetch.runs({ offset: 0, limit: 10, studyUid: null });
  if (rows.length > 0 && rows.every(({ nextAttemptAt }) => nextAttemptAt === null)) break;
  await sleep(50);
}
await close();
await holder.close();
