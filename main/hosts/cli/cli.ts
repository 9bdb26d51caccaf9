import '../../platform/threadPool.ts';
import { exitCodes } from './exitCodes.ts';
import { runCli } from './runCli.ts';

const abort = new AbortController();
const isServing = process.argv[2] === 'serve';
if (!isServing) {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (abort.signal.aborted) process.exit(exitCodes.cancelled);
      abort.abort();
    });
  }
}
process.exitCode = await runCli(process.argv.slice(2), abort.signal);
// A socket or a timer of a library must not keep a finished command alive.
process.exit();
