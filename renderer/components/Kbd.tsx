/** How a key is written on a button: 'mod+k' → Ctrl K, 'arrowup' → ↑. */
const names: Readonly<Record<string, string>> = {
  mod: 'Ctrl',
  shift: '⇧',
  alt: 'Alt',
  enter: '↵',
  escape: 'Esc',
  space: '␣',
  arrowup: '↑',
  arrowdown: '↓',
  arrowleft: '←',
  arrowright: '→',
  backspace: '⌫',
  delete: 'Del',
  pageup: 'PgUp',
  pagedown: 'PgDn',
  home: 'Home',
  end: 'End',
  tab: 'Tab',
};

/** The text of a key combination such as 'mod+shift+k'. */
export function keyText(combination: string): string {
  if (combination === '+') return '+';
  return combination
    .split('+')
    .map((part) => names[part.toLowerCase()] ?? (part.length === 1 ? part.toUpperCase() : part))
    .join(' ');
}

/** A key, drawn as on the keyboard. */
export function Kbd({ keys }: { keys: string }) {
  return <kbd>{keyText(keys)}</kbd>;
}
