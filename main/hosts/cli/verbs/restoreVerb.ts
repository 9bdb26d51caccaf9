import { restoreBackup } from '../../../database/restoreBackup.ts';
import { defaultHome } from '../../../platform/nodePlatform.ts';
import { resolveGiven } from '../../givenPath.ts';
import { type CliArguments, takeArguments } from '../cliArguments.ts';
import { type ExitCode, exitCodes } from '../exitCodes.ts';
import type { Terminal } from '../terminal.ts';

/** Makes a store from a backup, in an empty home. Needs no password: the store opens with those of the backup. */
export async function runRestore(given: CliArguments, terminal: Terminal): Promise<ExitCode> {
  const [directory = ''] = takeArguments(given, ['DIR']);
  const home = given.home ?? defaultHome();
  let toldAt = 0;
  const result = await restoreBackup(resolveGiven(directory), home, (done, total) => {
    if (Date.now() - toldAt < 200 && done < total) return;
    toldAt = Date.now();
    terminal.tell(`restore: ${done} of ${total}`, true);
  });
  terminal.print(
    { home, ...result },
    `The store was made in ${home}: ${result.objects} objects, as of ${new Date(result.backupCreatedAt).toISOString()}.`,
  );
  return exitCodes.done;
}
