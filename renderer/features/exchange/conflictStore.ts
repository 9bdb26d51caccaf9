import { create } from 'zustand';
import { onLock } from '../../api/lockRegistry.ts';

export interface ChosenConflict {
  readonly conflictId: string;
  readonly studyUid: string;
}

interface ConflictView {
  readonly state: 'open' | 'settled';
  /** Only of this study; null: of all. */
  readonly studyUid: string | null;
  readonly chosen: ChosenConflict | null;
  setState(state: 'open' | 'settled'): void;
  choose(chosen: ChosenConflict | null): void;
  /** From a study's notice, or with null from elsewhere: what waits. */
  showStudy(studyUid: string | null): void;
}

const initial = { state: 'open' as const, studyUid: null, chosen: null };

/** Where the hands are among the conflicts; gone with a lock. */
export const useConflictStore = create<ConflictView>()((set) => ({
  ...initial,
  setState: (state) => set({ state, chosen: null }),
  choose: (chosen) => set({ chosen }),
  showStudy: (studyUid) => set({ state: 'open', studyUid, chosen: null }),
}));

onLock(() => useConflictStore.setState(initial));
