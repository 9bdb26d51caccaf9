import i18next from 'i18next';
import { initReactI18next } from 'react-i18next';

export type WindowLanguage = 'fr' | 'en';

/** Every locale file, bundled: the window asks nobody for its words. */
const files = import.meta.glob<Record<string, unknown>>('../../resources/locales/*/*.json', {
  eager: true,
  import: 'default',
});

function resources(): Record<string, Record<string, Record<string, unknown>>> {
  const all: Record<string, Record<string, Record<string, unknown>>> = {};
  for (const [path, texts] of Object.entries(files)) {
    const match = /locales\/([a-z]{2})\/(.+)\.json$/.exec(path);
    if (!match?.[1] || !match[2]) continue;
    all[match[1]] = { ...all[match[1]], [match[2]]: texts };
  }
  return all;
}

const storageKey = 'salus.language';

/** The language of this machine's window before anybody has signed in: the last one used, else the browser's. */
function initialLanguage(): WindowLanguage {
  const kept = localStorage.getItem(storageKey);
  if (kept === 'fr' || kept === 'en') return kept;
  return navigator.language.toLowerCase().startsWith('fr') ? 'fr' : 'en';
}

/** Starts i18next with all namespaces. French typography keeps its narrow spaces because React escapes, not i18next. */
export async function startI18n(): Promise<void> {
  const language = initialLanguage();
  await i18next.use(initReactI18next).init({
    resources: resources() as never,
    lng: language,
    fallbackLng: 'en',
    defaultNS: 'shell',
    interpolation: { escapeValue: false },
    returnNull: false,
  });
  document.documentElement.lang = language;
}

/** Changes the window's language at once and remembers it for the next start. */
export async function changeLanguage(language: WindowLanguage): Promise<void> {
  localStorage.setItem(storageKey, language);
  document.documentElement.lang = language;
  if (i18next.language !== language) await i18next.changeLanguage(language);
}
