import { describe, expect, it } from 'vitest';
import { firstSentence, statusWords } from './troubleText.ts';

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
