import { describe, expect, it } from 'vitest';
import { getContexts, retrieveModels } from './getContexts.ts';

describe('what is proposed for a C-GET', () => {
  const classes = (count: number) => Array.from({ length: count }, (_, index) => `1.2.3.${index + 1}`);

  it('offers each class uncompressed and in its compressions, in the role of a store', () => {
    const [contexts = [], ...more] = getContexts(['1.2.3.1', '1.2.3.1', '1.2.3.2']);
    expect(more).toEqual([]);
    expect(contexts[0]).toEqual({
      abstractSyntax: retrieveModels.get,
      transferSyntaxes: ['1.2.840.10008.1.2.1', '1.2.840.10008.1.2'],
    });
    for (const uid of ['1.2.3.1', '1.2.3.2']) {
      const own = contexts.filter(({ abstractSyntax }) => abstractSyntax === uid);
      expect(own[0]?.transferSyntaxes).toEqual(['1.2.840.10008.1.2.1', '1.2.840.10008.1.2']);
      expect(own.every(({ role }) => role?.scp)).toBe(true);
      expect(own.map(({ transferSyntaxes }) => transferSyntaxes[0])).toContain('1.2.840.10008.1.2.4.90');
      expect(new Set(own.map(({ transferSyntaxes }) => transferSyntaxes[0])).size).toBe(own.length);
    }
  });

  it('never proposes more than an association carries, and leaves no class out', () => {
    for (const count of [1, 7, 40, 42, 43, 127, 200]) {
      const groups = getContexts(classes(count));
      for (const contexts of groups) expect(contexts.length).toBeLessThanOrEqual(128);
      const offered = new Set(groups.flat().map(({ abstractSyntax }) => abstractSyntax));
      for (const uid of classes(count)) expect(offered.has(uid), `${uid} of ${count}`).toBe(true);
    }
  });

  it('offers the common classes where the peer does not say', () => {
    const offered = getContexts(['', '1.2.3.1'])
      .flat()
      .map(({ abstractSyntax }) => abstractSyntax);
    expect(offered).toEqual(expect.arrayContaining(['1.2.840.10008.5.1.4.1.1.2', '1.2.3.1']));
  });
});
