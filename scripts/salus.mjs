/**
 * `npm run salus -- <verb> …`: the command line of a checkout. Sets up and builds the host when that is needed,
 * saying so on stderr only: stdout belongs to the verb. Its exit code is the verb's.
 */
import path from 'node:path';
import { build } from './build.mjs';
import { endWith, root, runAndForward, setUpEntry } from './setup.mjs';

/** @param {string} line */
const quietly = (line) => void process.stderr.write(`${line}\n`);

await setUpEntry(import.meta.url, { log: quietly });
try {
  // Only a host that serves the page needs the page and the samples it offers.
  const isHost = process.argv.slice(2).includes('serve');
  await build({ log: quietly, only: isHost ? ['hosts', 'window', 'samples'] : ['hosts'] });
  process.exitCode = await runAndForward(process.execPath, [
    path.join(root, 'dist', 'main', 'cli.mjs'),
    ...process.argv.slice(2),
  ]);
} catch (problem) {
  endWith(problem);
}
