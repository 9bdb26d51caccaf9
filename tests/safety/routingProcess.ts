/** Lets the routing rules of a store work, in a process of its own that a test may kill: `node routingProcess.ts HOME`. */
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
const routing = openRouting(store, (): Services => services, nodes, deliveries);
// One letter for each commit: the test kills after so many.
store.gate.onCommit(() => void process.stdout.write('c'));
routing.start();
while (store.reader.get('SELECT 1 FROM arrived_run LIMIT 1')) await sleep(20);
await routing.close();
await close();
await holder.close();
