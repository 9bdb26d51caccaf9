import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useCommandOf, useQueryOf } from '../../api/queries.ts';
import { Button } from '../../components/Button.tsx';
import { Dialog } from '../../components/Dialog.tsx';
import { FailureNotice } from '../../components/FailureNotice.tsx';
import { HostBrowser } from '../../components/HostBrowser.tsx';

export interface HostImportDialogProps {
  readonly open: boolean;
  readonly onClose: () => void;
  readonly onStarted: (jobId: string) => void;
}

/** Choosing folders, files and media on the computer that keeps the archive: nothing travels through the page. */
export function HostImportDialog({ open, onClose, onStarted }: HostImportDialogProps) {
  const { t } = useTranslation('imports');
  return (
    <Dialog open={open} onClose={onClose} title={t('host.title')} size="l">
      {open ? <HostImport onClose={onClose} onStarted={onStarted} /> : null}
    </Dialog>
  );
}

function HostImport({ onClose, onStarted }: Omit<HostImportDialogProps, 'open'>) {
  const { t } = useTranslation('imports');
  const [path, setPath] = useState<string | null>(null);
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const listing = useQueryOf('imaging.browse', { path }, { keepPrevious: true, staleTimeMs: 0 });
  const start = useCommandOf('imaging.importPaths');
  const toggle = (each: string): void =>
    setSelected((all) => {
      const next = new Set(all);
      if (!next.delete(each)) next.add(each);
      return next;
    });
  return (
    <>
      <HostBrowser
        listing={listing.data ?? null}
        failure={listing.error}
        loading={listing.isFetching}
        onGo={setPath}
        choose="anything"
        selected={selected}
        onToggle={toggle}
      />
      {start.error ? <FailureNotice failure={start.error} /> : null}
      <div className="dialog-footer">
        <Button onClick={onClose}>{t('host.cancel')}</Button>
        <Button
          variant="primary"
          disabled={selected.size === 0}
          loading={start.isPending}
          onClick={() => start.mutate({ paths: [...selected] }, { onSuccess: ({ jobId }) => onStarted(jobId) })}
        >
          {selected.size === 0 ? t('host.importNone') : t('host.import', { count: selected.size })}
        </Button>
      </div>
    </>
  );
}
