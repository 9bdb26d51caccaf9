import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useCommandOf, useQueryOf } from '../../api/queries.ts';
import { Button } from '../../components/Button.tsx';
import { Dialog } from '../../components/Dialog.tsx';
import { FailureNotice } from '../../components/FailureNotice.tsx';
import { TextField } from '../../components/Field.tsx';
import { HostBrowser } from '../../components/HostBrowser.tsx';
import { isFolderName, joinHostPath } from '../../components/hostPath.ts';
import { Notice } from '../../components/Notice.tsx';
import { useToast } from '../../components/Toast.tsx';

export interface ExportDialogProps {
  readonly open: boolean;
  readonly studyUid: string;
  readonly onClose: () => void;
}

/** Where a study's original bytes are written: a folder of the host's computer. */
export function ExportDialog({ open, studyUid, onClose }: ExportDialogProps) {
  const { t } = useTranslation('worklist');
  return (
    <Dialog open={open} onClose={onClose} title={t('export.title')} size="l">
      {open ? <ExportForm studyUid={studyUid} onClose={onClose} /> : null}
    </Dialog>
  );
}

/** Day and minute for a folder's name: 20261120-1403. A name from the study would put the patient into the path. */
function stampOf(date: Date): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${date.getFullYear()}${two(date.getMonth() + 1)}${two(date.getDate())}`;
  return `${day}-${two(date.getHours())}${two(date.getMinutes())}`;
}

function ExportForm({ studyUid, onClose }: { studyUid: string; onClose: () => void }) {
  const { t } = useTranslation('worklist');
  const toast = useToast();
  const [path, setPath] = useState<string | null>(null);
  const listing = useQueryOf('imaging.browse', { path }, { keepPrevious: true, staleTimeMs: 0 });
  const start = useCommandOf('imaging.exportStudy');
  const base = listing.data?.path ?? '';
  const [folderName, setFolderName] = useState(() => `salus-export-${stampOf(new Date())}`);
  const name = folderName.trim();
  const nameOk = name !== '' && isFolderName(name);
  const directory = joinHostPath(base, name);
  return (
    <>
      <p>{t('export.choose')}</p>
      <HostBrowser
        listing={listing.data ?? null}
        failure={listing.error}
        loading={listing.isFetching}
        onGo={setPath}
        choose="folder"
      />
      <TextField
        label={t('export.folderName')}
        hint={t('export.into', { directory })}
        value={folderName}
        onChange={setFolderName}
        error={nameOk ? undefined : t('export.folderBad')}
      />
      <Notice severity="caution">{t('export.plain')}</Notice>
      {start.error ? <FailureNotice failure={start.error} /> : null}
      <div className="dialog-footer">
        <Button onClick={onClose}>{t('export.cancel')}</Button>
        <Button
          variant="primary"
          disabled={base === '' || !nameOk}
          loading={start.isPending}
          onClick={() =>
            start.mutate(
              { studyUid, directory },
              {
                onSuccess: () => {
                  toast({ tone: 'inform', text: t('export.started') });
                  onClose();
                },
              },
            )
          }
        >
          {t('export.start')}
        </Button>
      </div>
    </>
  );
}
