import { create } from 'zustand';
import type { WorklistFilter, WorklistSort } from '../../../app/domains/worklist/worklistSchema.ts';
import { onLock } from '../../api/lockRegistry.ts';

/** A chip above the list. One of the first group at a time; a modality comes on top. */
export type StateChip = 'all' | 'unread' | 'drafts' | 'signed' | 'mine' | 'conflicts';

interface WorklistView {
  readonly chip: StateChip;
  readonly modality: string | null;
  readonly text: string;
  readonly sort: WorklistSort;
  readonly selectedUid: string | null;
  /** True when it was chosen from rows that answered an earlier question. */
  readonly isChosenEarly: boolean;
  setChip(chip: StateChip): void;
  setModality(modality: string | null): void;
  setText(text: string): void;
  setSort(sort: WorklistSort): void;
  select(studyUid: string | null, isEarly?: boolean): void;
}

const initial = {
  chip: 'all' as StateChip,
  modality: null,
  text: '',
  // What came last is on top: a person who has just imported something looks for it.
  sort: { key: 'receivedAt', direction: 'descending' } as WorklistSort,
  selectedUid: null,
  isChosenEarly: false,
};

/** Where the hands are in the worklist; kept while other screens are open, gone with a lock. */
export const useWorklistStore = create<WorklistView>()((set) => ({
  ...initial,
  // Another question has no row chosen: Enter must never read a study that the list no longer shows.
  setChip: (chip) => set({ chip, selectedUid: null }),
  setModality: (modality) => set({ modality, selectedUid: null }),
  setText: (text) => set({ text, selectedUid: null }),
  setSort: (sort) => set({ sort }),
  select: (selectedUid, isChosenEarly = false) => set({ selectedUid, isChosenEarly }),
}));

onLock(() => useWorklistStore.setState(initial));

/** The question that the chips and the search box ask. `operatorName` is whose studies 'mine' means. */
export function filterOf(
  view: { readonly chip: StateChip; readonly modality: string | null; readonly text: string },
  operatorName: string,
): Partial<WorklistFilter> {
  const states: Partial<Record<StateChip, WorklistFilter['reportStates']>> = {
    unread: ['none'],
    drafts: ['draft'],
    signed: ['signed', 'addendum'],
  };
  return {
    text: view.text.trim(),
    modalities: view.modality === null ? [] : [view.modality],
    reportStates: states[view.chip] ?? [],
    assignedTo: view.chip === 'mine' ? operatorName : null,
    conflictsOnly: view.chip === 'conflicts',
  };
}

/** A click on a column: sort by it, or turn its direction. Dates and counts start with the largest. */
export function nextSort(sort: WorklistSort, key: WorklistSort['key']): WorklistSort {
  if (sort.key === key) return { key, direction: sort.direction === 'ascending' ? 'descending' : 'ascending' };
  const largestFirst: readonly string[] = ['receivedAt', 'studyDate', 'instances', 'age'];
  return { key, direction: largestFirst.includes(key) ? 'descending' : 'ascending' };
}
