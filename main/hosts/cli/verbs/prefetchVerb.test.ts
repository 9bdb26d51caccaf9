import { describe, expect, it } from 'vitest';
import type { NewPrefetchRule } from '../../../../app/domains/exchange/prefetchSchema.ts';
import { UsageProblem } from '../../usageProblem.ts';
import { readCliArguments } from '../cliArguments.ts';
import { prefetch } from './prefetchVerb.ts';
import type { VerbContext } from './verb.ts';

const nodeIds = ['01890a5d-ac96-774b-bcce-b302099a8057', '01890a5d-ac96-774b-bcce-b302099a8059'];
const ruleId = '01890a5d-ac96-774b-bcce-b302099a8058';
const usual: NewPrefetchRule = {
  name: 'Priors',
  enabled: true,
  triggers: ['arrival', 'planned'],
  match: { modalities: [], bodyParts: [] },
  nodeIds: [nodeIds[0] ?? ''],
  priors: { sameModality: true, modalities: [], atMost: 3, years: 5 },
};

/** What `salus prefetch` asks the core for; the core itself is tried in tests/integration and tests/safety. */
async function prefetchWith(...rest: string[]) {
  const asked: { name: string; input: unknown }[] = [];
  const printed: { document: unknown; text: string }[] = [];
  const note = (name: string, answer: unknown) => async (input: unknown) => {
    asked.push({ name, input });
    return answer;
  };
  const rule = { ...usual, ruleId, version: 1, lastAt: null, lastTrouble: null };
  const run = {
    ...{ prefetchId: ruleId, ruleId, ruleName: 'Priors', studyUid: '1.2.3', entryId: null, state: 'done', at: 0 },
    ...{ found: 2, fetched: 2, otherPerson: 1, lastTrouble: null, nextAttemptAt: null },
  };
  const exchange = {
    listNodes: async () => nodeIds.map((nodeId, index) => ({ nodeId, name: ['Archive', 'PACS'][index] })),
    listPrefetchRules: async () => [rule],
    savePrefetchRule: note('save', rule),
    archivePrefetchRule: note('archive', null),
    listPrefetches: note('runs', { total: 1, rows: [run] }),
  };
  const given = readCliArguments(['prefetch', ...rest]);
  prefetch.check(given);
  const terminal = { print: (document: unknown, text: string) => printed.push({ document, text }) };
  const context = { given, terminal, access: { client: { exchange } } } as unknown as VerbContext;
  return { code: await prefetch.run(context), asked, printed };
}

describe('salus prefetch', () => {
  it('adds a rule of what was given, and otherwise the usual one', async () => {
    const plain = await prefetchWith('add', 'Priors', 'archive');
    expect(plain.asked).toEqual([{ name: 'save', input: { ruleId: null, baseVersion: null, rule: usual } }]);
    const { asked } = await prefetchWith(
      ...['add', 'Chest', 'PACS,archive', '--modality', 'CT,MR', '--body', 'CHEST', '--on', 'planned'],
      ...['--prior', 'same,CR', '--limit', '5', '--years', '10'],
    );
    const rule: NewPrefetchRule = {
      ...usual,
      name: 'Chest',
      triggers: ['planned'],
      match: { modalities: ['CT', 'MR'], bodyParts: ['CHEST'] },
      nodeIds: [...nodeIds].reverse(),
      priors: { sameModality: true, modalities: ['CR'], atMost: 5, years: 10 },
    };
    expect(asked).toMatchObject([{ input: { rule } }]);
    const any = await prefetchWith('add', 'All', 'PACS', '--prior', 'any');
    expect(any.asked).toMatchObject([{ input: { rule: { priors: { sameModality: false, modalities: [] } } } }]);
  });

  it('takes a rule out of use by its name or id, and says what the looks came to', async () => {
    for (const given of ['PRIORS', ruleId])
      expect((await prefetchWith('archive', given)).asked).toEqual([{ name: 'archive', input: { ruleId } }]);
    await expect(prefetchWith('archive', 'another')).rejects.toMatchObject({ code: 'exchange.ruleUnknown' });
    const runs = await prefetchWith('runs', '--study', '1.2.3');
    expect(runs.asked).toEqual([{ name: 'runs', input: { studyUid: '1.2.3', limit: 100 } }]);
    expect(runs.printed[0]?.text).toMatch(/Priors.*done.*2 of 2 here.*1 of another person.*1\.2\.3/);
    const listed = await prefetchWith('list');
    expect(listed.printed[0]?.text).toMatch(/Priors.*arrival\+planned.*3 same, 5 y.*Archive/);
  });

  it.each([
    [['fetch']],
    [['add', 'x']],
    [['list', '--study', '1.2']],
    [['runs', '--limit', '0']],
    [['add', 'x', 'y', '--on', 'noon']],
    [['add', 'x', 'y', '--limit', '21']],
    [['add', 'x', 'y', '--prior', 'any,CT']],
    [['add', 'x', 'y', '--prior', 'ct']],
    [['add', 'x', 'y', '--content', 'study']],
  ])('refuses %j before anything is asked', async (given) => {
    await expect(prefetchWith(...given)).rejects.toBeInstanceOf(UsageProblem);
  });
});
