import { useTranslation } from 'react-i18next';
import { useCan } from '../api/session.tsx';
import { AccessSettings } from '../features/api/AccessSettings.tsx';
import { AboutSettings } from '../features/settings/AboutSettings.tsx';
import { AuditSettings } from '../features/settings/AuditSettings.tsx';
import { OperatorsSettings } from '../features/settings/OperatorsSettings.tsx';
import { SecuritySettings } from '../features/settings/SecuritySettings.tsx';
import { StorageSettings } from '../features/storage/StorageSettings.tsx';
import { type SettingsSection, useNavigation } from './navigation.ts';
import { useShellStore } from './shellStore.ts';
import type { SystemStatus } from './Workspace.tsx';

/** The few settings there are, by section; a section that this operator may not use is not shown. */
export default function SettingsPages({ section, status }: { section: SettingsSection; status: SystemStatus }) {
  const { t } = useTranslation('settings');
  const go = useNavigation((state) => state.go);
  const setPasswordOpen = useShellStore((state) => state.setPasswordOpen);
  const setRenewKeyOpen = useShellStore((state) => state.setRenewKeyOpen);
  const allowed: Record<SettingsSection, boolean> = {
    security: true,
    operators: useCan('operators.manage'),
    storage: useCan('storage.manage'),
    api: useCan('api.manage'),
    audit: useCan('audit.read'),
    about: true,
  };
  const order: readonly SettingsSection[] = ['security', 'operators', 'storage', 'api', 'audit', 'about'];
  const shown = allowed[section] ? section : 'security';
  return (
    <div className="settings">
      <nav className="settings-nav" aria-label={t('title')}>
        <h1>{t('title')}</h1>
        {order
          .filter((each) => allowed[each])
          .map((each) => (
            <button
              key={each}
              type="button"
              className={each === shown ? 'on' : ''}
              aria-current={each === shown ? 'page' : undefined}
              onClick={() => go({ screen: 'settings', section: each })}
            >
              {t(`sections.${each}`)}
            </button>
          ))}
      </nav>
      <div className="settings-page">
        {shown === 'security' ? (
          <SecuritySettings
            sample={status.sample}
            onChangePassword={() => setPasswordOpen(true)}
            onRenewRecoveryKey={() => setRenewKeyOpen(true)}
          />
        ) : null}
        {shown === 'operators' ? <OperatorsSettings /> : null}
        {shown === 'storage' ? <StorageSettings /> : null}
        {shown === 'api' ? <AccessSettings /> : null}
        {shown === 'audit' ? <AuditSettings /> : null}
        {shown === 'about' ? (
          <AboutSettings version={status.version} host={status.host} siteName={status.siteName} />
        ) : null}
      </div>
    </div>
  );
}
