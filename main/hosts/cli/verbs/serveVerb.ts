import { defaultHome } from '../../../platform/nodePlatform.ts';
import { readEndpoint } from '../../local/endpointFile.ts';
import { hostUsage, readHostArguments } from '../../local/hostArguments.ts';
import { runLocalHost } from '../../local/runLocalHost.ts';
import { askForAddress } from '../coreAccess.ts';
import { type ExitCode, exitCodes } from '../exitCodes.ts';

/** Serves the workstation; where a host runs on this store already, prints a new address of that one. */
export async function runServe(given: readonly string[]): Promise<ExitCode> {
  const host = readHostArguments(given);
  const say = (line: string) => void process.stdout.write(`${line}\n`);
  if (host.help) {
    say(hostUsage);
    return exitCodes.done;
  }
  const home = host.home ?? defaultHome();
  const endpoint = host.sample ? undefined : readEndpoint(home);
  const address = endpoint ? await askForAddress(endpoint) : undefined;
  if (endpoint && address) {
    if (host.json) say(JSON.stringify({ address, port: endpoint.port, home, sample: false, pid: endpoint.pid }));
    else say(`A host serves this store already.\nOpen ${address}\nThis address works once, on this machine.`);
    return exitCodes.done;
  }
  const running = await runLocalHost(host, say);
  await running.stopped;
  return exitCodes.done;
}
