import { type FormEvent, type ReactNode, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { minimumPasswordLength, type Role, roles } from '../../../app/domains/security/securityRules.ts';
import type { Operator } from '../../../app/domains/security/securitySchema.ts';
import { useCommandOf } from '../../api/queries.ts';
import { Button } from '../../components/Button.tsx';
import { ConfirmDialog, Dialog } from '../../components/Dialog.tsx';
import { FailureNotice } from '../../components/FailureNotice.tsx';
import { CheckField, PasswordField, TextField } from '../../components/Field.tsx';
import { useToast } from '../../components/Toast.tsx';
import type { WindowLanguage } from '../../i18n/i18nSetup.ts';

function RoleFields({ value, onChange }: { value: readonly Role[]; onChange: (value: Role[]) => void }) {
  const { t } = useTranslation('settings');
  return (
    <fieldset className="settings-roles" style={{ border: 0, padding: 0, margin: 0 }}>
      <legend className="label">{t('operators.roles')}</legend>
      {roles.map((role) => (
        <CheckField
          key={role}
          label={
            <>
              {t(`roles.${role}`)} <span className="field-hint">{t(`roleWhat.${role}`)}</span>
            </>
          }
          checked={value.includes(role)}
          onChange={(on) => onChange(on ? [...value, role] : value.filter((each) => each !== role))}
        />
      ))}
    </fieldset>
  );
}

function FormFooter({
  onClose,
  ready,
  pending,
  label,
}: {
  onClose: () => void;
  ready: boolean;
  pending: boolean;
  label: string;
}) {
  const { t } = useTranslation('settings');
  return (
    <div className="dialog-footer">
      <Button onClick={onClose}>{t('cancel')}</Button>
      <Button type="submit" variant="primary" disabled={!ready} loading={pending}>
        {label}
      </Button>
    </div>
  );
}

function Form({ onSubmit, children }: { onSubmit: () => void; children: ReactNode }) {
  return (
    <form
      className="dialog-body"
      onSubmit={(event: FormEvent) => {
        event.preventDefault();
        onSubmit();
      }}
    >
      {children}
    </form>
  );
}

export function CreateOperatorDialog({ open, onClose }: { open: boolean; onClose: () => void }) {
  const { t } = useTranslation('settings');
  return (
    <Dialog open={open} onClose={onClose} title={t('operators.create')}>
      {open ? <CreateOperatorForm onClose={onClose} /> : null}
    </Dialog>
  );
}

function CreateOperatorForm({ onClose }: { onClose: () => void }) {
  const { t, i18n } = useTranslation('settings');
  const toast = useToast();
  const [fullName, setFullName] = useState('');
  const [operatorName, setOperatorName] = useState('');
  const [chosen, setChosen] = useState<Role[]>(['radiologist']);
  const [password, setPassword] = useState('');
  const create = useCommandOf('security.createOperator');
  const nameOk = /^[\p{L}\p{N}._-]{2,64}$/u.test(operatorName.trim());
  const ready = fullName.trim() !== '' && nameOk && chosen.length > 0 && password.length >= minimumPasswordLength;
  return (
    <Form
      onSubmit={() => {
        if (!ready) return;
        create.mutate(
          {
            fullName: fullName.trim(),
            operatorName: operatorName.trim(),
            roles: chosen,
            password,
            language: i18n.language as WindowLanguage,
          },
          {
            onSuccess: () => {
              toast({ tone: 'done', text: t('operators.created') });
              onClose();
            },
          },
        );
      }}
    >
      <TextField
        label={t('operators.fullName')}
        data-autofocus
        value={fullName}
        onChange={setFullName}
        maxLength={120}
      />
      <TextField
        label={t('operators.operatorName')}
        hint={t('operators.operatorNameHint')}
        value={operatorName}
        onChange={setOperatorName}
        maxLength={64}
      />
      <RoleFields value={chosen} onChange={setChosen} />
      <PasswordField
        label={t('operators.firstPassword')}
        hint={t('operators.firstPasswordHint', { count: minimumPasswordLength })}
        autoComplete="new-password"
        value={password}
        onChange={setPassword}
      />
      {create.error ? <FailureNotice failure={create.error} /> : null}
      <FormFooter onClose={onClose} ready={ready} pending={create.isPending} label={t('operators.create')} />
    </Form>
  );
}

interface OperatorDialogProps {
  readonly operator: Operator | null;
  readonly onClose: () => void;
}

export function RolesDialog({ operator, onClose }: OperatorDialogProps) {
  const { t } = useTranslation('settings');
  return (
    <Dialog
      open={operator !== null}
      onClose={onClose}
      title={t('operators.rolesOf', { name: operator?.fullName ?? '' })}
    >
      {operator ? <RolesForm operator={operator} onClose={onClose} /> : null}
    </Dialog>
  );
}

function RolesForm({ operator, onClose }: { operator: Operator; onClose: () => void }) {
  const { t } = useTranslation('settings');
  const [chosen, setChosen] = useState<Role[]>(operator.roles);
  const save = useCommandOf('security.setOperatorRoles');
  return (
    <Form onSubmit={() => save.mutate({ operatorId: operator.operatorId, roles: chosen }, { onSuccess: onClose })}>
      <RoleFields value={chosen} onChange={setChosen} />
      {save.error ? <FailureNotice failure={save.error} /> : null}
      <FormFooter onClose={onClose} ready={chosen.length > 0} pending={save.isPending} label={t('save')} />
    </Form>
  );
}

export function ResetPasswordDialog({ operator, onClose }: OperatorDialogProps) {
  const { t } = useTranslation('settings');
  return (
    <Dialog
      open={operator !== null}
      onClose={onClose}
      title={t('operators.passwordOf', { name: operator?.fullName ?? '' })}
      size="s"
    >
      {operator ? <NewPasswordForm operator={operator} onClose={onClose} enable={false} /> : null}
    </Dialog>
  );
}

/** A disabled operator's wrapped key is gone: enabling them again takes a new password. */
export function EnableDialog({ operator, onClose }: OperatorDialogProps) {
  const { t } = useTranslation('settings');
  return (
    <Dialog
      open={operator !== null}
      onClose={onClose}
      title={t('operators.enableOf', { name: operator?.fullName ?? '' })}
      size="s"
    >
      {operator ? <NewPasswordForm operator={operator} onClose={onClose} enable /> : null}
    </Dialog>
  );
}

function NewPasswordForm({ operator, onClose, enable }: { operator: Operator; onClose: () => void; enable: boolean }) {
  const { t } = useTranslation('settings');
  const toast = useToast();
  const [password, setPassword] = useState('');
  const reset = useCommandOf('security.resetPassword');
  const setDisabled = useCommandOf('security.setOperatorDisabled');
  const error = reset.error ?? setDisabled.error;
  const ready = password.length >= minimumPasswordLength;
  const done = {
    onSuccess: () => {
      toast({ tone: 'done', text: t('operators.passwordSet') });
      onClose();
    },
  };
  return (
    <Form
      onSubmit={() => {
        if (!ready) return;
        if (enable)
          setDisabled.mutate({ operatorId: operator.operatorId, disabled: false, newPassword: password }, done);
        else reset.mutate({ operatorId: operator.operatorId, newPassword: password }, done);
      }}
    >
      <p className="settings-lead">{enable ? t('operators.enableWhat') : t('operators.resetWhat')}</p>
      <PasswordField
        label={t('operators.firstPassword')}
        hint={t('operators.firstPasswordHint', { count: minimumPasswordLength })}
        autoComplete="new-password"
        data-autofocus
        value={password}
        onChange={setPassword}
      />
      {error ? <FailureNotice failure={error} /> : null}
      <FormFooter
        onClose={onClose}
        ready={ready}
        pending={reset.isPending || setDisabled.isPending}
        label={enable ? t('operators.enable') : t('operators.resetPassword')}
      />
    </Form>
  );
}

export function DisableDialog({ operator, onClose }: OperatorDialogProps) {
  const { t } = useTranslation('settings');
  const disable = useCommandOf('security.setOperatorDisabled');
  return (
    <ConfirmDialog
      open={operator !== null}
      onClose={onClose}
      title={t('operators.disableOf', { name: operator?.fullName ?? '' })}
      confirmLabel={t('operators.disable')}
      danger
      loading={disable.isPending}
      onConfirm={() => {
        if (operator) disable.mutate({ operatorId: operator.operatorId, disabled: true }, { onSuccess: onClose });
      }}
    >
      <p>{t('operators.disableWhat')}</p>
      {disable.error ? <FailureNotice failure={disable.error} /> : null}
    </ConfirmDialog>
  );
}
