import { useTranslation } from 'react-i18next';
import './settings.css';

/** What this is, and what it is not. */
export function AboutSettings({ version, host, siteName }: { version: string; host: string; siteName: string }) {
  const { t } = useTranslation('settings');
  return (
    <div className="settings-stack settings-about">
      <section className="settings-section">
        <h2>Salus {version}</h2>
        <p className="settings-lead">{t('about.what')}</p>
        <dl>
          <dt>{t('about.site')}</dt>
          <dd>{siteName || '—'}</dd>
          <dt>{t('about.host')}</dt>
          <dd>{t(`about.hosts.${host}`)}</dd>
          <dt>{t('about.licence')}</dt>
          <dd>Apache-2.0</dd>
        </dl>
      </section>
      <section className="settings-section">
        <h2>{t('about.notTitle')}</h2>
        <ul>
          <li>{t('about.not1')}</li>
          <li>{t('about.not2')}</li>
          <li>{t('about.not3')}</li>
        </ul>
      </section>
    </div>
  );
}
