import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useCommandOf } from '../../api/queries.ts';
import { Button } from '../../components/Button.tsx';
import { Dialog } from '../../components/Dialog.tsx';
import { FailureNotice } from '../../components/FailureNotice.tsx';
import { PasswordField } from '../../components/Field.tsx';
import { useToast } from '../../components/Toast.tsx';
import { type NewPassword, NewPasswordFields } from './NewPasswordFields.tsx';
import { passwordProblem } from './passwordRules.ts';

/** The operator's own password: the present one, then the new one twice. */
export function ChangePasswordDialog({ open, onClose }: { open: boolean; onClose: () => void }) {
  const { t } = useTranslation('security');
  return (
    <Dialog open={open} onClose={onClose} title={t('change.title')} size="s">
      {open ? <ChangePasswordForm onClose={onClose} /> : null}
    </Dialog>
  );
}

function ChangePasswordForm({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation('security');
  const toast = useToast();
  const [password, setPassword] = useState('');
  const [chosen, setChosen] = useState<NewPassword>({ password: '', again: '' });
  const change = useCommandOf('security.changePassword');
  const ready = password !== '' && passwordProblem(chosen.password, chosen.again) === null;
  return (
    <form
      className="door-form"
      onSubmit={(event) => {
        event.preventDefault();
        if (!ready) return;
        change.mutate(
          { password, newPassword: chosen.password },
          {
            onSuccess: () => {
              toast({ tone: 'done', text: t('change.done') });
              onClose();
            },
          },
        );
      }}
    >
      <PasswordField
        label={t('change.present')}
        autoComplete="current-password"
        data-autofocus
        value={password}
        onChange={setPassword}
      />
      <NewPasswordFields value={chosen} onChange={setChosen} />
      {change.error ? <FailureNotice failure={change.error} /> : null}
      <div className="door-actions">
        <span className="spacer" />
        <Button onClick={onClose}>{t('change.cancel')}</Button>
        <Button type="submit" variant="primary" disabled={!ready} loading={change.isPending}>
          {t('change.change')}
        </Button>
      </div>
    </form>
  );
}
