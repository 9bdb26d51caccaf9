import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useCommandOf, useQueryOf } from '../../api/queries.ts';
import { Button } from '../../components/Button.tsx';
import { ConfirmDialog } from '../../components/Dialog.tsx';
import { FailureNotice } from '../../components/FailureNotice.tsx';
import { Notice } from '../../components/Notice.tsx';
import { useToast } from '../../components/Toast.tsx';
import { UnattendedNote } from '../../components/UnattendedNote.tsx';
import { useFormats } from '../../i18n/formats.ts';
import { UnattendedDialog } from './UnattendedDialog.tsx';
import './settings.css';

/** Whether the program opens the archive by itself: what that means, how it stands, and the choice. */
export function UnattendedSettings() {
  const { t } = useTranslation('unattended');
  const formats = useFormats();
  const toast = useToast();
  const unattended = useQueryOf('security.unattended', undefined, { keepPrevious: true });
  const turnOff = useCommandOf('security.turnOffUnattended');
  const [asked, setAsked] = useState<'on' | 'off' | null>(null);
  const close = (): void => setAsked(null);
  const { data } = unattended;
  const unusable = (data?.places ?? []).flatMap(({ kind, problem }) =>
    problem === null ? [] : [t('unusableOne', { place: t(`placeNames.${kind}`), problem: t(`problems.${problem}`) })],
  );
  const usable = (data?.places ?? []).flatMap(({ kind, problem }) => (problem === null ? [kind] : []));
  return (
    <section className="settings-section">
      <h2>{t('title')}</h2>
      <p className="settings-lead">{t('lead')}</p>
      <p className="settings-lead">{t('risk')}</p>
      {unattended.error ? <FailureNotice failure={unattended.error} /> : null}
      {data ? (
        <>
          <p role="status">
            {data.on
              ? t('on', { time: formats.dateTime(data.on.since), place: t(`places.${data.on.kind}`) })
              : t('off')}
          </p>
          {data.start.state === 'idle' ? null : <UnattendedNote start={data.start} />}
          {data.on === null && usable.length === 0 ? <Notice severity="caution">{t('nowhere')}</Notice> : null}
          {data.on === null && unusable.length > 0 ? (
            <p className="settings-lead">{t('unusable', { list: unusable.join(', ') })}</p>
          ) : null}
          {turnOff.error ? <FailureNotice failure={turnOff.error} /> : null}
          <div>
            {data.on ? (
              <Button onClick={() => setAsked('off')}>{t('turnOff')}</Button>
            ) : (
              <Button disabled={usable.length === 0} onClick={() => setAsked('on')}>
                {t('turnOn')}
              </Button>
            )}
          </div>
        </>
      ) : null}
      {asked === 'on' ? <UnattendedDialog places={usable} onClose={close} /> : null}
      <ConfirmDialog
        open={asked === 'off'}
        onClose={close}
        title={t('offTitle')}
        confirmLabel={t('turnOff')}
        loading={turnOff.isPending}
        onConfirm={() =>
          turnOff.mutate(undefined, {
            onSuccess: ({ left }) =>
              toast(
                left === null
                  ? { tone: 'done', text: t('turnedOff') }
                  : { tone: 'warning', text: t('left', { place: t(`leftPlaces.${left}`) }) },
              ),
            onSettled: close,
          })
        }
      >
        {t('offWhat')}
      </ConfirmDialog>
    </section>
  );
}
