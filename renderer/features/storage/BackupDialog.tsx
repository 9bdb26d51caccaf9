import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useCommandOf, useQueryOf } from '../../api/queries.ts';
import { Button } from '../../components/Button.tsx';
import { Dialog } from '../../components/Dialog.tsx';
import { FailureNotice } from '../../components/FailureNotice.tsx';
import { TextField } from '../../components/Field.tsx';
import { HostBrowser } from '../../components/HostBrowser.tsx';
import { isFolderName, joinHostPath } from '../../components/hostPath.ts';
import { useToast } from '../../components/Toast.tsx';

/** Where the backup goes: a folder of the host's computer, best on another disk. */
export function BackupDialog({ open, onClose }: { open: boolean; onClose: () => void }) {
  const { t } = useTranslation('storage');
  return (
    <Dialog open={open} onClose={onClose} title={t('backup.title')} size="l">
      {open ? <BackupForm onClose={onClose} /> : null}
    </Dialog>
  );
}

function BackupForm({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation('storage');
  const toast = useToast();
  const [path, setPath] = useState<string | null>(null);
  const [folderName, setFolderName] = useState('salus-backup');
  const listing = useQueryOf('imaging.browse', { path }, { keepPrevious: true, staleTimeMs: 0 });
  const backup = useCommandOf('storage.backup');
  const base = listing.data?.path ?? '';
  const name = folderName.trim();
  const nameOk = isFolderName(name);
  const directory = joinHostPath(base, name);
  return (
    <>
      <p className="settings-lead">{t('backup.choose')}</p>
      <HostBrowser
        listing={listing.data ?? null}
        failure={listing.error}
        loading={listing.isFetching}
        onGo={setPath}
        choose="folder"
      />
      <TextField
        label={t('backup.folderName')}
        hint={t('backup.into', { directory })}
        value={folderName}
        onChange={setFolderName}
        error={nameOk ? undefined : t('backup.folderBad')}
      />
      {backup.error ? <FailureNotice failure={backup.error} /> : null}
      <div className="dialog-footer">
        <Button onClick={onClose}>{t('cancel')}</Button>
        <Button
          variant="primary"
          disabled={base === '' || !nameOk}
          loading={backup.isPending}
          onClick={() =>
            backup.mutate(
              { directory },
              {
                onSuccess: () => {
                  toast({ tone: 'inform', text: t('backup.started') });
                  onClose();
                },
              },
            )
          }
        >
          {t('backup.start')}
        </Button>
      </div>
    </>
  );
}
