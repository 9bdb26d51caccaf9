import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { SessionView } from '../../../app/domains/security/securitySchema.ts';
import { useCommandOf } from '../../api/queries.ts';
import { Button } from '../../components/Button.tsx';
import { FailureNotice } from '../../components/FailureNotice.tsx';
import { TextField } from '../../components/Field.tsx';
import { type NewPassword, NewPasswordFields } from './NewPasswordFields.tsx';
import { passwordProblem } from './passwordRules.ts';
import { useRetryDelay } from './useRetryDelay.ts';

export interface RecoverFormProps {
  readonly operatorName: string;
  readonly onBack: () => void;
  readonly onEntered: (session: SessionView) => void;
}

/** A forgotten password: the recovery key opens the store and gives the operator a new one. */
export function RecoverForm(props: RecoverFormProps) {
  const { t } = useTranslation('security');
  const [operatorName, setOperatorName] = useState(props.operatorName);
  const [recoveryKey, setRecoveryKey] = useState('');
  const [chosen, setChosen] = useState<NewPassword>({ password: '', again: '' });
  const recover = useCommandOf('security.recover');
  const waitSeconds = useRetryDelay(recover.error);
  const ready =
    operatorName.trim() !== '' &&
    recoveryKey.trim().length >= 8 &&
    passwordProblem(chosen.password, chosen.again) === null &&
    waitSeconds === 0;
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (!ready) return;
    recover.mutate(
      { operatorName: operatorName.trim(), recoveryKey: recoveryKey.trim(), newPassword: chosen.password },
      { onSuccess: props.onEntered },
    );
  };
  return (
    <form className="door-form" onSubmit={submit}>
      <div>
        <h1>{t('recover.title')}</h1>
        <p className="door-lead">{t('recover.lead')}</p>
      </div>
      <TextField
        label={t('signIn.operator')}
        autoComplete="username"
        autoFocus={props.operatorName === ''}
        value={operatorName}
        onChange={setOperatorName}
      />
      <TextField
        label={t('recover.key')}
        hint={t('recover.keyHint')}
        autoFocus={props.operatorName !== ''}
        className="input recovery-input"
        value={recoveryKey}
        onChange={setRecoveryKey}
      />
      <NewPasswordFields value={chosen} onChange={setChosen} />
      {recover.error ? <FailureNotice failure={recover.error} /> : null}
      <div className="door-actions">
        <Button variant="ghost" onClick={props.onBack}>
          {t('recover.back')}
        </Button>
        <span className="spacer" />
        <Button type="submit" variant="primary" loading={recover.isPending} disabled={!ready}>
          {t('recover.open')}
        </Button>
      </div>
    </form>
  );
}
