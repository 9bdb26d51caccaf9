import {
  type NewPrefetchRule,
  newPrefetchRuleSchema,
  type PrefetchRule,
  type PrefetchRun,
} from '../../../../app/domains/exchange/prefetchSchema.ts';
import { UsageProblem } from '../../usageProblem.ts';
import { optionNumber, optionText } from '../exchangeOptions.ts';
import { exitCodes } from '../exitCodes.ts';
import { lineOf } from '../terminal.ts';
import { findGivenNode } from './givenNode.ts';
import {
  anyNodeId,
  findGivenRule,
  nodeNames,
  optionList,
  type RuleKinds,
  type RuleOptions,
  ruleVerb,
} from './ruleVerb.ts';
import type { VerbContext } from './verb.ts';

const kinds: RuleKinds = {
  list: { names: [], options: [], run: list },
  add: { names: ['NAME', 'NODE'], options: ['modality', 'body', 'on', 'prior', 'limit', 'years'], run: add },
  archive: { names: ['RULE'], options: [], run: archive },
  runs: { names: [], options: ['study', 'limit'], run: listRuns },
};

/** Which priors come here by themselves: lists the rules, adds one, takes one out of use, and says what each look came to. */
export const prefetch = ruleVerb('prefetch', 'list, add, archive or runs', kinds, (kind, [name = ''], options) => {
  if (kind === 'add') readRule(options, name, [anyNodeId]);
  if (kind === 'runs') optionNumber(options, 'limit', 1, 500);
});

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
  const { ruleId, name } = findGivenRule(
    await access.client.exchange.listPrefetchRules(),
    given.rest[1] ?? '',
    'prefetch',
  );
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

function readRule(options: RuleOptions, name: string, nodeIds: readonly string[]): NewPrefetchRule {
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
