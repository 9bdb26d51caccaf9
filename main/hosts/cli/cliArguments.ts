import { parseArgs } from 'node:util';
import { resolveGiven } from '../givenPath.ts';
import { UsageProblem, withUsageProblems } from '../usageProblem.ts';

export const cliUsage = `Usage: salus <verb> [arguments] [options]

  init                          make the store and its first operator; prints the recovery key
  import PATH…                  import files, folders, zip archives or DICOMDIR media
  studies [WORDS…]              list the studies, or those that match
  export STUDY DIR              write a study's original files to a folder
  report list [STUDY]           list reports
  report show REPORT            print a report
  report sign REPORT            sign a draft as it prints now, with the operator's password
  report export REPORT [FILE]   write the signed PDF
  serve                         serve the workstation on this machine (see serve --help)
  call PROCEDURE [JSON]         call any procedure of the contract; JSON may be - for stdin
  backup DIR                    write a complete encrypted copy
  restore DIR                   make a store from such a copy, in an empty home
  rebuild-index                 build the index again from the archive alone
  verify-audit                  check the audit chain
  doctor                        check the store

Options
  --home DIR        folder of the store
  --operator NAME   who signs in (default: the store's only operator)
  --json            one JSON document on stdout, progress on stderr, never a question
  --full-name NAME  --language en|fr  --site NAME     for init

The password comes from SALUS_PASSWORD or is asked for. Exit codes: 0 done, 1 failed, 2 not understood,
3 refused, 4 no store or store in use or damaged, 5 done but with a finding, 130 cancelled.
`;

export interface CliArguments {
  readonly verb: string;
  readonly rest: readonly string[];
  readonly home: string | undefined;
  readonly operatorName: string | undefined;
  readonly fullName: string | undefined;
  readonly language: 'en' | 'fr';
  readonly siteName: string;
  readonly json: boolean;
  readonly help: boolean;
}

const options = {
  home: { type: 'string' },
  operator: { type: 'string' },
  'full-name': { type: 'string' },
  language: { type: 'string', default: 'en' },
  site: { type: 'string', default: '' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

/** @throws UsageProblem */
export function readCliArguments(given: readonly string[]): CliArguments {
  const { values, positionals } = withUsageProblems(() =>
    parseArgs({ args: [...given], strict: true, allowPositionals: true, options }),
  );
  const [verb = '', ...rest] = positionals;
  const { language } = values;
  if (language !== 'en' && language !== 'fr') throw new UsageProblem('--language is en or fr.');
  if (values.home === '') throw new UsageProblem('--home needs a folder.');
  return {
    verb,
    rest,
    home: values.home === undefined ? undefined : resolveGiven(values.home),
    operatorName: values.operator,
    fullName: values['full-name'],
    language,
    siteName: values.site,
    json: values.json,
    help: values.help,
  };
}

/** Exactly the arguments a verb takes. @throws UsageProblem */
export function takeArguments(given: CliArguments, names: readonly string[], optional = 0): string[] {
  const { verb, rest } = given;
  if (rest.length > names.length || rest.length < names.length - optional || rest.includes('')) {
    throw new UsageProblem(`salus ${verb} takes: ${names.join(' ') || 'no argument'}.`);
  }
  return [...rest];
}
