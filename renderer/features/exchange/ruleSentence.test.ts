import i18next from 'i18next';
import { describe, expect, it } from 'vitest';
import en from '../../../resources/locales/en/rules.json' with { type: 'json' };
import fr from '../../../resources/locales/fr/rules.json' with { type: 'json' };
import { prefetchSentence, routingSentence, type SentenceWords } from './ruleSentence.ts';

const names: Readonly<Record<string, string>> = { pacs: 'PACS', archive: 'Archive', '': '…' };

async function wordsOf(language: 'en' | 'fr'): Promise<SentenceWords> {
  const instance = i18next.createInstance();
  await instance.init({
    lng: language,
    defaultNS: 'rules',
    interpolation: { escapeValue: false },
    resources: { en: { rules: en }, fr: { rules: fr } } as never,
  });
  return {
    language,
    say: instance.t as unknown as SentenceWords['say'],
    nodeName: (nodeId) => names[nodeId] ?? 'removed',
  };
}

const any = { modalities: [], bodyParts: [], sources: [], callingAes: [] };
const routing = { trigger: 'arrival', match: any, nodeId: 'pacs', content: 'study', deidentify: false } as const;
const priors = { sameModality: true, modalities: [], atMost: 3, years: 5 };
const prefetch = {
  triggers: ['arrival'] as ('arrival' | 'planned')[],
  match: { modalities: [], bodyParts: [] },
  nodeIds: ['pacs'],
  priors,
};

describe('a sending rule', () => {
  it('is a sentence of each language', async () => {
    const [english, french] = [await wordsOf('en'), await wordsOf('fr')];
    const ct = { ...routing, match: { ...any, modalities: ['CT'], callingAes: ['CT_SCANNER'] }, deidentify: true };
    expect(routingSentence(ct, english)).toBe(
      'When a study with CT from CT_SCANNER has arrived, send it to PACS, without the person’s identity.',
    );
    expect(routingSentence(ct, french)).toBe(
      'Quand une étude CT transmise par CT_SCANNER est arrivée, l’envoyer à PACS, sans l’identité de la personne.',
    );
    const signed = { ...routing, trigger: 'sign', content: 'studyAndReport' } as const;
    const chest = { ...signed, match: { ...any, modalities: ['CT', 'MR', 'US'], bodyParts: ['CHEST', 'LIVER'] } };
    expect(routingSentence(chest, english)).toBe(
      'When the report on a study with CT, MR or US of chest or LIVER is signed, send the study and the report to PACS.',
    );
    expect(routingSentence(chest, french)).toBe(
      'Quand le compte rendu d’une étude CT, MR ou US de la région thorax ou LIVER est signé, envoyer l’étude et le compte rendu à PACS.',
    );
    const brought = { ...routing, match: { ...any, sources: ['import' as const, 'watch' as const] } };
    expect(routingSentence(brought, french)).toBe(
      'Quand une étude importée à la main ou trouvée dans un dossier surveillé est arrivée, l’envoyer à PACS.',
    );
  });

  it.each(['en', 'fr'] as const)('has a whole sentence for every set of conditions, in %s', async (language) => {
    const words = await wordsOf(language);
    const all = { modalities: ['CT'], bodyParts: ['CHEST'], sources: ['stow' as const], callingAes: ['MR*'] };
    const seen = new Set<string>();
    for (let bits = 0; bits < 16; bits += 1)
      for (const [trigger, content, deidentify] of [
        ['arrival', 'study', false],
        ['arrival', 'study', true],
        ['sign', 'study', false],
        ['sign', 'study', true],
        ['sign', 'report', false],
        ['sign', 'studyAndReport', false],
      ] as const) {
        const match = {
          modalities: bits & 1 ? all.modalities : [],
          bodyParts: bits & 2 ? all.bodyParts : [],
          sources: bits & 4 ? all.sources : [],
          callingAes: bits & 8 ? all.callingAes : [],
        };
        const said = routingSentence({ trigger, content, deidentify, match, nodeId: 'pacs' }, words);
        expect(said).toMatch(/^(When|Quand) .*PACS.*\.$/u);
        expect(said).not.toMatch(/\{\{|sentence\.| {2}|,,| ,/u);
        expect([said.includes('CT'), said.includes('thorax') || said.includes('chest'), said.includes('MR*')]).toEqual([
          (bits & 1) > 0,
          (bits & 2) > 0,
          (bits & 8) > 0,
        ]);
        seen.add(said);
      }
    expect(seen.size).toBe(96);
  });
});

describe('a rule for priors', () => {
  it('is a sentence of each language', async () => {
    const [english, french] = [await wordsOf('en'), await wordsOf('fr')];
    expect(prefetchSentence(prefetch, english)).toBe(
      'When a study has arrived, bring the patient’s last 3 earlier studies of the same modality from PACS, not older than 5 years.',
    );
    const one = {
      ...prefetch,
      triggers: ['arrival', 'planned'] as ('arrival' | 'planned')[],
      match: { modalities: ['MR'], bodyParts: [] },
      nodeIds: ['pacs', 'archive'],
      priors: { sameModality: true, modalities: ['CT'], atMost: 1, years: 1 },
    };
    expect(prefetchSentence(one, french)).toBe(
      'Quand une étude MR est arrivée ou prévue, demander à PACS et Archive la dernière étude antérieure du patient, de même modalité ou CT, en remontant à 1 an au plus.',
    );
    expect(prefetchSentence({ ...one, triggers: ['planned'] }, english)).toBe(
      'When a study with MR is planned, bring the patient’s last earlier study of the same modality or with CT from PACS and Archive, not older than 1 year.',
    );
  });

  it('leaves open a number that is not typed yet', async () => {
    const open = { ...prefetch, priors: { ...priors, modalities: ['CT'], atMost: 0, years: 0 } };
    const said = [prefetchSentence(open, await wordsOf('en')), prefetchSentence(open, await wordsOf('fr'))];
    expect(said[0]).toContain('the patient’s last … earlier studies of the same modality or with CT');
    expect(said[0]).toContain('… years');
    expect(said[1]).toContain('les … dernières études');
    expect(said[1]).toContain('… ans');
    for (const sentence of said) expect(sentence).not.toMatch(/\d|\{\{/);
  });

  it('says what is not chosen yet', async () => {
    const said = prefetchSentence({ ...prefetch, nodeIds: [], triggers: [] }, await wordsOf('en'));
    expect(said).toContain('from …');
  });
});
