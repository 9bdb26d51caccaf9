import {
  type NewPrefetchRule,
  newPrefetchRuleSchema,
  type PrefetchRule,
  type PrefetchRun,
} from '../../../../app/domains/exchange/prefetchSchema.ts';
import { Failure } from '../../../../app/shared/failure.ts';
import { UsageProblem } from '../../usageProblem.ts';
import type { CoreAccess } from '../coreAccess.ts';
import { optionNumber, optionText } from '../exchangeOptions.ts';
import { exitCodes } from '../exitCodes.ts';
import { lineOf } from '../terminal.ts';
import { findGivenNode } from './givenNode.ts';
import type { Verb, VerbContext } from './verb.ts';

type Options = VerbContext['given']['exchange'];
type OptionName = Parameters<typeof optionText>[1];

const kinds: Readonly<Record<string, { names: readonly string[]; options: readonly OptionName[]; run: Verb['run'] }>> =
  {
    list: { names: [], options: [], run: list },
    add: { names: ['NAME', 'NODE'], options: ['modality', 'body', 'on', 'prior', 'limit', 'years'], run: add },
    archive: { names: ['RULE'], options: [], run: archive },
    runs: { names: [], options: ['study', 'limit'], run: listRuns },
  };
const usage = 'salus prefetch takes: list, add, archive or runs.';

/** Which priors come here by themselves: lists the rules, adds one, takes one out of use, and says what each look came to. */
export const prefetch: Verb = {
  check({ rest: [kind = '', ...rest], exchange }) {
    const found = kinds[kind];
    if (!found) throw new UsageProblem(usage);
    if (rest.length !== found.names.length || rest.includes(''))
      throw new UsageProblem(`salus prefetch ${kind} takes: ${found.names.join(' ') || 'no argument'}.`);
    for (const name of Object.keys(exchange) as OptionName[]) {
      if (!found.options.includes(name)) throw new UsageProblem(`salus prefetch ${kind} has no option --${name}.`);
    }
    if (kind === 'add') readRule(exchange, rest[0] ?? '', ['00000000-0000-7000-8000-000000000000']);
    if (kind === 'runs') optionNumber(exchange, 'limit', 1, 500);
  },
  needsSession: () => true,
  run(context) {
    const { run } = kinds[context.given.rest[0] ?? ''] ?? {};
    if (!run) throw new UsageProblem(usage);
    return run(context);
  },
};

async function list({ access, terminal }: VerbContext) {
  const names = await nodeNames(access);
  const rules = await access.client.exchange.listPrefetchRules();
  terminal.print(rules, rules.map((rule) => describeRule(rule, names)).join('\n'));
  return exitCodes.done;
}

async function add({ given, access, terminal }: VerbContext) {
  const [, name = '', nodesGiven = ''] = given.rest;
  const nodeIds: string[] = [];
  for (const each of nodesGiven.split(',')) nodeIds.push((await findGivenNode(access, each)).nodeId);
  const rule = readRule(given.exchange, name, nodeIds);
  const saved = await access.client.exchange.savePrefetchRule({ ruleId: null, baseVersion: null, rule });
  terminal.print(saved, describeRule(saved, await nodeNames(access)));
  return exitCodes.done;
}

async function archive({ given, access, terminal }: VerbContext) {
  const wanted = (given.rest[1] ?? '').trim().toLowerCase();
  const rules = await access.client.exchange.listPrefetchRules();
  const byId = rules.filter(({ ruleId }) => ruleId.toLowerCase() === wanted);
  const found = byId.length > 0 ? byId : rules.filter(({ name }) => name.toLowerCase() === wanted);
  if (found.length > 1) throw new UsageProblem('Two rules have this name: give the id that salus prefetch list shows.');
  const [rule] = found;
  if (!rule) throw new Failure('exchange.ruleUnknown', 'no rule of this name');
  const { ruleId, name } = rule;
  await access.client.exchange.archivePrefetchRule({ ruleId });
  terminal.print({ ruleId, name }, `${name} is out of use.`);
  return exitCodes.done;
}

async function listRuns({ given, access, terminal }: VerbContext) {
  const studyUid = optionText(given.exchange, 'study') || null;
  const limit = optionNumber(given.exchange, 'limit', 1, 500) ?? 100;
  const answer = await access.client.exchange.listPrefetches({ studyUid, limit });
  terminal.print(answer, answer.rows.map(describeRun).join('\n'));
  return exitCodes.done;
}

/** CT,MR as a list. */
function optionList(options: Options, name: OptionName): string[] {
  return optionText(options, name)
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

function readRule(options: Options, name: string, nodeIds: readonly string[]): NewPrefetchRule {
  const wanted = optionList(options, 'prior');
  const triggers = optionList(options, 'on');
  if (wanted.includes('any') && wanted.length > 1) throw new UsageProblem('--prior any takes nothing beside it.');
  const parsed = newPrefetchRuleSchema.safeParse({
    name,
    enabled: true,
    triggers: triggers.length === 0 ? ['arrival', 'planned'] : [...new Set(triggers)],
    match: { modalities: optionList(options, 'modality'), bodyParts: optionList(options, 'body') },
    nodeIds,
    priors: {
      sameModality: wanted.length === 0 || wanted.includes('same'),
      modalities: wanted.filter((one) => one !== 'same' && one !== 'any'),
      atMost: optionNumber(options, 'limit', 1, 20) ?? 3,
      years: optionNumber(options, 'years', 1, 50) ?? 5,
    },
  });
  if (parsed.success) return parsed.data;
  throw new UsageProblem(`The rule was not understood: ${parsed.error.issues[0]?.path.join('.') ?? ''}.`);
}

async function nodeNames(access: CoreAccess): Promise<ReadonlyMap<string, string>> {
  const nodes = await access.client.exchange.listNodes();
  return new Map(nodes.map(({ nodeId, name }) => [nodeId, name]));
}

function describeRule(rule: PrefetchRule, names: ReadonlyMap<string, string>): string {
  const { match, priors, triggers, nodeIds, enabled, lastTrouble } = rule;
  const means = [...match.modalities, ...match.bodyParts].join(' ');
  const wanted = [...(priors.sameModality ? ['same'] : []), ...priors.modalities].join(' ') || 'any';
  return lineOf([
    ...[rule.name, enabled ? 'on' : 'off', triggers.join('+'), means, `${priors.atMost} ${wanted}, ${priors.years} y`],
    ...[nodeIds.map((nodeId) => names.get(nodeId) ?? nodeId).join('+'), lastTrouble?.code ?? '', rule.ruleId],
  ]);
}

function describeRun(run: PrefetchRun): string {
  const { at, state, found, fetched, otherPerson, lastTrouble, studyUid, entryId } = run;
  return lineOf([
    ...[new Date(at).toISOString(), run.ruleName, state, `${fetched} of ${found} here`],
    otherPerson > 0 ? `${otherPerson} of another person` : '',
    ...[lastTrouble?.code ?? '', studyUid ?? entryId ?? ''],
  ]);
}
