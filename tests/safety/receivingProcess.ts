import { writeSync } from 'node:fs';
import { testPlatform } from '../../main/database/testStore.ts';
import { startCore } from '../../main/startCore.ts';

/*
 * A whole core that receives until it is killed; says the port it listens on. Arguments: the store's folder, operator,
 * password.
 */
const [home, operatorName, password] = process.argv.slice(2);
if (home === undefined || operatorName === undefined || password === undefined)
  throw new Error('usage: receivingProcess.ts HOME OPERATOR PASSWORD');

const core = await startCore(testPlatform(home, Date.now, []));
const { client } = core.openMemoryClient();
await client.security.signIn({ operatorName, password });
const { port, failure } = await client.exchange.receiver();
writeSync(1, port === null ? `failed ${failure}\n` : `${port}\n`);
