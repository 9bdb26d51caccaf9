import { IconDeviceDesktop, IconFiles, IconFolder } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Dialog } from '../../components/Dialog.tsx';
import './imports.css';

export interface ImportDialogProps {
  readonly open: boolean;
  readonly onClose: () => void;
  readonly onFiles: () => void;
  readonly onFolder: () => void;
  readonly onHost: () => void;
}

/** The ways to bring studies in; the fastest, dropping them anywhere, is said first. */
export function ImportDialog({ open, onClose, onFiles, onFolder, onHost }: ImportDialogProps) {
  const { t } = useTranslation('imports');
  const icon = { size: 24, stroke: 1.4, 'aria-hidden': true } as const;
  const ways: readonly { id: string; icon: ReactNode; title: string; text: string; run: () => void }[] = [
    { id: 'files', icon: <IconFiles {...icon} />, title: t('ways.files'), text: t('ways.filesWhat'), run: onFiles },
    {
      id: 'folder',
      icon: <IconFolder {...icon} />,
      title: t('ways.folder'),
      text: t('ways.folderWhat'),
      run: onFolder,
    },
    { id: 'host', icon: <IconDeviceDesktop {...icon} />, title: t('ways.host'), text: t('ways.hostWhat'), run: onHost },
  ];
  return (
    <Dialog open={open} onClose={onClose} title={t('title')} size="l">
      <p>{t('lead')}</p>
      <div className="import-ways">
        {ways.map((way, index) => (
          <button
            key={way.id}
            type="button"
            className="import-way"
            onClick={way.run}
            {...(index === 0 ? { 'data-autofocus': true } : {})}
          >
            {way.icon}
            <b>{way.title}</b>
            <span>{way.text}</span>
          </button>
        ))}
      </div>
      <p className="quiet">{t('bitForBit')}</p>
    </Dialog>
  );
}
