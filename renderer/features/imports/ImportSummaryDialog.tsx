import { IconCopy, IconDownload } from '@tabler/icons-react';
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { Failure } from '../../../app/shared/failure.ts';
import { useQueryOf } from '../../api/queries.ts';
import { Button } from '../../components/Button.tsx';
import { Dialog } from '../../components/Dialog.tsx';
import { FailureNotice, useFailureText } from '../../components/FailureNotice.tsx';
import { Skeleton } from '../../components/Skeleton.tsx';
import { saveTextFile } from '../../components/saveTextFile.ts';
import { useToast } from '../../components/Toast.tsx';
import { useFormats } from '../../i18n/formats.ts';
import { type RejectedLine, rejectedCsv } from './rejectedCsv.ts';
import type { LocalRejection } from './uploads.ts';
import './imports.css';

export interface ImportSummaryDialogProps {
  readonly jobId: string | null;
  /** Files that never reached the host: the browser could not read them. */
  readonly localRejected: readonly LocalRejection[];
  readonly onClose: () => void;
}

/** What an import brought, and each file that was not taken with its reason. */
export function ImportSummaryDialog({ jobId, localRejected, onClose }: ImportSummaryDialogProps) {
  const { t } = useTranslation('imports');
  return (
    <Dialog open={jobId !== null} onClose={onClose} title={t('summary.title')} size="xl">
      {jobId ? <Summary jobId={jobId} localRejected={localRejected} onClose={onClose} /> : null}
    </Dialog>
  );
}

/** More rows than this are kept for the file: nobody reads them on the screen. */
const shownAtMost = 500;

function Summary({
  jobId,
  localRejected,
  onClose,
}: {
  jobId: string;
  localRejected: readonly LocalRejection[];
  onClose: () => void;
}) {
  const { t } = useTranslation('imports');
  const formats = useFormats();
  const toast = useToast();
  const failureText = useFailureText();
  const summary = useQueryOf('imaging.getImportSummary', { jobId }, { staleTimeMs: 0 });
  const lines = useMemo<readonly RejectedLine[]>(
    () =>
      [...localRejected, ...(summary.data?.rejected ?? [])].map(({ path, reason }) => ({
        path,
        code: reason,
        text: failureText(new Failure(reason, 'file not imported')),
      })),
    [localRejected, summary.data, failureText],
  );
  if (summary.error) return <FailureNotice failure={summary.error} retry={() => void summary.refetch()} />;
  if (!summary.data) return <Skeleton height={180} />;
  const csv = (): string => rejectedCsv(lines, [t('summary.file'), t('summary.code'), t('summary.reason')]);
  const figures = [
    { id: 'imported', value: summary.data.imported, tone: 'routine' },
    { id: 'duplicates', value: summary.data.duplicates, tone: '' },
    { id: 'conflicts', value: summary.data.conflicts, tone: summary.data.conflicts > 0 ? 'urgent' : '' },
    { id: 'rejected', value: lines.length, tone: lines.length > 0 ? 'urgent' : '' },
  ];
  return (
    <>
      <div className="import-figures">
        {figures.map((figure) => (
          <div key={figure.id} className="import-figure">
            <span className="label">{t(`summary.${figure.id}`)}</span>
            <b className={figure.tone}>{formats.number(figure.value)}</b>
            <span className="field-hint">{t(`summary.${figure.id}What`)}</span>
          </div>
        ))}
      </div>
      <p className="quiet">
        {t('summary.size', {
          bytes: formats.bytes(summary.data.bytes),
          duration: formats.duration(Math.max(1, summary.data.seconds)),
        })}
      </p>
      {lines.length > 0 ? (
        <>
          <div className="import-rejected">
            <table className="list-table">
              <thead>
                <tr>
                  <th scope="col">{t('summary.file')}</th>
                  <th scope="col">{t('summary.reason')}</th>
                </tr>
              </thead>
              <tbody>
                {lines.slice(0, shownAtMost).map((line) => (
                  <tr key={`${line.path} ${line.code}`}>
                    <td className="import-path">{line.path}</td>
                    <td title={line.code}>{line.text}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
          {lines.length > shownAtMost ? (
            <p className="quiet">{t('summary.more', { count: lines.length - shownAtMost })}</p>
          ) : null}
        </>
      ) : null}
      <div className="dialog-footer">
        {lines.length > 0 ? (
          <>
            <Button
              icon={<IconCopy size={16} stroke={1.6} />}
              onClick={() =>
                void navigator.clipboard.writeText(csv()).then(
                  () => toast({ tone: 'done', text: t('summary.copied') }),
                  () => toast({ tone: 'danger', text: t('summary.copyFailed') }),
                )
              }
            >
              {t('summary.copy')}
            </Button>
            <Button
              icon={<IconDownload size={16} stroke={1.6} />}
              onClick={() => saveTextFile('salus-import.csv', csv(), 'text/csv')}
            >
              {t('summary.save')}
            </Button>
            <span className="spacer" />
          </>
        ) : null}
        <Button variant="primary" onClick={onClose} data-autofocus>
          {t('summary.close')}
        </Button>
      </div>
    </>
  );
}
