import fs, { writeSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { createStoreHolder } from '../../main/database/storeHolder.ts';
import { testPlatform } from '../../main/database/testStore.ts';

/*
 * Writes one fact and is gone, as by a cut of the power, at a stated moment of it.
 * Arguments: the store's folder; `beforeCommit` or `afterCommit`. Password and name are those of `archivedFacts.test.ts`.
 */
const [home, moment] = process.argv.slice(2);
if (home === undefined || (moment !== 'beforeCommit' && moment !== 'afterCommit'))
  throw new Error('usage: cutWriter.ts HOME beforeCommit|afterCommit');

const holder = await createStoreHolder(testPlatform(home, Date.now, []));
const { store, operatorId } = await holder.unlock('writer', 'a long enough password');
const die = (): never => {
  process.kill(process.pid, 'SIGKILL');
  throw new Error('still alive');
};
if (moment === 'afterCommit') {
  // The rename that gives an archived object its name comes right after the commit.
  fs.renameSync = die;
  syncBuiltinESMExports();
}
store.gate.write({ operatorId, operatorName: 'writer' }, 'test.fact', (tx) => {
  tx.statement({ type: 'fact', id: moment, version: 1, payload: { moment } });
  tx.run(
    'INSERT INTO setting (name, value, version, hlc, site_id) VALUES (?, ?, 1, ?, ?)',
    moment,
    '1',
    tx.hlc,
    tx.siteId,
  );
  if (moment === 'beforeCommit') die();
});
writeSync(1, 'acknowledged\n');
