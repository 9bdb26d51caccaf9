import { useTranslation } from 'react-i18next';

/** How a key is written on a button: 'mod+k' → Ctrl K, 'arrowup' → ↑. */
const signs: Readonly<Record<string, string>> = {
  mod: 'Ctrl',
  shift: '⇧',
  alt: 'Alt',
  enter: '↵',
  space: '␣',
  arrowup: '↑',
  arrowdown: '↓',
  arrowleft: '←',
  arrowright: '→',
  backspace: '⌫',
  tab: 'Tab',
};

/** The keys with a word on them, which is the keyboard's language. */
const words = ['escape', 'delete', 'pageup', 'pagedown', 'home', 'end'] as const;
export type WordKey = (typeof words)[number];

/**
 * The text of a key combination such as 'mod+shift+k'.
 *
 * @param wordOf what stands on a key that has a word on it
 */
export function keyText(combination: string, wordOf: (key: WordKey) => string): string {
  if (combination === '+') return '+';
  return combination
    .split('+')
    .map((part) => {
      const word = words.find((each) => each === part.toLowerCase());
      if (word) return wordOf(word);
      return signs[part.toLowerCase()] ?? (part.length === 1 ? part.toUpperCase() : part);
    })
    .join(' ');
}

/** A key, drawn as on the keyboard. */
export function Kbd({ keys }: { keys: string }) {
  const { t } = useTranslation('components');
  return <kbd>{keyText(keys, (key) => t(`keys.${key}`))}</kbd>;
}
