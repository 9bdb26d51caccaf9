import { describe, expect, it } from 'vitest';
import type { NewRoutingRule } from '../../../../app/domains/exchange/routingSchema.ts';
import { UsageProblem } from '../../usageProblem.ts';
import { readCliArguments } from '../cliArguments.ts';
import { route } from './routeVerb.ts';
import type { VerbContext } from './verb.ts';

const nodeId = '01890a5d-ac96-774b-bcce-b302099a8057';
const ruleId = '01890a5d-ac96-774b-bcce-b302099a8058';
const match = { modalities: [], bodyParts: [], sources: [], callingAes: [] };
const shown = { match, nodeId, trigger: 'arrival', content: 'study', deliveries: 0, lastTrouble: null };

/** What `salus route` asks the core for; the core itself is tried in tests/integration. */
async function routeWith(...rest: string[]) {
  const asked: { name: string; input: unknown }[] = [];
  const printed: unknown[] = [];
  const note = (name: string, answer: unknown) => async (input: unknown) => {
    asked.push({ name, input });
    return answer;
  };
  const rule = { name: 'To the archive', ruleId, ...shown };
  const exchange = {
    listNodes: async () => [{ nodeId, name: 'Archive' }],
    listRoutingRules: async () => [rule],
    saveRoutingRule: note('save', rule),
    archiveRoutingRule: note('archive', null),
    tryRoutingMatch: note('try', { looked: 3, matched: 1, studyUids: ['1.2.3'] }),
  };
  const given = readCliArguments(['route', ...rest]);
  route.check(given);
  const terminal = { tell: () => undefined, print: (document: unknown) => printed.push(document) };
  const context = { given, terminal, access: { client: { exchange } } } as unknown as VerbContext;
  return { code: await route.run(context), asked, printed };
}

describe('salus route', () => {
  it('adds a rule of what was given, and of nothing else', async () => {
    const { asked } = await routeWith(
      ...['add', 'CT to AI', 'archive', '--modality', 'CT,MR', '--body', 'CHEST', '--source', 'dimse,stow'],
      ...['--calling', 'CT_*,MR_?', '--deidentify'],
    );
    const rule: NewRoutingRule = {
      name: 'CT to AI',
      enabled: true,
      trigger: 'arrival',
      match: {
        modalities: ['CT', 'MR'],
        bodyParts: ['CHEST'],
        sources: ['dimse', 'stow'],
        callingAes: ['CT_*', 'MR_?'],
      },
      nodeId,
      content: 'study',
      deidentify: true,
    };
    expect(asked).toEqual([{ name: 'save', input: { ruleId: null, baseVersion: null, rule } }]);
    const signed = await routeWith('add', 'Reports', nodeId, '--on', 'sign', '--content', 'report');
    expect(signed.asked).toMatchObject([
      { input: { rule: { trigger: 'sign', content: 'report', deidentify: false } } },
    ]);
  });

  it('takes a rule out of use by its name or id, and tries one', async () => {
    for (const given of ['to the ARCHIVE', ruleId])
      expect((await routeWith('archive', given)).asked).toEqual([{ name: 'archive', input: { ruleId } }]);
    await expect(routeWith('archive', 'another')).rejects.toMatchObject({ code: 'exchange.ruleUnknown' });
    const tried = await routeWith('try', '--calling', 'CT_*');
    expect(tried.asked).toMatchObject([{ name: 'try', input: { match: { callingAes: ['CT_*'], modalities: [] } } }]);
    expect(tried.printed).toEqual([{ looked: 3, matched: 1, studyUids: ['1.2.3'] }]);
  });

  it.each([
    [['send']],
    [['add', 'x']],
    [['list', '--modality', 'CT']],
    [['try', '--on', 'sign']],
    [['add', 'x', 'y', '--on', 'noon']],
    [['add', 'x', 'y', '--content', 'report']],
    [['add', 'x', 'y', '--on', 'sign', '--content', 'report', '--deidentify']],
    [['add', 'x', 'y', '--source', 'post']],
    [['add', 'x', 'y', '--modality', 'ct']],
    [['add', 'x', 'y', '--port', '104']],
  ])('refuses %j before anything is asked', async (given) => {
    await expect(routeWith(...given)).rejects.toBeInstanceOf(UsageProblem);
  });
});
