import { Failure } from '../../../../app/shared/failure.ts';
import { UsageProblem } from '../../usageProblem.ts';
import type { CoreAccess } from '../coreAccess.ts';
import { optionText } from '../exchangeOptions.ts';
import type { Verb, VerbContext } from './verb.ts';

export type RuleOptions = VerbContext['given']['exchange'];
export type RuleOption = Parameters<typeof optionText>[1];

/** What can be done with rules of one kind: its arguments, its options, and how. */
export type RuleKinds = Readonly<
  Record<string, { names: readonly string[]; options: readonly RuleOption[]; run: Verb['run'] }>
>;

/** Stands for a node that is looked up only once the core is there, while a rule's other parts are checked. */
export const anyNodeId = '00000000-0000-7000-8000-000000000000';

/**
 * A verb that keeps rules: `salus NAME KIND …`.
 *
 * @param takes what it says it takes: 'list, add or archive'
 * @param check looks at what is given besides names of arguments and options. @throws UsageProblem
 */
export function ruleVerb(
  name: string,
  takes: string,
  kinds: RuleKinds,
  check: (kind: string, rest: readonly string[], options: RuleOptions) => void,
): Verb {
  const kindOf = (kind: string) => {
    const found = Object.hasOwn(kinds, kind) ? kinds[kind] : undefined;
    if (!found) throw new UsageProblem(`salus ${name} takes: ${takes}.`);
    return found;
  };
  return {
    check({ rest: [kind = '', ...rest], exchange }) {
      const { names, options } = kindOf(kind);
      if (rest.length !== names.length || rest.includes(''))
        throw new UsageProblem(`salus ${name} ${kind} takes: ${names.join(' ') || 'no argument'}.`);
      for (const option of Object.keys(exchange) as RuleOption[]) {
        if (!options.includes(option)) throw new UsageProblem(`salus ${name} ${kind} has no option --${option}.`);
      }
      check(kind, rest, exchange);
    },
    needsSession: () => true,
    run: (context) => kindOf(context.given.rest[0] ?? '').run(context),
  };
}

/**
 * The rule of this id or, where no id is meant, of this name, in whatever case.
 *
 * @throws UsageProblem where two have the name, Failure('exchange.ruleUnknown')
 */
export function findGivenRule<Rule extends { readonly ruleId: string; readonly name: string }>(
  rules: readonly Rule[],
  given: string,
  verb: string,
): Rule {
  const wanted = given.trim().toLowerCase();
  const byId = rules.filter(({ ruleId }) => ruleId.toLowerCase() === wanted);
  const found = byId.length > 0 ? byId : rules.filter(({ name }) => name.toLowerCase() === wanted);
  if (found.length > 1) throw new UsageProblem(`Two rules have this name: give the id that salus ${verb} list shows.`);
  const [rule] = found;
  if (!rule) throw new Failure('exchange.ruleUnknown', 'no rule of this name');
  return rule;
}

/** CT,MR as a list. */
export function optionList(options: RuleOptions, name: RuleOption): string[] {
  return optionText(options, name)
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

/** Names of the nodes by their ids. */
export async function nodeNames(access: CoreAccess): Promise<ReadonlyMap<string, string>> {
  const nodes = await access.client.exchange.listNodes();
  return new Map(nodes.map(({ nodeId, name }) => [nodeId, name]));
}
