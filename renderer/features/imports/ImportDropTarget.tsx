import { IconFileImport } from '@tabler/icons-react';
import { type DragEvent, type ReactNode, useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { entriesOf } from './collectFiles.ts';
import { useImport } from './ImportProvider.tsx';
import './imports.css';

function carriesFiles(event: DragEvent): boolean {
  return event.dataTransfer.types.includes('Files');
}

/**
 * A drag over the window says so several times a second. When it falls silent it is over: what lay under it may have
 * been taken off the page, and an element that is gone never says that the drag left it.
 */
const silenceMs = 1500;

/** The whole window takes files, folders, zip archives and media dropped on it. */
export function ImportDropTarget({ children }: { children: ReactNode }) {
  const { t } = useTranslation('imports');
  const { importEntries, importFiles } = useImport();
  const [over, setOver] = useState(false);
  const silence = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(silence.current), []);
  const show = (): void => {
    clearTimeout(silence.current);
    silence.current = setTimeout(() => setOver(false), silenceMs);
    setOver(true);
  };
  const hide = (): void => {
    clearTimeout(silence.current);
    setOver(false);
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the way in by keyboard is the import dialog
    <div
      className="drop-target"
      onDragEnter={(event) => {
        if (!carriesFiles(event)) return;
        event.preventDefault();
        show();
      }}
      onDragOver={(event) => {
        if (!carriesFiles(event)) return;
        event.preventDefault();
        event.dataTransfer.dropEffect = 'copy';
        show();
      }}
      onDragLeave={(event) => {
        // From one element to the next inside the window is no leaving.
        if (carriesFiles(event) && event.relatedTarget === null) hide();
      }}
      onDrop={(event) => {
        if (!carriesFiles(event)) return;
        event.preventDefault();
        hide();
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
