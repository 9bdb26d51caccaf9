import { IconFlask, IconLockSquareRounded } from '@tabler/icons-react';
import { useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { SessionView } from '../../../app/domains/security/securitySchema.ts';
import { useCommandOf } from '../../api/queries.ts';
import { Button } from '../../components/Button.tsx';
import { FailureNotice } from '../../components/FailureNotice.tsx';
import { CheckField, TextField } from '../../components/Field.tsx';
import type { WindowLanguage } from '../../i18n/i18nSetup.ts';
import { DoorPage } from './DoorPage.tsx';
import { type NewPassword, NewPasswordFields } from './NewPasswordFields.tsx';
import { passwordProblem, suggestOperatorName } from './passwordRules.ts';

export interface FirstRunProps {
  readonly version: string;
  readonly onCreated: (result: { recoveryKey: string; session: SessionView }) => void;
}

/** A machine that has never seen Salus: language, what it is not, then a store and its first operator, or a tour. */
export function FirstRun({ version, onCreated }: FirstRunProps) {
  const [creating, setCreating] = useState(false);
  return (
    <DoorPage wide={!creating}>
      {creating ? (
        <CreateStore onBack={() => setCreating(false)} onCreated={onCreated} />
      ) : (
        <Welcome version={version} onCreate={() => setCreating(true)} />
      )}
    </DoorPage>
  );
}

function Welcome({ version, onCreate }: { version: string; onCreate: () => void }) {
  const { t } = useTranslation('security');
  const queryClient = useQueryClient();
  const [understood, setUnderstood] = useState(false);
  const sample = useCommandOf('system.openSample');
  const openSample = (): void =>
    sample.mutate(undefined, {
      onSuccess: () => {
        void queryClient.invalidateQueries({ queryKey: ['system.status'] });
        void queryClient.invalidateQueries({ queryKey: ['security.session'] });
      },
    });
  return (
    <div className="door-form">
      <div>
        <h1>{t('welcome.title')}</h1>
        <p className="door-lead">{t('welcome.lead', { version })}</p>
      </div>
      <section className="door-not" aria-labelledby="door-not-title">
        <h2 id="door-not-title">{t('welcome.notTitle')}</h2>
        <ul>
          <li>{t('welcome.not1')}</li>
          <li>{t('welcome.not2')}</li>
          <li>{t('welcome.not3')}</li>
        </ul>
        <CheckField label={t('welcome.understood')} checked={understood} onChange={setUnderstood} />
      </section>
      <div className="door-choices">
        <button type="button" className="door-choice" disabled={!understood} onClick={onCreate}>
          <IconLockSquareRounded size={26} stroke={1.4} aria-hidden />
          <b>{t('welcome.create')}</b>
          <span>{t('welcome.createWhat')}</span>
        </button>
        <button
          type="button"
          className="door-choice"
          disabled={!understood || sample.isPending}
          aria-busy={sample.isPending}
          onClick={openSample}
        >
          <IconFlask size={26} stroke={1.4} aria-hidden />
          <b>{sample.isPending ? t('welcome.sampleOpening') : t('welcome.sample')}</b>
          <span>{t('welcome.sampleWhat')}</span>
        </button>
      </div>
      {sample.error ? <FailureNotice failure={sample.error} retry={openSample} /> : null}
    </div>
  );
}

function CreateStore({ onBack, onCreated }: { onBack: () => void; onCreated: FirstRunProps['onCreated'] }) {
  const { t, i18n } = useTranslation('security');
  const [fullName, setFullName] = useState('');
  const [typedName, setTypedName] = useState<string | null>(null);
  const [siteName, setSiteName] = useState('');
  const [chosen, setChosen] = useState<NewPassword>({ password: '', again: '' });
  const setUp = useCommandOf('security.setUp');
  const operatorName = typedName ?? suggestOperatorName(fullName);
  const nameOk = /^[\p{L}\p{N}._-]{2,64}$/u.test(operatorName);
  const ready = fullName.trim() !== '' && nameOk && passwordProblem(chosen.password, chosen.again) === null;
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (!ready) return;
    setUp.mutate(
      {
        operatorName,
        fullName: fullName.trim(),
        password: chosen.password,
        language: i18n.language as WindowLanguage,
        siteName: siteName.trim(),
      },
      { onSuccess: onCreated },
    );
  };
  return (
    <form className="door-form" onSubmit={submit}>
      <div>
        <h1>{t('create.title')}</h1>
        <p className="door-lead">{t('create.lead')}</p>
      </div>
      <TextField
        label={t('create.fullName')}
        hint={t('create.fullNameHint')}
        autoFocus
        value={fullName}
        onChange={setFullName}
        maxLength={120}
      />
      <TextField
        label={t('signIn.operator')}
        hint={t('create.operatorHint')}
        autoComplete="username"
        value={operatorName}
        onChange={setTypedName}
        maxLength={64}
        error={operatorName !== '' && !nameOk ? t('create.operatorBad') : undefined}
      />
      <NewPasswordFields value={chosen} onChange={setChosen} label={t('signIn.password')} />
      <TextField
        label={t('create.site')}
        hint={t('create.siteHint')}
        value={siteName}
        onChange={setSiteName}
        maxLength={120}
      />
      {setUp.error ? <FailureNotice failure={setUp.error} /> : null}
      <div className="door-actions">
        <Button variant="ghost" onClick={onBack}>
          {t('recover.back')}
        </Button>
        <span className="spacer" />
        <Button type="submit" variant="primary" loading={setUp.isPending} disabled={!ready}>
          {t('create.create')}
        </Button>
      </div>
    </form>
  );
}
