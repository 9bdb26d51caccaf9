import { create } from 'zustand';
import { onLock } from '../api/lockRegistry.ts';

interface ShellState {
  readonly paletteOpen: boolean;
  readonly keysOpen: boolean;
  readonly passwordOpen: boolean;
  readonly renewKeyOpen: boolean;
  setPaletteOpen(open: boolean): void;
  setKeysOpen(open: boolean): void;
  setPasswordOpen(open: boolean): void;
  setRenewKeyOpen(open: boolean): void;
}

/** Where the hands are in the frame itself. */
export const useShellStore = create<ShellState>()((set) => ({
  paletteOpen: false,
  keysOpen: false,
  passwordOpen: false,
  renewKeyOpen: false,
  setPaletteOpen: (paletteOpen) => set({ paletteOpen }),
  setKeysOpen: (keysOpen) => set({ keysOpen }),
  setPasswordOpen: (passwordOpen) => set({ passwordOpen }),
  setRenewKeyOpen: (renewKeyOpen) => set({ renewKeyOpen }),
}));

onLock(() => useShellStore.setState({ paletteOpen: false, keysOpen: false, passwordOpen: false, renewKeyOpen: false }));
