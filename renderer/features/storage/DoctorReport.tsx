import { IconCircleCheck, IconCircleX } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { useQueryOf } from '../../api/queries.ts';
import { Button } from '../../components/Button.tsx';
import { FailureNotice } from '../../components/FailureNotice.tsx';
import { Notice } from '../../components/Notice.tsx';
import { useFormats } from '../../i18n/formats.ts';

/** Checks on request that what the index names is in the archive and unharmed. */
export function DoctorReport() {
  const { t } = useTranslation('storage');
  const formats = useFormats();
  const doctor = useQueryOf('storage.doctor', undefined, { enabled: false });
  return (
    <section className="settings-section">
      <h2>{t('doctor.title')}</h2>
      <p className="settings-lead">{t('doctor.lead')}</p>
      {doctor.error ? <FailureNotice failure={doctor.error} /> : null}
      {doctor.data ? (
        <>
          {doctor.data.ok ? null : (
            <Notice severity="block" title={t('doctor.bad')}>
              {t('doctor.badWhat')}
            </Notice>
          )}
          <table className="list-table">
            <tbody>
              {doctor.data.checks.map((check) => (
                <tr key={check.name}>
                  <td className="storage-verdict">
                    {check.ok ? (
                      <IconCircleCheck size={17} stroke={1.6} className="routine" aria-label={t('doctor.ok')} />
                    ) : (
                      <IconCircleX size={17} stroke={1.6} className="immediate" aria-label={t('doctor.notOk')} />
                    )}
                  </td>
                  <td>{t(`doctor.checks.${check.name}`, { defaultValue: check.name })}</td>
                  <td className="storage-detail">
                    {t(`doctor.found.${check.name}.${check.ok ? 'ok' : 'bad'}`, {
                      ...check.figures,
                      defaultValue: check.detail,
                    })}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
          <p className="quiet">{t('doctor.at', { time: formats.clock(doctor.dataUpdatedAt) })}</p>
        </>
      ) : null}
      <div>
        <Button loading={doctor.isFetching} onClick={() => void doctor.refetch()}>
          {t('doctor.start')}
        </Button>
      </div>
    </section>
  );
}
