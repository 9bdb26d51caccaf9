import { expect, it } from 'vitest';
import { type NamedIdentity, standsOf } from './identityTruth.ts';
import { identityKey } from './settlementRows.ts';

const own: NamedIdentity = {
  ...{ identifier: 'A1', issuer: '', name: 'Lefèvre^Anne', birthDate: '19600102', patientId: 'anne' },
  ...{ instances: 1, aside: 0, source: '', firstAt: 0 },
};
const typo: NamedIdentity = { ...own, name: 'Lefebvre^Anne', patientId: 'typo' };
const stranger: NamedIdentity = { ...own, name: 'Martin^Paul', identifier: 'P9', patientId: 'paul' };
const undated: NamedIdentity = { ...own, birthDate: '', patientId: 'undated' };
const namesake: NamedIdentity = { ...own, birthDate: '19700101', patientId: 'namesake' };
const same = new Set([identityKey(typo)]);

it.each([
  ['a stranger', [own, stranger], [], ['study', 'other']],
  ['a misspelling nobody decided about', [own, typo], [], ['study', 'other']],
  ['a misspelling that was called the same', [own, typo, stranger], same, ['study', 'study', 'other']],
  ['one that leaves out what tells two apart', [own, undated, namesake], [], ['study', 'unclear', 'other']],
  ['one that leaves it out, with a misspelling', [own, typo, undated], same, ['study', 'study', 'agrees']],
  [
    'two that agree with the patient and not with each other',
    [undated, own, namesake],
    [],
    ['unclear', 'study', 'other'],
  ],
  [
    'one that agrees with the misspelling alone',
    [own, typo, { ...typo, birthDate: '', patientId: 'x' }],
    same,
    ['study', 'study', 'unclear'],
  ],
  // The spelling without a date was called hers; it vouches for no other date.
  [
    'a namesake beside an undated spelling of hers',
    [own, undated, namesake],
    new Set([identityKey(undated)]),
    ['study', 'study', 'unclear'],
  ],
] as const)('how people stand to a study’s patient: %s', (_what, identities, joined, stands) => {
  expect(standsOf(identities, 'anne', new Set(joined))).toEqual(stands);
});
