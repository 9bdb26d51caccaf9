import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useCommandOf, useQueryOf } from '../../api/queries.ts';
import { useCan, useSession } from '../../api/session.tsx';
import { Button } from '../../components/Button.tsx';
import { FailureNotice } from '../../components/FailureNotice.tsx';
import { SelectField } from '../../components/Field.tsx';
import { Notice } from '../../components/Notice.tsx';
import { useToast } from '../../components/Toast.tsx';
import { useFormats } from '../../i18n/formats.ts';
import { UnattendedSettings } from './UnattendedSettings.tsx';
import './settings.css';

const choices = [1, 2, 5, 10, 15, 20, 30, 60];

export interface SecuritySettingsProps {
  /** A throw-away store has a recovery key that nobody needs. */
  readonly sample: boolean;
  readonly onChangePassword: () => void;
  readonly onRenewRecoveryKey: () => void;
}

/** The operator's own password, after how long everybody's window locks, and the key that opens when all else is lost. */
export function SecuritySettings({ sample, onChangePassword, onRenewRecoveryKey }: SecuritySettingsProps) {
  const { t } = useTranslation('settings');
  const formats = useFormats();
  const session = useSession();
  const manages = useCan('settings.manage');
  const keepsStore = useCan('storage.manage') && !sample;
  return (
    <div className="settings-stack">
      <section className="settings-section">
        <h2>{t('security.you')}</h2>
        <p className="settings-lead">
          {t('security.signedIn', {
            name: session.fullName,
            operatorName: session.operatorName,
            time: formats.dateTime(session.signedInAt),
          })}
        </p>
        <div>
          <Button onClick={onChangePassword}>{t('security.changePassword')}</Button>
        </div>
      </section>
      <section className="settings-section">
        <h2>{t('security.idleTitle')}</h2>
        <p className="settings-lead">{t('security.idleLead')}</p>
        {manages ? (
          <IdleForm key={session.idleMinutes} minutes={session.idleMinutes} />
        ) : (
          <p>{t('security.idleNow', { count: session.idleMinutes })}</p>
        )}
      </section>
      {keepsStore ? <RecoveryKeySection onRenew={onRenewRecoveryKey} /> : null}
      {keepsStore ? <UnattendedSettings /> : null}
    </div>
  );
}

function RecoveryKeySection({ onRenew }: { onRenew: () => void }) {
  const { t } = useTranslation('settings');
  const storage = useQueryOf('storage.status', undefined, { keepPrevious: true });
  return (
    <section className="settings-section">
      <h2>{t('security.recovery.title')}</h2>
      <p className="settings-lead">{t('security.recovery.lead')}</p>
      <p className="settings-lead">{t('security.recovery.when')}</p>
      {storage.data && !storage.data.recoveryKeyConfirmed ? (
        <Notice severity="caution">{t('security.recovery.notConfirmed')}</Notice>
      ) : null}
      <div>
        <Button onClick={onRenew}>{t('security.recovery.renew')}</Button>
      </div>
    </section>
  );
}

function IdleForm({ minutes }: { minutes: number }) {
  const { t } = useTranslation('settings');
  const toast = useToast();
  const [chosen, setChosen] = useState(String(minutes));
  const save = useCommandOf('security.saveSettings');
  const options = [...new Set([...choices, minutes])].sort((a, b) => a - b);
  return (
    <>
      <div className="settings-inline">
        <SelectField
          label={t('security.idleField')}
          value={chosen}
          onChange={setChosen}
          options={options.map((each) => ({ value: String(each), label: t('security.minutes', { count: each }) }))}
        />
        <Button
          disabled={Number(chosen) === minutes}
          loading={save.isPending}
          onClick={() =>
            save.mutate(
              { idleMinutes: Number(chosen) },
              { onSuccess: () => toast({ tone: 'done', text: t('security.saved') }) },
            )
          }
        >
          {t('security.save')}
        </Button>
      </div>
      {save.error ? <FailureNotice failure={save.error} /> : null}
    </>
  );
}
