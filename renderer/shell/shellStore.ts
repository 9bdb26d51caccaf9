import { create } from 'zustand';
import { onLock } from '../api/lockRegistry.ts';
import type { SendWish } from '../features/exchange/SendDialog.tsx';

interface ShellState {
  readonly paletteOpen: boolean;
  readonly keysOpen: boolean;
  readonly passwordOpen: boolean;
  readonly renewKeyOpen: boolean;
  /** What the dialog that sends is open for. */
  readonly sending: SendWish | null;
  setPaletteOpen(open: boolean): void;
  setKeysOpen(open: boolean): void;
  setPasswordOpen(open: boolean): void;
  setRenewKeyOpen(open: boolean): void;
  setSending(wish: SendWish | null): void;
}

/** Where the hands are in the frame itself. */
export const useShellStore = create<ShellState>()((set) => ({
  paletteOpen: false,
  keysOpen: false,
  passwordOpen: false,
  renewKeyOpen: false,
  sending: null,
  setPaletteOpen: (paletteOpen) => set({ paletteOpen }),
  setKeysOpen: (keysOpen) => set({ keysOpen }),
  setPasswordOpen: (passwordOpen) => set({ passwordOpen }),
  setRenewKeyOpen: (renewKeyOpen) => set({ renewKeyOpen }),
  setSending: (sending) => set({ sending }),
}));

onLock(() =>
  useShellStore.setState({
    paletteOpen: false,
    keysOpen: false,
    passwordOpen: false,
    renewKeyOpen: false,
    sending: null,
  }),
);
