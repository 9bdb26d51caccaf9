import {
  type NewRoutingRule,
  newRoutingRuleSchema,
  type RoutingRule,
  studyMatchSchema,
} from '../../../../app/domains/exchange/routingSchema.ts';
import { UsageProblem } from '../../usageProblem.ts';
import { optionText } from '../exchangeOptions.ts';
import { exitCodes } from '../exitCodes.ts';
import { lineOf } from '../terminal.ts';
import { findGivenNode } from './givenNode.ts';
import {
  anyNodeId,
  findGivenRule,
  nodeNames,
  optionList,
  type RuleKinds,
  type RuleOption,
  type RuleOptions,
  ruleVerb,
} from './ruleVerb.ts';
import type { VerbContext } from './verb.ts';

const matchOptions: readonly RuleOption[] = ['modality', 'body', 'source', 'calling'];
const ruleOptions: readonly RuleOption[] = [...matchOptions, 'on', 'content', 'deidentify'];
const kinds: RuleKinds = {
  list: { names: [], options: [], run: list },
  add: { names: ['NAME', 'NODE'], options: ruleOptions, run: add },
  archive: { names: ['RULE'], options: [], run: archive },
  try: { names: [], options: matchOptions, run: tryMatch },
};

/** What leaves by itself: lists the rules, adds one, takes one out of use, and says which studies one would mean. */
export const route = ruleVerb('route', 'list, add, archive or try', kinds, (kind, [name = ''], options) => {
  readMatch(options);
  if (kind === 'add') readRule(options, name, anyNodeId);
});

async function list({ access, terminal }: VerbContext) {
  const names = await nodeNames(access);
  const rules = await access.client.exchange.listRoutingRules();
  terminal.print(rules, rules.map((rule) => describeRule(rule, names)).join('\n'));
  return exitCodes.done;
}

async function add({ given, access, terminal }: VerbContext) {
  const [, name = '', nodeGiven = ''] = given.rest;
  const { nodeId } = await findGivenNode(access, nodeGiven);
  const rule = readRule(given.exchange, name, nodeId);
  const saved = await access.client.exchange.saveRoutingRule({ ruleId: null, baseVersion: null, rule });
  terminal.print(saved, describeRule(saved, await nodeNames(access)));
  return exitCodes.done;
}

async function archive({ given, access, terminal }: VerbContext) {
  const { ruleId, name } = findGivenRule(await access.client.exchange.listRoutingRules(), given.rest[1] ?? '', 'route');
  await access.client.exchange.archiveRoutingRule({ ruleId });
  terminal.print({ ruleId, name }, `${name} is out of use.`);
  return exitCodes.done;
}

async function tryMatch({ given, access, terminal }: VerbContext) {
  const trial = await access.client.exchange.tryRoutingMatch({ match: readMatch(given.exchange) });
  const { looked, matched, studyUids } = trial;
  terminal.print(trial, [`Of the newest ${looked} studies ${matched} match.`, ...studyUids].join('\n'));
  return exitCodes.done;
}

function readMatch(options: RuleOptions) {
  const parsed = studyMatchSchema.safeParse({
    modalities: optionList(options, 'modality'),
    bodyParts: optionList(options, 'body'),
    sources: optionList(options, 'source'),
    callingAes: optionList(options, 'calling'),
  });
  if (parsed.success) return parsed.data;
  const { path = [] } = parsed.error.issues[0] ?? {};
  throw new UsageProblem(`What the rule means was not understood: ${String(path[0] ?? '')}.`);
}

function readRule(options: RuleOptions, name: string, nodeId: string): NewRoutingRule {
  const parsed = newRoutingRuleSchema.safeParse({
    name,
    enabled: true,
    trigger: optionText(options, 'on') || 'arrival',
    match: readMatch(options),
    nodeId,
    content: optionText(options, 'content') || 'study',
    deidentify: options.deidentify === true,
  });
  if (parsed.success) return parsed.data;
  const field = String(parsed.error.issues[0]?.path[0] ?? '');
  if (field === 'content') throw new UsageProblem('What arrives has no report: --content report needs --on sign.');
  if (field === 'deidentify') throw new UsageProblem('A report names the person: --deidentify takes the study alone.');
  throw new UsageProblem(`The rule was not understood: ${field}.`);
}

function describeRule(rule: RoutingRule, names: ReadonlyMap<string, string>): string {
  const { match, trigger, content, deidentify, enabled, nodeId, deliveries, lastTrouble } = rule;
  const means = [match.modalities, match.bodyParts, match.sources, match.callingAes].flat().join(' ');
  const cells = [
    ...[rule.name, enabled ? 'on' : 'off', trigger, content, deidentify ? 'without identity' : ''],
    ...[means, names.get(nodeId) ?? nodeId, String(deliveries), lastTrouble?.code ?? '', rule.ruleId],
  ];
  return lineOf(cells.filter((cell) => cell !== ''));
}
