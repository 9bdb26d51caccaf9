import { randomBytes } from 'node:crypto';
import { writeSync } from 'node:fs';
import { createStoreHolder } from '../../main/database/storeHolder.ts';
import { testPlatform } from '../../main/database/testStore.ts';

/*
 * Writes facts until it is killed, and says on standard output which ones were committed, after the commit.
 * Arguments: the store's folder, the number of the first fact. Password and name are those of `killedWriter.test.ts`.
 */
const [home, first] = process.argv.slice(2);
if (home === undefined || first === undefined) throw new Error('usage: writerProcess.ts HOME FIRST');

const logged: string[] = [];
const holder = await createStoreHolder(testPlatform(home, Date.now, logged));
const { store, operatorId } = await holder.unlock('writer', 'a long enough password');
const author = { operatorId, operatorName: 'writer' };
writeSync(1, 'open\n');

for (let number = Number(first); ; number += 1) {
  // Every third fact brings an object through the asynchronous path that import takes, some of them in chunks.
  const size = number % 9 === 0 ? 9 * 1024 * 1024 : 20_000;
  const object = number % 3 === 0 ? await store.archive.put('document', randomBytes(size)) : null;
  store.gate.write(author, 'test.fact', (tx) => {
    const statement = tx.statement({ type: 'fact', id: String(number), version: 1, payload: { number } });
    tx.run(
      `INSERT INTO annotation_version (annotation_id, version, study_uid, sop_uid, body, at, hlc, author, site_id) VALUES (?, 1, '1.2', '1.2.3', ?, ?, ?, ?, ?)`,
      `fact-${number}`,
      JSON.stringify([statement.name, object?.name ?? null]),
      tx.nowMs,
      tx.hlc,
      operatorId,
      tx.siteId,
    );
    // A second row of the same fact: both or none.
    tx.run(
      'INSERT INTO setting (name, value, version, hlc, site_id) VALUES (?, ?, 1, ?, ?)',
      `fact-${number}`,
      '1',
      tx.hlc,
      tx.siteId,
    );
  });
  writeSync(1, `${number}\n`);
}
