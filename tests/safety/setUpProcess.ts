import { writeSync } from 'node:fs';
import { createStoreHolder } from '../../main/database/storeHolder.ts';
import { testPlatform } from '../../main/database/testStore.ts';

/* Makes a store in the folder given, saying when it begins and when it has answered. For `killedWriter.test.ts`. */
const [home] = process.argv.slice(2);
if (home === undefined) throw new Error('usage: setUpProcess.ts HOME');
const stretchCost = { memoryKib: 256, iterations: 1, parallelism: 1 };
const holder = await createStoreHolder(testPlatform(home, Date.now, []), { stretchCost });
writeSync(1, 'begins\n');
await holder.setUp({
  operatorName: 'writer',
  password: 'a long enough password',
  siteName: 'Site',
  initialise: (tx) => void tx.statement({ type: 'test', id: '1', version: 1, payload: null }),
});
writeSync(1, 'answered\n');
await new Promise((resolve) => setTimeout(resolve, 60_000));
