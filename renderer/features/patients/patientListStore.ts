import { create } from 'zustand';
import { onLock } from '../../api/lockRegistry.ts';

interface PatientListView {
  readonly text: string;
  readonly selectedId: string | null;
  setText(text: string): void;
  select(patientId: string | null): void;
}

/** Where the hands are in the list of patients. */
export const usePatientListStore = create<PatientListView>()((set) => ({
  text: '',
  selectedId: null,
  // Another question has no row chosen: Enter must never open a patient that the list no longer shows.
  setText: (text) => set({ text, selectedId: null }),
  select: (selectedId) => set({ selectedId }),
}));

onLock(() => usePatientListStore.setState({ text: '', selectedId: null }));
