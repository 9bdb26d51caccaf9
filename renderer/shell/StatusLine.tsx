import { useQueryClient } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import type { OutputOf } from '../api/contractClient.ts';
import { queryKeyOf, useQueryOf } from '../api/queries.ts';
import { useFormats } from '../i18n/formats.ts';

/** Below this much free space a person should know before the next import stops. */
const lowSpaceBytes = 5e9;

/** Storage, background work, protection, and what Salus is not: one line at the foot of every screen. */
export function StatusLine() {
  const { t } = useTranslation('shell');
  const formats = useFormats();
  const storage = useQueryOf('storage.status', undefined, { keepPrevious: true });
  const jobs = useQueryOf('jobs.list', undefined);
  const queryClient = useQueryClient();
  const verifyKey = queryKeyOf('security.verifyAudit', undefined);
  const verified = queryClient.getQueryState<OutputOf<'security.verifyAudit'>>(verifyKey);
  const running = (jobs.data ?? []).filter((job) => job.state === 'running' || job.state === 'queued');
  const figures = storage.data;
  return (
    <footer className="status">
      {figures ? (
        <span title={t('status.archiveHint', { instances: formats.number(figures.instances) })}>
          {t('status.archive', {
            bytes: formats.bytes(figures.archiveBytes),
            count: figures.studies,
            studies: formats.number(figures.studies),
          })}
        </span>
      ) : null}
      {figures && figures.freeBytes < lowSpaceBytes ? (
        <span className="status-warning">
          <i className="dot warning" />
          {t('status.lowSpace', { bytes: formats.bytes(figures.freeBytes) })}
        </span>
      ) : null}
      <span>{running.length === 0 ? t('status.noJobs') : t('status.jobs', { count: running.length })}</span>
      <span>
        {t('status.encrypted')}
        {' · '}
        {verified?.data ? (
          verified.data.ok ? (
            t('status.auditVerified', { time: formats.time(timeOfDay(verified.dataUpdatedAt)) })
          ) : (
            <span className="status-warning">{t('status.auditBroken')}</span>
          )
        ) : (
          t('status.auditSigned')
        )}
      </span>
      <span className="spacer" />
      <span>{t('status.notDevice')}</span>
    </footer>
  );
}

function timeOfDay(ms: number): string {
  const date = new Date(ms);
  return `${String(date.getHours()).padStart(2, '0')}${String(date.getMinutes()).padStart(2, '0')}`;
}
