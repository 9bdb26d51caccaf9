import type { NewPrefetchRule, PrefetchRule } from '../../../app/domains/exchange/prefetchSchema.ts';
import type {
  ArrivalSource,
  NewRoutingRule,
  RoutingRule,
  StudyMatch,
} from '../../../app/domains/exchange/routingSchema.ts';

/** A sending rule as its form holds it; '' is a destination not yet chosen. */
export type RoutingForm = NewRoutingRule;

/** A rule for priors as its form holds it: numbers as they are typed. */
export interface PrefetchForm extends Omit<NewPrefetchRule, 'priors'> {
  readonly sameModality: boolean;
  readonly priorModalities: readonly string[];
  readonly atMost: string;
  readonly years: string;
}

/** In the order of the form. A record, so that none is forgotten. */
const inOrder: Readonly<Record<ArrivalSource, true>> = {
  dimse: true,
  stow: true,
  watch: true,
  import: true,
  fetch: true,
};
export const sources = Object.keys(inOrder) as readonly ArrivalSource[];

/** Offered by a press; any other code can be typed. */
export const usualModalities: readonly string[] = ['CR', 'CT', 'DX', 'MG', 'MR', 'NM', 'PT', 'RF', 'US', 'XA'];
export const usualBodyParts: readonly string[] = [
  'ABDOMEN',
  'BREAST',
  'CHEST',
  'HEAD',
  'HIP',
  'KNEE',
  'NECK',
  'PELVIS',
  'SPINE',
];

const noMatch: StudyMatch = { modalities: [], bodyParts: [], sources: [], callingAes: [] };

export type RoutingPreset = 'none' | 'ai' | 'archive' | 'reports';
export const routingPresets: readonly RoutingPreset[] = ['none', 'ai', 'archive', 'reports'];

/** What is usual for a purpose. With one place to go, it is chosen already. */
export function formOfRoutingPreset(preset: RoutingPreset, name: string, nodeId: string): RoutingForm {
  const form: RoutingForm = {
    name,
    enabled: true,
    trigger: 'arrival',
    match: noMatch,
    nodeId,
    content: 'study',
    deidentify: false,
  };
  if (preset === 'ai') return { ...form, deidentify: true };
  if (preset === 'reports') return { ...form, trigger: 'sign', content: 'report' };
  // What was fetched from an archive is not sent back into one.
  if (preset === 'archive') return { ...form, match: { ...noMatch, sources: ['dimse', 'stow', 'watch', 'import'] } };
  return form;
}

/** Another preset's usual: what was typed or chosen besides it stays. */
export function withRoutingPreset(
  form: RoutingForm,
  was: RoutingPreset,
  preset: RoutingPreset,
  name: string,
): RoutingForm {
  const before = formOfRoutingPreset(was, '', '');
  const { trigger, content, deidentify, match } = formOfRoutingPreset(preset, '', '');
  const isUntouched = form.match.sources.join() === before.match.sources.join();
  const sources = isUntouched ? match.sources : form.match.sources;
  return { ...form, name, trigger, content, deidentify, match: { ...form.match, sources } };
}

/** What of a rule is edited; the rest the host writes. */
export function formOfRouting(rule: RoutingRule): RoutingForm {
  const { name, enabled, trigger, match, nodeId, content, deidentify } = rule;
  return { name, enabled, trigger, match, nodeId, content, deidentify };
}

/** A report exists only once it is signed, and names the person: what cannot be together is not kept together. */
export function withRouting(form: RoutingForm, part: Partial<RoutingForm>): RoutingForm {
  const next = { ...form, ...part };
  const content = next.trigger === 'arrival' ? 'study' : next.content;
  return { ...next, content, deidentify: next.deidentify && content === 'study' };
}

/** Fields that the host would refuse, each with the key of its text under `form.bad`. */
export function errorsOfRouting(
  form: RoutingForm,
  senderIds: readonly string[],
): Partial<Record<'name' | 'nodeId', string>> {
  return {
    ...(form.name.trim() === '' ? { name: 'needed' } : {}),
    ...(senderIds.includes(form.nodeId) ? {} : { nodeId: 'node' }),
  };
}

export function newPrefetchForm(nodeIds: readonly string[]): PrefetchForm {
  return {
    name: '',
    enabled: true,
    triggers: ['arrival', 'planned'],
    match: { modalities: [], bodyParts: [] },
    nodeIds: [...nodeIds],
    sameModality: true,
    priorModalities: [],
    atMost: '3',
    years: '5',
  };
}

export function formOfPrefetch(rule: PrefetchRule): PrefetchForm {
  const { name, enabled, triggers, match, nodeIds, priors } = rule;
  return {
    ...{ name, enabled, triggers, match, nodeIds },
    sameModality: priors.sameModality,
    priorModalities: priors.modalities,
    atMost: String(priors.atMost),
    years: String(priors.years),
  };
}

function wholeWithin(text: string, most: number): number | null {
  const value = Number(text);
  return text.trim() !== '' && Number.isInteger(value) && value >= 1 && value <= most ? value : null;
}

type PrefetchField = 'name' | 'triggers' | 'nodeIds' | 'atMost' | 'years';

/** As `errorsOfRouting`. A node that is gone is left out when the rule is saved. */
export function errorsOfPrefetch(
  form: PrefetchForm,
  searcherIds: readonly string[],
): Partial<Record<PrefetchField, string>> {
  const bad: readonly (readonly [PrefetchField, string, boolean])[] = [
    ['name', 'needed', form.name.trim() === ''],
    ['triggers', 'triggers', form.triggers.length === 0],
    ['nodeIds', 'nodes', !form.nodeIds.some((nodeId) => searcherIds.includes(nodeId))],
    ['atMost', 'atMost', wholeWithin(form.atMost, 20) === null],
    ['years', 'years', wholeWithin(form.years, 50) === null],
  ];
  return Object.fromEntries(bad.filter(([, , isBad]) => isBad).map(([field, key]) => [field, key]));
}

/** The form as the host takes it; a number that is not one yet is 0, which the host refuses and a sentence leaves open. */
export function savedPrefetch(form: PrefetchForm, searcherIds: readonly string[]): NewPrefetchRule {
  const { name, enabled, triggers, match, nodeIds, sameModality, priorModalities, atMost, years } = form;
  return {
    name: name.trim(),
    enabled,
    triggers,
    match,
    nodeIds: nodeIds.filter((nodeId) => searcherIds.includes(nodeId)),
    priors: {
      sameModality,
      modalities: [...priorModalities],
      atMost: wholeWithin(atMost, 20) ?? 0,
      years: wholeWithin(years, 50) ?? 0,
    },
  };
}

/** A code string as it is typed (PS3.5 6.2, VR CS), or null. */
export function parseCode(text: string): string | null {
  const code = text.trim().toUpperCase();
  return /^[A-Z0-9 _]{1,16}$/.test(code) ? code : null;
}

/** An AE title in which * and ? stand for others, or null (PS3.5 6.2, VR AE). */
export function parseCaller(text: string): string | null {
  const title = text.trim();
  return /^[\x20-\x5b\x5d-\x7e]{1,16}$/.test(title) ? title : null;
}
