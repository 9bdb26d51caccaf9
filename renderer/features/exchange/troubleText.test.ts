import { describe, expect, it } from 'vitest';
import en from '../../../resources/locales/en/exchange.json' with { type: 'json' };
import fr from '../../../resources/locales/fr/exchange.json' with { type: 'json' };
import { detailLines, firstSentence, statusWords } from './troubleText.ts';

describe('a trouble in a row', () => {
  it('says what happened and leaves what to do for the whole text', () => {
    expect(firstSentence('The other system does not answer. Check that it runs.')).toBe(
      'The other system does not answer',
    );
    expect(firstSentence('L’autre a dit oui mais n’a pas l’objet\u202f: il n’est PAS livré. Réessayez.')).toBe(
      'L’autre a dit oui mais n’a pas l’objet',
    );
    expect(firstSentence('Refused.')).toBe('Refused');
  });
});

describe('a status', () => {
  it('is written as its own standard writes it', () => {
    expect([0xa700, 0x0110, 0x0131, 0x0213, 0xc122].map(statusWords)).toEqual(['A700', '0110', '0131', '0213', 'C122']);
    expect([200, 302, 404, 409, 503].map(statusWords)).toEqual([200, 302, 404, 409, 503].map((code) => `HTTP ${code}`));
    expect(statusWords('A900')).toBe('A900');
  });
});

describe('what came with an answer', () => {
  const wordIn = (texts: object) => (key: string) => {
    const found = key
      .split('.')
      .reduce<unknown>((at, part) => (at as Record<string, unknown> | undefined)?.[part], texts);
    return typeof found === 'string' ? found : '';
  };
  const details = {
    status: 0xa700,
    calledAe: 'PACS',
    reason: 'selfSigned',
    isClockWrong: true,
    // For the log: in no language of the window.
    what: 'PDU out of place',
    nodeId: '0190d9a1-6a86-7a3e-8a50-000000000001',
    wait: 'something new',
    phase: 'tls',
  };

  it('is said in the language of the window, and what has no word there is left out', () => {
    expect(detailLines(details, wordIn(fr))).toEqual([
      ['statut', 'A700'],
      ['appelé', 'PACS'],
      ['raison', 'il ne se porte garant que de lui-même'],
      ['horloge fausse', 'oui'],
    ]);
    expect(detailLines(details, wordIn(en)).map(([, value]) => value)).toEqual([
      'A700',
      'PACS',
      'it vouches for itself alone',
      'yes',
    ]);
  });

  it('has the same words in both languages', () => {
    expect(Object.keys(fr.details)).toEqual(Object.keys(en.details));
    expect(Object.keys(fr.detailWords)).toEqual(Object.keys(en.detailWords));
  });
});
