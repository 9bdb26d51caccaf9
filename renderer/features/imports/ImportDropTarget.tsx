import { IconFileImport } from '@tabler/icons-react';
import { type DragEvent, type ReactNode, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { entriesOf } from './collectFiles.ts';
import { useImport } from './ImportProvider.tsx';
import './imports.css';

function carriesFiles(event: DragEvent): boolean {
  return event.dataTransfer.types.includes('Files');
}

/** The whole window takes files, folders, zip archives and media dropped on it. */
export function ImportDropTarget({ children }: { children: ReactNode }) {
  const { t } = useTranslation('imports');
  const { importEntries, importFiles } = useImport();
  const [over, setOver] = useState(false);
  /** Entering a child counts too: the drag has left only when every entry was left. */
  const depth = useRef(0);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the way in by keyboard is the import dialog
    <div
      className="drop-target"
      onDragEnter={(event) => {
        if (!carriesFiles(event)) return;
        event.preventDefault();
        depth.current += 1;
        setOver(true);
      }}
      onDragOver={(event) => {
        if (!carriesFiles(event)) return;
        event.preventDefault();
        event.dataTransfer.dropEffect = 'copy';
      }}
      onDragLeave={(event) => {
        if (!carriesFiles(event)) return;
        depth.current = Math.max(0, depth.current - 1);
        if (depth.current === 0) setOver(false);
      }}
      onDrop={(event) => {
        if (!carriesFiles(event)) return;
        event.preventDefault();
        depth.current = 0;
        setOver(false);
        const entries = entriesOf(event.dataTransfer.items);
        if (entries.length > 0) importEntries(entries);
        else importFiles(event.dataTransfer.files);
      }}
    >
      {children}
      {over ? (
        <div className="drop-veil">
          <div>
            <IconFileImport size={40} stroke={1.3} aria-hidden />
            <h2>{t('drop.title')}</h2>
            <p>{t('drop.text')}</p>
          </div>
        </div>
      ) : null}
    </div>
  );
}
