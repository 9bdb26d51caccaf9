import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import type { NewPrefetchRule } from '../../../app/domains/exchange/prefetchSchema.ts';
import type { NewRoutingRule, StudyMatch } from '../../../app/domains/exchange/routingSchema.ts';
import { useQueryOf } from '../../api/queries.ts';

/** The words of one language, and what the nodes are called. */
export interface SentenceWords {
  readonly language: string;
  /** Reads the `rules` namespace. */
  readonly say: (key: string, values?: Record<string, unknown>) => string;
  readonly nodeName: (nodeId: string) => string;
}

type SaidRouting = Pick<NewRoutingRule, 'trigger' | 'match' | 'nodeId' | 'content' | 'deidentify'>;
type SaidPrefetch = Pick<NewPrefetchRule, 'triggers' | 'match' | 'nodeIds' | 'priors'>;

function listOf(words: SentenceWords, type: 'conjunction' | 'disjunction', items: readonly string[]): string {
  const locale = words.language === 'fr' ? 'fr-FR' : 'en-GB';
  return new Intl.ListFormat(locale, { style: 'long', type }).format(items);
}

/** A code of a body part in the language's word, where there is one. */
export function bodyPartName(words: Pick<SentenceWords, 'say'>, code: string): string {
  return words.say(`bodyParts.${code}`, { defaultValue: code });
}

/** The study that is meant, with its article: every set of conditions has its own whole phrase. */
function studyPhrase(match: Partial<StudyMatch>, words: SentenceWords): string {
  const lists: readonly (readonly [string, readonly string[]])[] = [
    ['modalities', match.modalities ?? []],
    ['bodyParts', (match.bodyParts ?? []).map((code) => bodyPartName(words, code))],
    ['sources', (match.sources ?? []).map((source) => words.say(`sentence.sources.${source}`))],
    ['callers', match.callingAes ?? []],
  ];
  const said = lists.filter(([, items]) => items.length > 0);
  const key = said.map(([name], index) => (index === 0 ? name : name[0]?.toUpperCase() + name.slice(1))).join('');
  const values = Object.fromEntries(said.map(([name, items]) => [name, listOf(words, 'disjunction', items)]));
  return words.say(`sentence.study.${key || 'any'}`, values);
}

/** A sending rule as a sentence that can be read aloud. */
export function routingSentence(rule: SaidRouting, words: SentenceWords): string {
  const { trigger, content, deidentify } = rule;
  const what = trigger === 'arrival' ? 'arrival' : `sign${content[0]?.toUpperCase()}${content.slice(1)}`;
  const isNameless = deidentify && content === 'study';
  return words.say(`sentence.routing.${what}${isNameless ? 'Deidentified' : ''}`, {
    study: studyPhrase(rule.match, words),
    node: words.nodeName(rule.nodeId),
  });
}

/** A rule for priors as a sentence that can be read aloud. */
export function prefetchSentence(rule: SaidPrefetch, words: SentenceWords): string {
  const { sameModality, modalities, atMost, years } = rule.priors;
  const isListed = modalities.length > 0;
  const kind = sameModality ? (isListed ? 'sameOrListed' : 'same') : isListed ? 'listed' : 'any';
  const isBoth = rule.triggers.length > 1;
  return words.say(`sentence.prefetch.${isBoth ? 'arrivalOrPlanned' : (rule.triggers[0] ?? 'arrival')}`, {
    study: studyPhrase(rule.match, words),
    nodes:
      rule.nodeIds.length === 0 ? words.nodeName('') : listOf(words, 'conjunction', rule.nodeIds.map(words.nodeName)),
    priors: counted(words, `sentence.priors.${kind}`, atMost, {
      modalities: listOf(words, 'disjunction', modalities),
    }),
    age: counted(words, 'sentence.age', years, {}),
  });
}

/** With its number; … while that is not one yet, as for a node that is not chosen. */
function counted(words: SentenceWords, key: string, count: number, values: Record<string, string>): string {
  if (count >= 1) return words.say(key, { count, ...values });
  return words.say(key, { count: 2, replace: { count: '…', ...values } });
}

/** The words of the window, with the nodes as they are called now. */
export function useSentenceWords(): SentenceWords {
  const { t, i18n } = useTranslation('rules');
  const nodes = useQueryOf('exchange.listNodes', undefined, { keepPrevious: true });
  return useMemo(
    () => ({
      language: i18n.language,
      say: t as unknown as SentenceWords['say'],
      nodeName: (nodeId) =>
        nodeId === ''
          ? t('sentence.noNode')
          : (nodes.data?.find((node) => node.nodeId === nodeId)?.name ?? t('exchange:node.gone')),
    }),
    [i18n.language, t, nodes.data],
  );
}
