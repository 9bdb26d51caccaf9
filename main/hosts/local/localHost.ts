import '../../platform/threadPool.ts';
import { UsageProblem } from '../usageProblem.ts';
import { hostUsage, readHostArguments } from './hostArguments.ts';
import { describeStartProblem, runLocalHost } from './runLocalHost.ts';

const say = (line: string) => void process.stdout.write(`${line}\n`);

try {
  const given = readHostArguments(process.argv.slice(2));
  if (given.help) {
    process.stdout.write(hostUsage);
  } else {
    const host = await runLocalHost(given, say);
    await host.stopped;
    process.exitCode = 0;
    // Nothing should hold the process now; if something does, a person waits for the prompt in vain.
    setTimeout(() => process.exit(), 2000).unref();
  }
} catch (error) {
  const isUsage = error instanceof UsageProblem;
  process.stderr.write(`${isUsage ? `${error.message}\n${hostUsage}` : describeStartProblem(error)}\n`);
  process.exitCode = isUsage ? 2 : 1;
}
