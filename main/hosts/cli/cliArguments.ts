import { parseArgs } from 'node:util';
import { resolveGiven } from '../givenPath.ts';
import { UsageProblem, withUsageProblems } from '../usageProblem.ts';
import { type ExchangeOptions, exchangeOptions, readExchangeOptions } from './exchangeOptions.ts';

export const cliUsage = `Usage: salus <verb> [arguments] [options]

  init                          make the store and its first operator; prints the recovery key
  import PATH…                  import files, folders, zip archives or DICOMDIR media
  studies [WORDS…]              list the studies, or those that match
  export STUDY DIR              write a study's original files to a folder
  conflicts list [open|settled] list what arrived twice with different content, and studies that name two people
  conflicts show CONFLICT       print both sides, in what they differ, and what may be decided
  conflicts settle CONFLICT STAND DECISION REASON [CONTENT]
                                decide: keep, take, onePerson, keepApart or reopen. STAND as 'show' printed it: what is
                                decided is what was seen. REASON may be - for stdin; CONTENT is which to take
  report list [STUDY]           list reports
  report show REPORT            print a report
  report sign REPORT            sign a draft as it prints now, with the operator's password
  report export REPORT [FILE]   write the signed PDF
  node list                     list the other systems this one knows
  node add NAME ADDRESS         add one: dimse://AETITLE@host:port, dimses://… (TLS), the https://… of a DICOMweb root,
                                or xnat+https://…#PROJECT
  node archive NODE             take one out of use
  echo NODE                     try what a node is used for and say what it answered
  find NODE                     search a node (--name -, --id -, --date …)
  fetch NODE STUDY              bring a study from a node, until all that the node has of it is here
  send NODE STUDY               queue a study for a node; --wait sends it and ends with the proof
  schedule [NODE]               what is planned: a node's modality worklist, or the own entries (no --date: from yesterday on)
  route list                    list the rules by which studies and reports leave by themselves
  route add NAME NODE           add one for a node: --on arrival|sign, --content study|report|studyAndReport, --deidentify, and what it means
  route archive RULE            take one out of use
  route try                     which of the newest studies such a rule would mean
  prefetch list                 list the rules by which earlier studies of a patient come here by themselves
  prefetch add NAME NODE[,NODE] add one: --on arrival,planned, what it means, and which priors (--prior same|any|CODE,…)
  prefetch archive RULE         take one out of use
  prefetch runs                 what each look for priors came to (--study UID, --limit N)
  receive                       take what other systems send until stopped; then the receiver is as it was before
  unattended [on|off|status]    whether the program opens the store by itself after a start (on --credential FILE: for systemd)
  api [on|off]                  let other programs come in with a token, or no more; --port N
  token list                    list the tokens of other programs
  token create NAME             make one (--scopes …, --days N|none); it is printed this once
  token revoke TOKEN            end one, by its name or id
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
  --json            one JSON document on stdout, progress on stderr, never a question; receive, and call of a stream,
                    print one a line, as things happen
  --full-name NAME  --language en|fr  --site NAME     for init
  --name TEXT --id TEXT --accession TEXT --description TEXT --modality CODE --date FROM-TO
  --level patient|study|series|image --study UID --series UID --limit N      for find (and schedule); * and ? stand for anything
      What stands on the command line lies in the shell's history and in the list of processes for others to read: give
      a patient's --name, --id or --accession as - to type it when asked, or one a line on stdin (name, id, accession)
  --series UID[,UID…]                                  for fetch and send: only these
  --report REPORT  --wait  --deidentify                for send (deidentify: without the person)
  --modality CODE,… --body PART,… --source dimse,stow,watch,import,fetch --calling TITLE,…      for route; * and ? in a title
  --modality CODE,… --body PART,… --prior same,CODE,… --limit N --years N      for prefetch add: 3 of the same modality, 5 years
  --aet TITLE --host ADDRESS --port N                  for receive
  --use send,search,receive --calling TITLE --from ADDRESS --user NAME --bearer --ca FILE      for node add
  --scopes health,metrics,dicom.status,studies.read,studies.export,studies.import,reports.read  --days N|none      for token create

The password comes from SALUS_PASSWORD or is asked for; a node's password or token from SALUS_NODE_CREDENTIAL.
Exit codes: 0 done, 1 failed, 2 not understood, 3 refused, 4 no store or store in use or damaged, 5 done but with a finding, 130 cancelled.
  find, schedule  5 when a node could not be searched, whatever the others answered
  fetch           0 when all that the node lists is here, 5 when it lists more than it hands over, 1 when nothing could be done
  send --wait     0 proven, 5 refused, not provable, or held until a person sees to it, 1 given up or cancelled
`;

export interface CliArguments {
  readonly verb: string;
  readonly rest: readonly string[];
  readonly home: string | undefined;
  readonly operatorName: string | undefined;
  readonly fullName: string | undefined;
  readonly language: 'en' | 'fr';
  readonly siteName: string;
  /** Absolute; only for `unattended on`. */
  readonly credentialFile: string | undefined;
  readonly json: boolean;
  readonly help: boolean;
  /** Options of the verbs that talk to other systems. */
  readonly exchange: ExchangeOptions;
}

const options = {
  home: { type: 'string' },
  operator: { type: 'string' },
  'full-name': { type: 'string' },
  language: { type: 'string', default: 'en' },
  site: { type: 'string', default: '' },
  credential: { type: 'string' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
  ...exchangeOptions,
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
  if (values.credential === '') throw new UsageProblem('--credential needs a file.');
  if (values.credential !== undefined && verb !== 'unattended')
    throw new UsageProblem(`salus ${verb} has no option --credential.`);
  return {
    verb,
    rest,
    home: values.home === undefined ? undefined : resolveGiven(values.home),
    operatorName: values.operator,
    fullName: values['full-name'],
    language,
    siteName: values.site,
    credentialFile: values.credential === undefined ? undefined : resolveGiven(values.credential),
    json: values.json,
    help: values.help,
    exchange: values.help ? {} : readExchangeOptions(verb, values),
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
