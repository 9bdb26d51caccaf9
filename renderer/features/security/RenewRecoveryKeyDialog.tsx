import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useCommandOf } from '../../api/queries.ts';
import { Button } from '../../components/Button.tsx';
import { Dialog } from '../../components/Dialog.tsx';
import { FailureNotice } from '../../components/FailureNotice.tsx';
import { PasswordField } from '../../components/Field.tsx';
import { useToast } from '../../components/Toast.tsx';
import { RecoveryKeySheet } from './RecoveryKeySheet.tsx';
import './security.css';

export interface RenewRecoveryKeyDialogProps {
  readonly open: boolean;
  readonly siteName: string;
  readonly onClose: () => void;
}

/** Makes another recovery key, against the password; once it is made, the dialog stays until the person has kept it. */
export function RenewRecoveryKeyDialog({ open, siteName, onClose }: RenewRecoveryKeyDialogProps) {
  const { t } = useTranslation('security');
  const toast = useToast();
  const [recoveryKey, setRecoveryKey] = useState<string | null>(null);
  const close = (): void => {
    setRecoveryKey(null);
    onClose();
  };
  return (
    <Dialog
      open={open}
      onClose={close}
      title={recoveryKey === null ? t('renew.title') : t('key.title')}
      severity={recoveryKey === null ? 'normal' : 'block'}
    >
      {open && recoveryKey === null ? <RenewForm onClose={close} onMade={setRecoveryKey} /> : null}
      {open && recoveryKey !== null ? (
        <div className="door-form">
          <p className="door-lead">{t('renew.made')}</p>
          <RecoveryKeySheet
            recoveryKey={recoveryKey}
            siteName={siteName}
            onKept={() => {
              toast({ tone: 'done', text: t('renew.done') });
              close();
            }}
          />
        </div>
      ) : null}
    </Dialog>
  );
}

function RenewForm({ onClose, onMade }: { onClose: () => void; onMade: (recoveryKey: string) => void }) {
  const { t } = useTranslation('security');
  const [password, setPassword] = useState('');
  const renew = useCommandOf('security.renewRecoveryKey');
  return (
    <form
      className="door-form"
      onSubmit={(event) => {
        event.preventDefault();
        if (password !== '') renew.mutate({ password }, { onSuccess: (made) => onMade(made.recoveryKey) });
      }}
    >
      <p className="door-lead">{t('renew.lead')}</p>
      <PasswordField
        label={t('renew.password')}
        autoComplete="current-password"
        data-autofocus
        value={password}
        onChange={setPassword}
      />
      {renew.error ? <FailureNotice failure={renew.error} /> : null}
      <div className="door-actions">
        <span className="spacer" />
        <Button onClick={onClose}>{t('change.cancel')}</Button>
        <Button type="submit" variant="primary" disabled={password === ''} loading={renew.isPending}>
          {t('renew.make')}
        </Button>
      </div>
    </form>
  );
}
