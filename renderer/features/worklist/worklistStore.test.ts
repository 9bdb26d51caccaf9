import { describe, expect, it } from 'vitest';
import { worklistFilterSchema } from '../../../app/domains/worklist/worklistSchema.ts';
import { runLockCallbacks } from '../../api/lockRegistry.ts';
import { filterOf, nextSort, useWorklistStore } from './worklistStore.ts';

describe('worklist filter', () => {
  it.each([
    ['all', { reportStates: [], assignedTo: null, conflictsOnly: false }],
    ['unread', { reportStates: ['none'], assignedTo: null, conflictsOnly: false }],
    ['drafts', { reportStates: ['draft'], assignedTo: null, conflictsOnly: false }],
    ['signed', { reportStates: ['signed', 'addendum'], assignedTo: null, conflictsOnly: false }],
    ['mine', { reportStates: [], assignedTo: 'c.lambert', conflictsOnly: false }],
    ['conflicts', { reportStates: [], assignedTo: null, conflictsOnly: true }],
  ] as const)('of chip %s is one the host takes', (chip, expected) => {
    const filter = filterOf({ chip, modality: 'CT', text: '  ndiaye ' }, 'c.lambert');
    expect(worklistFilterSchema.parse(filter)).toMatchObject({ ...expected, text: 'ndiaye', modalities: ['CT'] });
  });
});

describe('worklist sort', () => {
  it('turns on a second click and starts dates with the newest, names with A', () => {
    const byDate = nextSort({ key: 'patient', direction: 'ascending' }, 'studyDate');
    expect(byDate).toEqual({ key: 'studyDate', direction: 'descending' });
    expect(nextSort(byDate, 'studyDate')).toEqual({ key: 'studyDate', direction: 'ascending' });
    expect(nextSort(byDate, 'patient')).toEqual({ key: 'patient', direction: 'ascending' });
  });
});

it('a lock forgets the search text and the selection', () => {
  useWorklistStore.getState().setText('ndiaye');
  useWorklistStore.getState().select('1.2.3');
  runLockCallbacks();
  expect(useWorklistStore.getState()).toMatchObject({ text: '', selectedUid: null, chip: 'all' });
});

it.each([
  ['text', () => useWorklistStore.getState().setText('ndiaye')],
  ['chip', () => useWorklistStore.getState().setChip('unread')],
  ['modality', () => useWorklistStore.getState().setModality('CT')],
])('another %s has no study chosen: Enter never reads one that is not listed', (_, ask) => {
  useWorklistStore.getState().select('1.2.3');
  ask();
  expect(useWorklistStore.getState().selectedUid).toBeNull();
});
