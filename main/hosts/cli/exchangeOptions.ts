import { UsageProblem } from '../usageProblem.ts';

/** Options of the verbs that talk to other systems, as `parseArgs` takes them. */
export const exchangeOptions = {
  name: { type: 'string' },
  id: { type: 'string' },
  accession: { type: 'string' },
  date: { type: 'string' },
  modality: { type: 'string' },
  description: { type: 'string' },
  level: { type: 'string' },
  study: { type: 'string' },
  series: { type: 'string' },
  limit: { type: 'string' },
  report: { type: 'string' },
  wait: { type: 'boolean' },
  aet: { type: 'string' },
  host: { type: 'string' },
  port: { type: 'string' },
  calling: { type: 'string' },
  use: { type: 'string' },
  user: { type: 'string' },
  bearer: { type: 'boolean' },
  ca: { type: 'string' },
  from: { type: 'string' },
  body: { type: 'string' },
  source: { type: 'string' },
  on: { type: 'string' },
  content: { type: 'string' },
  deidentify: { type: 'boolean' },
  prior: { type: 'string' },
  years: { type: 'string' },
  scopes: { type: 'string' },
  days: { type: 'string' },
} as const;

type OptionName = keyof typeof exchangeOptions;
export type ExchangeOptions = { readonly [Name in OptionName]?: string | boolean | undefined };

/** Which verb takes which of them; the others take none. */
const taken: Readonly<Record<string, readonly OptionName[]>> = {
  find: ['name', 'id', 'accession', 'date', 'modality', 'description', 'level', 'study', 'series', 'limit'],
  fetch: ['series'],
  send: ['series', 'report', 'wait', 'deidentify'],
  schedule: ['name', 'id', 'accession', 'date', 'modality', 'aet'],
  receive: ['aet', 'host', 'port'],
  node: ['calling', 'use', 'user', 'bearer', 'ca', 'from'],
  token: ['scopes', 'days'],
  api: ['port'],
  prefetch: ['modality', 'body', 'on', 'prior', 'limit', 'years', 'study'],
  route: ['modality', 'body', 'source', 'calling', 'on', 'content', 'deidentify'],
};

/** What of the parsed options belongs to the exchange. @throws UsageProblem for one that the verb does not take */
export function readExchangeOptions(verb: string, values: Readonly<Record<string, unknown>>): ExchangeOptions {
  const given: Record<string, string | boolean> = {};
  for (const name of Object.keys(exchangeOptions) as OptionName[]) {
    const value = values[name];
    if (typeof value !== 'string' && typeof value !== 'boolean') continue;
    if (!taken[verb]?.includes(name)) throw new UsageProblem(`salus ${verb} has no option --${name}.`);
    given[name] = value;
  }
  return given;
}

/** What names a patient, and the question for it. */
const personal: readonly (readonly [name: OptionName, question: string])[] = [
  ['name', 'Patient name: '],
  ['id', 'Patient id: '],
  ['accession', 'Accession number: '],
];

/**
 * The options with what was given as `-` filled in, which never stood in the shell's history or the list of processes.
 *
 * @param ask answers the questions, all at once
 */
export async function fillPersonalOptions(
  options: ExchangeOptions,
  ask: (questions: readonly string[]) => Promise<readonly string[]>,
): Promise<ExchangeOptions> {
  const wanted = personal.filter(([name]) => optionText(options, name) === '-');
  if (wanted.length === 0) return options;
  const answers = await ask(wanted.map(([, question]) => question));
  return { ...options, ...Object.fromEntries(wanted.map(([name], at) => [name, answers[at] ?? ''])) };
}

/** An option's text; empty when it was not given. */
export function optionText(options: ExchangeOptions, name: OptionName): string {
  const value = options[name];
  return typeof value === 'string' ? value.trim() : '';
}

/** An option as a whole number. @throws UsageProblem */
export function optionNumber(
  options: ExchangeOptions,
  name: OptionName,
  least: number,
  most: number,
): number | undefined {
  const text = optionText(options, name);
  if (text === '') return undefined;
  const value = Number(text);
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new UsageProblem(`--${name} is a whole number from ${least} to ${most}.`);
  }
  return value;
}

/** FROM-TO, one of them, or one day; each as 20260131 or 2026-01-31. @throws UsageProblem */
export function optionDates(options: ExchangeOptions): { studyDateFrom: string; studyDateTo: string } {
  const text = optionText(options, 'date');
  if (text === '') return { studyDateFrom: '', studyDateTo: '' };
  const match = /^(?<from>\d{4}-?\d\d-?\d\d)?(?<range>-|\.\.)?(?<to>\d{4}-?\d\d-?\d\d)?$/.exec(text);
  const { from = '', range, to = '' } = match?.groups ?? {};
  if (!match || (from === '' && to === '')) {
    throw new UsageProblem('--date is a day or a range of days: 20260131, 20260101-20260131, 20260101-.');
  }
  const plain = (day: string) => day.replaceAll('-', '');
  if (range === undefined) return { studyDateFrom: plain(from), studyDateTo: plain(from) };
  return { studyDateFrom: plain(from), studyDateTo: plain(to) };
}
