import { writeSync } from 'node:fs';
import { createStoreHolder } from '../../main/database/storeHolder.ts';
import { testPlatform } from '../../main/database/testStore.ts';
import { openUnattendedOperation } from '../../main/domains/security/unattendedOperation.ts';
import { openSecretService } from '../../main/platform/secretService.ts';

/*
 * Switches unattended operation on, changes its key and switches it off until it is killed, saying what it has done. Arguments: the store's folder,
 * operator, password, the program that keeps secrets.
 */
const [home, operatorName, password, program] = process.argv.slice(2);
if (home === undefined || operatorName === undefined || password === undefined || program === undefined)
  throw new Error('usage: unattendedProcess.ts HOME OPERATOR PASSWORD PROGRAM');

const platform = { ...testPlatform(home, Date.now, []), secretStores: [openSecretService(program)] };
const holder = await createStoreHolder(platform);
const operation = openUnattendedOperation(holder, () => undefined);
const { operatorId } = await holder.unlock(operatorName, password);
const author = { operatorId, operatorName };
for (;;) {
  await operation.turnOn(author, 'secretService', '');
  writeSync(1, 'on\n');
  await operation.turnOn(author, 'secretService', '');
  writeSync(1, 'changed\n');
  await operation.turnOff(author);
  writeSync(1, 'off\n');
}
