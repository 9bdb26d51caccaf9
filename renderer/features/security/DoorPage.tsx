import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { LanguageSwitch } from './LanguageSwitch.tsx';
import './security.css';

/** The page before anybody is in: mark, language, one card, and what Salus is not. */
export function DoorPage({ children, wide = false }: { children: ReactNode; wide?: boolean }) {
  const { t } = useTranslation('security');
  return (
    <main className="full-page door">
      <header className="door-head">
        <span className="door-mark" aria-hidden>
          S
        </span>
        <span className="door-name">Salus</span>
        <span className="spacer" />
        <LanguageSwitch />
      </header>
      <div className={wide ? 'door-card wide' : 'door-card'}>{children}</div>
      <footer className="door-foot">{t('notDevice')}</footer>
    </main>
  );
}
