import { describe, expect, it } from 'vitest';
import { contract } from '../../app/contract.ts';
import type { OperationMeta } from '../../app/shared/operation.ts';
import { queryTopics, readsAny } from './queryTopics.ts';

function declaredQueries(): Record<string, readonly string[]> {
  const found: Record<string, readonly string[]> = {};
  for (const [domain, procedures] of Object.entries(contract)) {
    for (const [name, procedure] of Object.entries(procedures)) {
      const meta = (procedure as { '~orpc': { meta: OperationMeta } })['~orpc'].meta;
      if (meta.shape === 'query') found[`${domain}.${name}`] = meta.reads ?? [];
    }
  }
  return found;
}

describe('query topics of the window', () => {
  it('are the reads that the contract declares, for every query and no other', () => {
    expect(queryTopics).toEqual(declaredQueries());
  });

  it('match a commit that touches one of several topics', () => {
    expect(readsAny('imaging.openStudy', ['jobs', 'patients'])).toBe(true);
    expect(readsAny('imaging.openStudy', ['jobs', 'annotations'])).toBe(false);
    expect(readsAny('storage.doctor', ['studies'])).toBe(false);
  });
});
