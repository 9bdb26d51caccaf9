import { type FormEvent, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { SessionView, UnattendedState } from '../../../app/domains/security/securitySchema.ts';
import { useCommandOf } from '../../api/queries.ts';
import { Button } from '../../components/Button.tsx';
import { useFailureText } from '../../components/FailureNotice.tsx';
import { PasswordField, TextField } from '../../components/Field.tsx';
import { Notice } from '../../components/Notice.tsx';
import { UnattendedNote } from '../../components/UnattendedNote.tsx';
import { useFormats } from '../../i18n/formats.ts';
import { DoorPage } from './DoorPage.tsx';
import { RecoverForm } from './RecoverForm.tsx';
import { retryAfterMs, useRetryDelay } from './useRetryDelay.ts';

/** Why the workspace is closed: somebody asked, nobody was there, or the host ended the session. */
export type LockReason = 'asked' | 'idle' | 'ended';

export interface SignInProps {
  readonly siteName: string;
  readonly sealed: boolean;
  readonly clockSetBackByMs: number;
  readonly unattended: UnattendedState;
  readonly lockReason: LockReason | null;
  readonly onEntered: (session: SessionView) => void;
}

/** The door: who, and the password. Says why it is closed and how long to wait after wrong passwords. */
export function SignIn({ siteName, sealed, clockSetBackByMs, unattended, lockReason, onEntered }: SignInProps) {
  const { t } = useTranslation('security');
  const formats = useFormats();
  const failureText = useFailureText();
  const [operatorName, setOperatorName] = useState('');
  const [password, setPassword] = useState('');
  const [recovering, setRecovering] = useState(false);
  const signIn = useCommandOf('security.signIn');
  const waitSeconds = useRetryDelay(signIn.error);
  const passwordField = useRef<HTMLInputElement>(null);

  if (recovering)
    return (
      <DoorPage>
        <RecoverForm operatorName={operatorName} onBack={() => setRecovering(false)} onEntered={onEntered} />
      </DoorPage>
    );

  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (operatorName.trim() === '' || password === '' || waitSeconds > 0) return;
    signIn.mutate(
      { operatorName: operatorName.trim(), password },
      {
        onSuccess: onEntered,
        onError: () => {
          setPassword('');
          // The button that was pressed is disabled now and would leave the focus nowhere.
          passwordField.current?.focus();
        },
      },
    );
  };
  return (
    <DoorPage>
      <form className="door-form" onSubmit={submit}>
        <div>
          <h1>{siteName || t('signIn.title')}</h1>
          <p className="door-lead">
            {lockReason ? t(`signIn.lock.${lockReason}`) : sealed ? t('signIn.sealed') : t('signIn.open')}
          </p>
        </div>
        {unattended.state === 'idle' ? null : <UnattendedNote start={unattended} />}
        {clockSetBackByMs > 0 ? (
          <Notice severity="caution" title={t('clock.title')}>
            {t('clock.text', { duration: formats.duration(clockSetBackByMs / 1000) })}
          </Notice>
        ) : null}
        <TextField
          label={t('signIn.operator')}
          autoComplete="username"
          autoFocus
          value={operatorName}
          onChange={setOperatorName}
        />
        <PasswordField
          ref={passwordField}
          label={t('signIn.password')}
          autoComplete="current-password"
          value={password}
          onChange={setPassword}
        />
        {signIn.error && (waitSeconds > 0 || retryAfterMs(signIn.error) === 0) ? (
          <Notice severity="block">
            {failureText(signIn.error)}
            {waitSeconds > 0 ? (
              <div role="timer">{t('signIn.wait', { duration: formats.duration(waitSeconds) })}</div>
            ) : null}
          </Notice>
        ) : null}
        <div className="door-actions">
          <Button variant="ghost" onClick={() => setRecovering(true)}>
            {t('signIn.forgotten')}
          </Button>
          <span className="spacer" />
          <Button
            type="submit"
            variant="primary"
            kbd="enter"
            loading={signIn.isPending}
            disabled={operatorName.trim() === '' || password === '' || waitSeconds > 0}
          >
            {t('signIn.enter')}
          </Button>
        </div>
      </form>
    </DoorPage>
  );
}
