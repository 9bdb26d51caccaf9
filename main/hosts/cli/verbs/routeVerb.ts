import {
  type NewRoutingRule,
  newRoutingRuleSchema,
  type RoutingRule,
  studyMatchSchema,
} from '../../../../app/domains/exchange/routingSchema.ts';
import { Failure } from '../../../../app/shared/failure.ts';
import { UsageProblem } from '../../usageProblem.ts';
import type { CoreAccess } from '../coreAccess.ts';
import { optionText } from '../exchangeOptions.ts';
import { exitCodes } from '../exitCodes.ts';
import { lineOf } from '../terminal.ts';
import { findGivenNode } from './givenNode.ts';
import type { Verb, VerbContext } from './verb.ts';

type Options = VerbContext['given']['exchange'];
type OptionName = Parameters<typeof optionText>[1];

const matchOptions: readonly OptionName[] = ['modality', 'body', 'source', 'calling'];
const ruleOptions: readonly OptionName[] = [...matchOptions, 'on', 'content', 'deidentify'];
const kinds: Readonly<Record<string, { names: readonly string[]; options: readonly OptionName[]; run: Verb['run'] }>> =
  {
    list: { names: [], options: [], run: list },
    add: { names: ['NAME', 'NODE'], options: ruleOptions, run: add },
    archive: { names: ['RULE'], options: [], run: archive },
    try: { names: [], options: matchOptions, run: tryMatch },
  };

/** What leaves by itself: lists the rules, adds one, takes one out of use, and says which studies one would mean. */
export const route: Verb = {
  check({ rest: [kind = '', ...rest], exchange }) {
    const found = kinds[kind];
    if (!found) throw new UsageProblem('salus route takes: list, add, archive or try.');
    if (rest.length !== found.names.length || rest.includes(''))
      throw new UsageProblem(`salus route ${kind} takes: ${found.names.join(' ') || 'no argument'}.`);
    for (const name of Object.keys(exchange) as OptionName[]) {
      if (!found.options.includes(name)) throw new UsageProblem(`salus route ${kind} has no option --${name}.`);
    }
    readMatch(exchange);
    if (kind === 'add') readRule(exchange, rest[0] ?? '', '00000000-0000-7000-8000-000000000000');
  },
  needsSession: () => true,
  run(context) {
    const { run } = kinds[context.given.rest[0] ?? ''] ?? {};
    if (!run) throw new UsageProblem('salus route takes: list, add, archive or try.');
    return run(context);
  },
};

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
  const wanted = (given.rest[1] ?? '').trim().toLowerCase();
  const rules = await access.client.exchange.listRoutingRules();
  const byId = rules.filter(({ ruleId }) => ruleId.toLowerCase() === wanted);
  const found = byId.length > 0 ? byId : rules.filter(({ name }) => name.toLowerCase() === wanted);
  if (found.length > 1) throw new UsageProblem('Two rules have this name: give the id that salus route list shows.');
  const [rule] = found;
  if (!rule) throw new Failure('exchange.ruleUnknown', 'no rule of this name');
  const { ruleId, name } = rule;
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

/** CT,MR as a list. */
function optionList(options: Options, name: OptionName): string[] {
  return optionText(options, name)
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

function readMatch(options: Options) {
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

function readRule(options: Options, name: string, nodeId: string): NewRoutingRule {
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

async function nodeNames(access: CoreAccess): Promise<ReadonlyMap<string, string>> {
  const nodes = await access.client.exchange.listNodes();
  return new Map(nodes.map(({ nodeId, name }) => [nodeId, name]));
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
