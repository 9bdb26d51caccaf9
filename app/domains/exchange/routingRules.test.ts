import { describe, expect, it } from 'vitest';
import { goesBack, matchesOrigin, matchesStudy, meansTheSame, type StudyOrigin } from './routingRules.ts';
import { newRoutingRuleSchema, type StudyMatch, studyMatchSchema } from './routingSchema.ts';

const aMatch = (given: Partial<StudyMatch> = {}): StudyMatch => studyMatchSchema.parse(given);
const nodeId = '01890000-0000-7000-8000-000000000001';
const fromCt: StudyOrigin = { channel: 'dimse', callingAe: 'CT_ROOM_1', nodeId: '' };

describe('which studies a rule means', () => {
  it('all, where it names nothing', () => {
    expect(matchesStudy(aMatch(), { modalities: [], bodyParts: [] })).toBe(true);
    for (const channel of ['dimse', 'stow', 'watch', 'import', 'fetch'] as const)
      expect(matchesOrigin(aMatch(), { channel, callingAe: '', nodeId: '' })).toBe(true);
  });

  it('any of the modalities and any of the body parts', () => {
    const match = aMatch({ modalities: ['CT', 'MR'], bodyParts: ['CHEST'] });
    expect(matchesStudy(match, { modalities: ['SR', 'MR'], bodyParts: ['HEAD', 'CHEST'] })).toBe(true);
    expect(matchesStudy(match, { modalities: ['US'], bodyParts: ['CHEST'] })).toBe(false);
    expect(matchesStudy(match, { modalities: ['CT'], bodyParts: [] })).toBe(false);
  });

  it.each([
    ['CT_ROOM_1', true],
    ['CT*', true],
    ['*', true],
    ['CT_ROOM_?', true],
    ['*ROOM*', true],
    ['**1', true],
    ['CT_ROOM', false],
    ['ct_room_1', false],
    ['CT_ROOM_??', false],
    ['?', false],
    ['.*', false],
    ['CT_ROOM_[1]', false],
  ])('the title %s', (pattern, expected) => {
    expect(matchesOrigin(aMatch({ callingAes: [pattern] }), fromCt)).toBe(expected);
  });

  it('what has no title never matches one, not even any', () => {
    const match = aMatch({ callingAes: ['*'] });
    expect(matchesOrigin(match, { channel: 'import', callingAe: '', nodeId: '' })).toBe(false);
  });

  it('a source', () => {
    const match = aMatch({ sources: ['stow', 'watch'] });
    expect(matchesOrigin(match, { channel: 'watch', callingAe: '', nodeId: '' })).toBe(true);
    expect(matchesOrigin(match, fromCt)).toBe(false);
  });

  it('takes no time over a pattern of many stars', () => {
    const match = aMatch({ callingAes: ['*a*a*a*a*a*a*a*b'] });
    const started = performance.now();
    for (let round = 0; round < 1000; round += 1)
      matchesOrigin(match, { channel: 'dimse', callingAe: 'aaaaaaaaaaaaaaaa', nodeId: '' });
    expect(performance.now() - started).toBeLessThan(5_000);
  });
});

describe('what would go back', () => {
  const destination = { nodeId, aeTitle: 'AI' };
  const fromAi: StudyOrigin = { channel: 'dimse', callingAe: 'AI', nodeId };

  it('is what came from the node, whatever it called itself, or under its title', () => {
    expect(goesBack(aMatch(), fromAi, destination)).toBe(true);
    expect(goesBack(aMatch(), { ...fromAi, callingAe: 'OTHER' }, destination)).toBe(true);
    expect(goesBack(aMatch(), { ...fromAi, nodeId: 'another' }, destination)).toBe(true);
    expect(goesBack(aMatch(), fromCt, destination)).toBe(false);
    const overHttp = { nodeId, aeTitle: '' };
    expect(goesBack(aMatch(), { channel: 'stow', callingAe: '', nodeId: '' }, overHttp)).toBe(false);
  });

  it('may where the rule names the sender letter by letter', () => {
    expect(goesBack(aMatch({ callingAes: ['AI'] }), fromAi, destination)).toBe(false);
    expect(goesBack(aMatch({ callingAes: ['A?', '*'] }), fromAi, destination)).toBe(true);
  });
});

describe('a rule', () => {
  const rule = newRoutingRuleSchema.parse({
    ...{ name: 'x', enabled: true, trigger: 'arrival', nodeId, content: 'study', deidentify: false },
    match: { modalities: ['CT', 'MR'] },
  });

  it('means the same under another name and in another order', () => {
    const match = { ...rule.match, modalities: ['MR', 'CT'] };
    expect(meansTheSame(rule, { ...rule, match })).toBe(true);
    expect(meansTheSame(rule, { ...rule, deidentify: true })).toBe(false);
    expect(meansTheSame(rule, { ...rule, match: aMatch({ modalities: ['CT'] }) })).toBe(false);
  });

  it('never sends a report where the person must not be known', () => {
    const given = { ...rule, trigger: 'sign', deidentify: true };
    expect(newRoutingRuleSchema.safeParse({ ...given, content: 'study' }).success).toBe(true);
    expect(newRoutingRuleSchema.safeParse({ ...given, content: 'report' }).success).toBe(false);
    expect(newRoutingRuleSchema.safeParse({ ...given, content: 'studyAndReport' }).success).toBe(false);
  });
});
