import { describe, expect, it } from 'vitest';
import { newPrefetchRuleSchema } from '../../../app/domains/exchange/prefetchSchema.ts';
import { arrivalSources, newRoutingRuleSchema } from '../../../app/domains/exchange/routingSchema.ts';
import {
  errorsOfPrefetch,
  errorsOfRouting,
  formOfRoutingPreset,
  newPrefetchForm,
  parseCaller,
  parseCode,
  routingPresets,
  savedPrefetch,
  sources,
  usualBodyParts,
  usualModalities,
  withRouting,
  withRoutingPreset,
} from './ruleForm.ts';

const nodeId = '0190d9a1-6a86-7a3e-8a50-000000000001';
const otherId = '0190d9a1-6a86-7a3e-8a50-000000000002';

describe('the form of a sending rule', () => {
  it('begins from every preset with what the host takes', () => {
    for (const preset of routingPresets)
      expect(newRoutingRuleSchema.safeParse(formOfRoutingPreset(preset, 'A', nodeId)).success).toBe(true);
    expect(formOfRoutingPreset('ai', 'A', '')).toMatchObject({ trigger: 'arrival', deidentify: true });
    expect(formOfRoutingPreset('reports', 'A', '')).toMatchObject({ trigger: 'sign', content: 'report' });
    expect(formOfRoutingPreset('archive', 'A', '').match.sources).not.toContain('fetch');
  });

  it('never holds together what the host refuses', () => {
    const signed = withRouting(formOfRoutingPreset('none', 'A', nodeId), { trigger: 'sign', content: 'report' });
    expect(signed).toMatchObject({ trigger: 'sign', content: 'report' });
    expect(withRouting(signed, { trigger: 'arrival' }).content).toBe('study');
    const nameless = withRouting(formOfRoutingPreset('ai', 'A', nodeId), { trigger: 'sign' });
    expect(nameless.deidentify).toBe(true);
    for (const content of ['report', 'studyAndReport'] as const) {
      const changed = withRouting(nameless, { content });
      expect(changed.deidentify).toBe(false);
      expect(newRoutingRuleSchema.safeParse(changed).success).toBe(true);
    }
  });

  it('keeps what was typed when another preset is chosen, and changes what the presets are about', () => {
    const typed = withRouting(formOfRoutingPreset('none', 'A', nodeId), {
      enabled: false,
      match: { modalities: ['CT'], bodyParts: ['CHEST'], sources: [], callingAes: ['SCANNER'] },
    });
    const archive = withRoutingPreset(typed, 'none', 'archive', 'B');
    expect(archive).toMatchObject({ name: 'B', nodeId, enabled: false });
    expect(archive.match).toMatchObject({ modalities: ['CT'], bodyParts: ['CHEST'], callingAes: ['SCANNER'] });
    expect(archive.match.sources).toEqual(formOfRoutingPreset('archive', '', '').match.sources);
    expect(withRoutingPreset(archive, 'archive', 'ai', 'B')).toMatchObject({
      ...{ deidentify: true, trigger: 'arrival' },
      match: { modalities: ['CT'], sources: [] },
    });
    const chosen = withRouting(archive, { match: { ...archive.match, sources: ['stow'] } });
    expect(withRoutingPreset(chosen, 'archive', 'reports', 'B')).toMatchObject({
      ...{ trigger: 'sign', content: 'report' },
      match: { sources: ['stow'] },
    });
    for (const from of routingPresets)
      for (const to of routingPresets)
        expect(withRoutingPreset(formOfRoutingPreset(from, 'A', nodeId), from, to, 'A')).toEqual(
          formOfRoutingPreset(to, 'A', nodeId),
        );
  });

  it('asks for a name and a node that may be sent to', () => {
    const form = formOfRoutingPreset('none', ' ', '');
    expect(errorsOfRouting(form, [nodeId])).toEqual({ name: 'needed', nodeId: 'node' });
    expect(errorsOfRouting({ ...form, name: 'A', nodeId }, [nodeId])).toEqual({});
    // A destination that was removed meanwhile is not kept silently.
    expect(errorsOfRouting({ ...form, name: 'A', nodeId }, [otherId])).toEqual({ nodeId: 'node' });
  });

  it('offers every way in which a study can come, and codes that are codes', () => {
    expect(new Set(sources)).toEqual(new Set(arrivalSources));
    for (const code of [...usualModalities, ...usualBodyParts]) expect(parseCode(code)).toBe(code);
  });
});

describe('the form of a rule for priors', () => {
  it('is one that the host takes, once it has a name and a node', () => {
    expect(errorsOfPrefetch(newPrefetchForm([]), [nodeId])).toEqual({ name: 'needed', nodeIds: 'nodes' });
    const form = { ...newPrefetchForm([nodeId, otherId]), name: 'Priors' };
    expect(errorsOfPrefetch(form, [nodeId])).toEqual({});
    const saved = savedPrefetch(form, [nodeId]);
    expect(saved.nodeIds).toEqual([nodeId]);
    expect(newPrefetchRuleSchema.parse(saved)).toEqual(saved);
  });

  it('takes whole numbers within what the host takes', () => {
    const form = { ...newPrefetchForm([nodeId]), name: 'Priors' };
    for (const [atMost, years] of [
      ['0', '0'],
      ['21', '51'],
      ['1.5', 'x'],
      ['', ' '],
    ] as const) {
      expect(errorsOfPrefetch({ ...form, atMost, years }, [nodeId])).toEqual({ atMost: 'atMost', years: 'years' });
      const { priors } = savedPrefetch({ ...form, atMost, years }, [nodeId]);
      expect(priors).toMatchObject({ atMost: 0, years: 0 });
      expect(newPrefetchRuleSchema.safeParse(savedPrefetch({ ...form, atMost, years }, [nodeId])).success).toBe(false);
    }
    expect(savedPrefetch({ ...form, atMost: '20', years: '50' }, [nodeId]).priors).toMatchObject({
      atMost: 20,
      years: 50,
    });
    expect(errorsOfPrefetch({ ...form, triggers: [] }, [nodeId])).toEqual({ triggers: 'triggers' });
  });
});

describe('what is typed into a list', () => {
  it('is a code in capitals, or nothing', () => {
    expect(parseCode(' ct ')).toBe('CT');
    for (const bad of ['', '  ', 'C-T', 'É', 'A'.repeat(17)]) expect(parseCode(bad)).toBeNull();
  });

  it('is an AE title with its own capitals and its wildcards, or nothing', () => {
    expect(parseCaller(' Ct_* ')).toBe('Ct_*');
    for (const bad of ['', ' ', 'A\\B', 'É', 'A'.repeat(17)]) expect(parseCaller(bad)).toBeNull();
  });
});
