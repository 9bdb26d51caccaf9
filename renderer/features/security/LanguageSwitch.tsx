import { useTranslation } from 'react-i18next';
import { changeLanguage, type WindowLanguage } from '../../i18n/i18nSetup.ts';

const languages: readonly { readonly code: WindowLanguage; readonly name: string }[] = [
  { code: 'fr', name: 'Français' },
  { code: 'en', name: 'English' },
];

/** Each language in its own words, so that nobody needs to read the other to find theirs. */
export function LanguageSwitch() {
  const { t, i18n } = useTranslation('security');
  return (
    <div className="language-switch" role="group" aria-label={t('language')}>
      {languages.map(({ code, name }) => (
        <button
          key={code}
          type="button"
          lang={code}
          aria-pressed={i18n.language === code}
          onClick={() => void changeLanguage(code)}
        >
          {name}
        </button>
      ))}
    </div>
  );
}
