import { Popover } from '@mantine/core';
import { IconChecklist } from '@tabler/icons-react';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Job } from '../../../app/domains/jobs/jobContract.ts';
import { Failure } from '../../../app/shared/failure.ts';
import { isActive, useJobProgress, useJobs } from '../../api/jobWatch.ts';
import { useCommandOf } from '../../api/queries.ts';
import { Button } from '../../components/Button.tsx';
import { useFailureText } from '../../components/FailureNotice.tsx';
import { ProgressBar } from '../../components/ProgressBar.tsx';
import { useToast } from '../../components/Toast.tsx';
import { useFormats } from '../../i18n/formats.ts';
import { jobFraction } from './jobFigures.ts';
import './jobs.css';

/** As many ended jobs as a person may still wonder about. */
const shownAtMost = 30;

/** Work that goes on behind the screen: how far, how long, Cancel; it survives navigation and reload. */
export function JobsTray({ onSummary }: { onSummary: (jobId: string) => void }) {
  const { t } = useTranslation('jobs');
  const jobs = useJobs();
  const [open, setOpen] = useState(false);
  // The popover hears Escape only while the focus is inside, and a Cancel that was pressed takes the focus with it.
  useEffect(() => {
    if (!open) return;
    const close = (event: KeyboardEvent): void => {
      if (event.key === 'Escape') setOpen(false);
    };
    window.addEventListener('keydown', close);
    return () => window.removeEventListener('keydown', close);
  }, [open]);
  const active = jobs.filter(isActive);
  const first = active[0];
  return (
    <Popover
      opened={open}
      onChange={setOpen}
      position="bottom-end"
      width={400}
      trapFocus
      shadow="none"
      returnFocus
      withRoles
    >
      <Popover.Target>
        <button type="button" className="jobs-button" onClick={() => setOpen(!open)} aria-label={t('title')}>
          {first ? <RunningFigure job={first} others={active.length - 1} /> : <IdleFigure jobs={jobs} />}
        </button>
      </Popover.Target>
      <Popover.Dropdown className="jobs-dropdown">
        <h2 className="jobs-title">{t('title')}</h2>
        {jobs.length === 0 ? <p className="jobs-none">{t('none')}</p> : null}
        <ul className="jobs-list">
          {[...active, ...jobs.filter((job) => !isActive(job))].slice(0, shownAtMost).map((job) => (
            <JobItem
              key={job.jobId}
              job={job}
              onSummary={(jobId) => {
                setOpen(false);
                onSummary(jobId);
              }}
            />
          ))}
        </ul>
      </Popover.Dropdown>
    </Popover>
  );
}

function RunningFigure({ job: listed, others }: { job: Job; others: number }) {
  const { t } = useTranslation('jobs');
  const formats = useFormats();
  const job = useJobProgress(listed);
  const fraction = jobFraction(job);
  return (
    <>
      <span className="btn-spin" aria-hidden />
      {t(`kinds.${job.kind}`)}
      {fraction === null ? ` · ${formats.number(job.done)}` : ` · ${formats.number(Math.floor(fraction * 100))} %`}
      {others > 0 ? ` +${others}` : ''}
    </>
  );
}

function isToday(ms: number): boolean {
  return new Date(ms).toDateString() === new Date().toDateString();
}

function IdleFigure({ jobs }: { jobs: readonly Job[] }) {
  const { t } = useTranslation('jobs');
  const formats = useFormats();
  const last = jobs.find((job) => job.endedAt !== null);
  if (!last || last.endedAt === null)
    return (
      <>
        <IconChecklist size={16} stroke={1.6} aria-hidden />
        {t('idle')}
      </>
    );
  const wrong = last.state !== 'done';
  return (
    <>
      <span className={wrong ? 'dot warning' : 'dot'} aria-hidden />
      {t(`lastEnded.${wrong ? 'wrong' : 'done'}`, {
        kind: t(`kinds.${last.kind}`),
        time: isToday(last.endedAt) ? formats.clock(last.endedAt).slice(0, 5) : formats.dateTime(last.endedAt),
      })}
    </>
  );
}

function JobItem({ job: listed, onSummary }: { job: Job; onSummary: (jobId: string) => void }) {
  const { t } = useTranslation('jobs');
  const formats = useFormats();
  const failureText = useFailureText();
  const toast = useToast();
  const job = useJobProgress(listed);
  const cancel = useCommandOf('jobs.cancel');
  const fraction = jobFraction(job);
  const brings = job.kind === 'import' || job.kind === 'upload' || job.kind === 'samples';
  // Cut off from outside is no fault of the work itself.
  const state = job.failure === 'jobs.interrupted' ? 'interrupted' : job.state;
  const counts = Object.entries(job.counts).filter(([, value]) => value > 0);
  return (
    <li className="job">
      <div className="job-head">
        <b>{t(`kinds.${job.kind}`)}</b>
        <span className={`job-state ${state}`}>{t(`states.${state}`)}</span>
        <span className="spacer" />
        {isActive(job) ? (
          <Button
            size="s"
            variant="ghost"
            loading={cancel.isPending}
            onClick={() =>
              cancel.mutate(
                { jobId: job.jobId },
                { onError: (failure) => toast({ tone: 'danger', text: failureText(failure) }) },
              )
            }
          >
            {t('cancel')}
          </Button>
        ) : brings ? (
          <Button size="s" variant="ghost" onClick={() => onSummary(job.jobId)}>
            {t('summary')}
          </Button>
        ) : null}
      </div>
      {isActive(job) ? (
        <>
          <ProgressBar fraction={fraction} label={t(`kinds.${job.kind}`)} />
          <div className="job-figures">
            {job.total > 0
              ? t('ofTotal', { done: formats.number(job.done), total: formats.number(job.total) })
              : formats.number(job.done)}
            {job.bytesTotal > 0 ? ` · ${formats.bytes(job.bytesDone)} / ${formats.bytes(job.bytesTotal)}` : ''}
            {job.ratePerSecond === null ? '' : ` · ${t('rate', { rate: formats.number(job.ratePerSecond, 0) })}`}
            {job.remainingSeconds === null
              ? ''
              : ` · ${t('remaining', { duration: formats.duration(job.remainingSeconds) })}`}
          </div>
        </>
      ) : null}
      {counts.length > 0 ? (
        <div className="job-figures">
          {counts
            .map(([name, value]) =>
              t(`counts.${name}`, { defaultValue: name, count: value, value: formats.number(value) }),
            )
            .join(' · ')}
        </div>
      ) : null}
      {job.failure ? <div className="field-error">{failureText(new Failure(job.failure, 'job failed'))}</div> : null}
      <div className="job-figures">
        {job.operatorName} · {formats.dateTime(job.endedAt ?? job.createdAt)}
      </div>
    </li>
  );
}
