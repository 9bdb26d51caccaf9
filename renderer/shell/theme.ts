import { useSyncExternalStore } from 'react';

export type ThemeName = 'reading' | 'clinic';

const storageKey = 'salus.theme';
const listeners = new Set<() => void>();

/** The theme this machine's window last used; a reading room is dark until somebody says otherwise. */
export function currentTheme(): ThemeName {
  return localStorage.getItem(storageKey) === 'clinic' ? 'clinic' : 'reading';
}

/** Puts a theme on the document at once and remembers it for the next start. */
export function applyTheme(theme: ThemeName): void {
  localStorage.setItem(storageKey, theme);
  document.documentElement.dataset.theme = theme;
  for (const listener of listeners) listener();
}

export function useTheme(): ThemeName {
  return useSyncExternalStore((listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, currentTheme);
}
