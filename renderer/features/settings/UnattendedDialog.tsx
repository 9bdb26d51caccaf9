import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { UnattendedKind } from '../../../app/domains/security/securitySchema.ts';
import { useCommandOf } from '../../api/queries.ts';
import { Button } from '../../components/Button.tsx';
import { Dialog } from '../../components/Dialog.tsx';
import { FailureNotice } from '../../components/FailureNotice.tsx';
import { CheckField, PasswordField, SelectField, TextField } from '../../components/Field.tsx';
import { Notice } from '../../components/Notice.tsx';
import { useToast } from '../../components/Toast.tsx';
import { UnattendedSteps } from './UnattendedSteps.tsx';

export interface UnattendedDialogProps {
  /** Where the key can be kept on this machine. */
  readonly places: readonly UnattendedKind[];
  readonly onClose: () => void;
}

/** Switching on: where the key goes, the password, and a tick that says what it means; for systemd, the steps after it. */
export function UnattendedDialog({ places, onClose }: UnattendedDialogProps) {
  const { t } = useTranslation('unattended');
  const toast = useToast();
  const [kind, setKind] = useState<UnattendedKind>(places[0] ?? 'credential');
  const [file, setFile] = useState('');
  const [password, setPassword] = useState('');
  const [understood, setUnderstood] = useState(false);
  const [written, setWritten] = useState<string | null>(null);
  const turnOn = useCommandOf('security.turnOnUnattended');
  const needsFile = kind === 'credential';
  const isFileGood = !needsFile || /^\/.*[^/]$/.test(file.trim());
  const isReady = understood && password !== '' && isFileGood;

  const submit = (event?: FormEvent): void => {
    event?.preventDefault();
    if (!isReady) return;
    const credentialFile = needsFile ? file.trim() : '';
    turnOn.mutate(
      { password, kind, credentialFile },
      {
        onSuccess: ({ left }) => {
          toast({ tone: 'done', text: t('dialog.done') });
          // Somebody else had switched it on meanwhile, elsewhere.
          if (left !== null) toast({ tone: 'warning', text: t('left', { place: t(`leftPlaces.${left}`) }) });
          if (needsFile) setWritten(credentialFile);
          else onClose();
        },
        onError: () => setPassword(''),
      },
    );
  };
  if (written !== null)
    return (
      <Dialog
        open
        size="l"
        severity="block"
        title={t('steps.title')}
        onClose={onClose}
        footer={
          <Button variant="primary" onClick={onClose}>
            {t('steps.close')}
          </Button>
        }
      >
        <UnattendedSteps file={written} />
      </Dialog>
    );
  return (
    <Dialog
      open
      title={t('dialog.title')}
      onClose={onClose}
      footer={
        <>
          <Button onClick={onClose}>{t('dialog.cancel')}</Button>
          <Button variant="primary" disabled={!isReady} loading={turnOn.isPending} onClick={() => submit()}>
            {t('dialog.save')}
          </Button>
        </>
      }
    >
      <form className="settings-form" onSubmit={submit}>
        <Notice severity="caution">{t('risk')}</Notice>
        <SelectField
          label={t('dialog.place')}
          value={kind}
          onChange={setKind}
          options={places.map((each) => ({ value: each, label: t(`placeNames.${each}`) }))}
        />
        {needsFile ? (
          <TextField
            label={t('dialog.file')}
            hint={t('dialog.fileHint')}
            error={file !== '' && !isFileGood ? t('dialog.fileBad') : undefined}
            placeholder="/dev/shm/salus-unlock"
            value={file}
            onChange={setFile}
          />
        ) : null}
        <PasswordField
          label={t('dialog.password')}
          autoComplete="current-password"
          value={password}
          onChange={setPassword}
        />
        <CheckField label={t('dialog.understood')} checked={understood} onChange={setUnderstood} />
        {turnOn.error ? <FailureNotice failure={turnOn.error} /> : null}
        {/* Enter in a field switches on, as the button does. */}
        <button type="submit" hidden />
      </form>
    </Dialog>
  );
}
