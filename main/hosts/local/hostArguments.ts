import { parseArgs } from 'node:util';
import { resolveGiven } from '../givenPath.ts';
import { UsageProblem, withUsageProblems } from '../usageProblem.ts';

export interface HostArguments {
  readonly home: string | undefined;
  /** 0: any free port. */
  readonly port: number;
  readonly sample: boolean;
  /** auto: open a window where one can be opened. */
  readonly open: 'always' | 'never' | 'auto';
  /** One line of JSON on stdout instead of sentences. */
  readonly json: boolean;
  readonly help: boolean;
}

export const hostUsage = `Usage: salus serve [--home DIR] [--port N] [--sample] [--open | --no-open] [--json]

  --home DIR   folder of the store (default: the user's data folder)
  --port N     port on 127.0.0.1 (default: any free one)
  --sample     a throw-away store with the sample studies, removed at the end
  --open       open a window; --no-open: only print the address
  --json       print one line of JSON: {"address","port","home","sample","pid"}
`;

const options = {
  home: { type: 'string' },
  port: { type: 'string' },
  sample: { type: 'boolean', default: false },
  open: { type: 'boolean', default: false },
  'no-open': { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

/** @throws UsageProblem with a sentence for the person when an argument is unknown or makes no sense. */
export function readHostArguments(given: readonly string[]): HostArguments {
  const { values } = withUsageProblems(() => parseArgs({ args: [...given], strict: true, options }));
  const port = Number(values.port ?? '0');
  if (!/^\d{1,5}$/.test(values.port ?? '0') || port > 65_535)
    throw new UsageProblem('--port needs a number from 0 to 65535.');
  if (values.open && values['no-open']) throw new UsageProblem('--open and --no-open contradict each other.');
  if (values.home === '') throw new UsageProblem('--home needs a folder.');
  return {
    home: values.home === undefined ? undefined : resolveGiven(values.home),
    port,
    sample: values.sample,
    open: values.open ? 'always' : values['no-open'] || values.json ? 'never' : 'auto',
    json: values.json,
    help: values.help,
  };
}
