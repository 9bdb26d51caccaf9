import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Job } from '../../../app/domains/jobs/jobContract.ts';
import { useJobProgress, useJobs } from '../../api/jobWatch.ts';
import { useCommandOf, useQueryOf } from '../../api/queries.ts';
import { Button } from '../../components/Button.tsx';
import { ConfirmDialog } from '../../components/Dialog.tsx';
import { FailureNotice } from '../../components/FailureNotice.tsx';
import { ProgressBar } from '../../components/ProgressBar.tsx';
import { Skeleton } from '../../components/Skeleton.tsx';
import { useToast } from '../../components/Toast.tsx';
import { useFormats } from '../../i18n/formats.ts';
import { BackupDialog } from './BackupDialog.tsx';
import { DoctorReport } from './DoctorReport.tsx';
import './storage.css';

/** What the store holds, where, and what keeps it safe: backup, index, check. */
export function StorageSettings() {
  const { t } = useTranslation('storage');
  const formats = useFormats();
  const toast = useToast();
  const status = useQueryOf('storage.status', undefined);
  const jobs = useJobs();
  const rebuild = useCommandOf('storage.rebuildIndex');
  const [backupOpen, setBackupOpen] = useState(false);
  const [rebuildOpen, setRebuildOpen] = useState(false);
  const activeOf = (kind: Job['kind']): Job | undefined =>
    jobs.find((job) => job.kind === kind && (job.state === 'running' || job.state === 'queued'));
  const backupJob = activeOf('backup');
  const rebuildJob = activeOf('rebuildIndex');
  if (status.error) return <FailureNotice failure={status.error} retry={() => void status.refetch()} />;
  if (!status.data) return <Skeleton height={160} />;
  const figures: readonly (readonly [string, string])[] = [
    [t('figures.studies'), formats.number(status.data.studies)],
    [t('figures.instances'), formats.number(status.data.instances)],
    [t('figures.archive'), formats.bytes(status.data.archiveBytes)],
    [t('figures.free'), formats.bytes(status.data.freeBytes)],
  ];
  return (
    <div className="storage">
      <section className="settings-section">
        <h2>{t('title')}</h2>
        <div className="storage-figures">
          {figures.map(([name, value]) => (
            <div key={name} className="storage-figure">
              <span className="label">{name}</span>
              <b>{value}</b>
            </div>
          ))}
        </div>
        <p className="settings-lead">{t('where', { home: status.data.home })}</p>
      </section>

      <section className="settings-section">
        <h2>{t('backup.title')}</h2>
        <p className="settings-lead">{t('backup.lead')}</p>
        <p className={status.data.lastBackupAt === null ? 'storage-caution' : ''}>
          {status.data.lastBackupAt === null
            ? t('backup.never')
            : t('backup.last', { time: formats.dateTime(status.data.lastBackupAt) })}
        </p>
        {backupJob ? (
          <JobProgress job={backupJob} />
        ) : (
          <div>
            <Button onClick={() => setBackupOpen(true)}>{t('backup.start')}</Button>
          </div>
        )}
        <BackupDialog open={backupOpen} onClose={() => setBackupOpen(false)} />
      </section>

      <DoctorReport />

      <section className="settings-section">
        <h2>{t('rebuild.title')}</h2>
        <p className="settings-lead">{t('rebuild.lead')}</p>
        {rebuild.error ? <FailureNotice failure={rebuild.error} /> : null}
        {rebuildJob ? (
          <JobProgress job={rebuildJob} />
        ) : (
          <div>
            <Button onClick={() => setRebuildOpen(true)}>{t('rebuild.start')}</Button>
          </div>
        )}
        <ConfirmDialog
          open={rebuildOpen}
          onClose={() => setRebuildOpen(false)}
          title={t('rebuild.title')}
          confirmLabel={t('rebuild.start')}
          loading={rebuild.isPending}
          onConfirm={() =>
            rebuild.mutate(undefined, {
              onSuccess: () => toast({ tone: 'inform', text: t('rebuild.started') }),
              onSettled: () => setRebuildOpen(false),
            })
          }
        >
          {t('rebuild.confirm')}
        </ConfirmDialog>
      </section>
    </div>
  );
}

function JobProgress({ job: listed }: { job: Job }) {
  const { t } = useTranslation('storage');
  const formats = useFormats();
  const job = useJobProgress(listed);
  const fraction = job.bytesTotal > 0 ? job.bytesDone / job.bytesTotal : job.total > 0 ? job.done / job.total : null;
  return (
    <div className="storage-progress" role="status">
      <ProgressBar fraction={fraction} label={t(`progress.${job.kind}`, { defaultValue: '' })} />
      <span className="quiet">
        {t('progress.done', { done: formats.number(job.done), total: formats.number(job.total) })}
        {job.bytesTotal > 0 ? ` · ${formats.bytes(job.bytesDone)} / ${formats.bytes(job.bytesTotal)}` : ''}
        {job.remainingSeconds === null
          ? ''
          : ` · ${t('progress.remaining', { duration: formats.duration(job.remainingSeconds) })}`}
      </span>
    </div>
  );
}
