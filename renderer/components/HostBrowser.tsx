import { IconArrowUp, IconDatabase, IconFile, IconFolder } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { useFormats } from '../i18n/formats.ts';
import { IconButton } from './Button.tsx';
import { EmptyState } from './EmptyState.tsx';
import { FailureNotice } from './FailureNotice.tsx';
import './hostBrowser.css';

export interface HostEntry {
  readonly name: string;
  readonly path: string;
  readonly kind: 'folder' | 'file' | 'medium';
  readonly bytes: number;
}

export interface HostBrowserProps {
  readonly listing: {
    readonly path: string;
    readonly parent: string | null;
    readonly entries: readonly HostEntry[];
  } | null;
  readonly failure: unknown;
  readonly loading: boolean;
  readonly onGo: (path: string | null) => void;
  /** anything: files, folders and media by check box. folder: the folder that is open is the choice. */
  readonly choose: 'anything' | 'folder';
  readonly selected?: ReadonlySet<string>;
  readonly onToggle?: (path: string) => void;
}

const icons = { folder: IconFolder, file: IconFile, medium: IconDatabase } as const;

/** Folders of the computer that keeps the archive, for choosing; a click opens a folder, the box chooses it. */
export function HostBrowser({ listing, failure, loading, onGo, choose, selected, onToggle }: HostBrowserProps) {
  const { t } = useTranslation('components');
  const formats = useFormats();
  const hidden = (entry: HostEntry): number => (entry.name.startsWith('.') ? 1 : 0);
  const entries = (listing?.entries ?? [])
    .filter((entry) => choose === 'anything' || entry.kind !== 'file')
    // Settings folders of programs come last: nobody's images are in them.
    .toSorted((a, b) => hidden(a) - hidden(b));
  return (
    <div className="host-browser" aria-busy={loading}>
      <div className="host-browser-path">
        <IconButton
          size="s"
          label={t('browser.up')}
          icon={<IconArrowUp size={16} stroke={1.6} />}
          disabled={!listing || listing.parent === null}
          onClick={() => onGo(listing?.parent ?? null)}
        />
        <span title={listing?.path}>{listing?.path || t('browser.start')}</span>
      </div>
      {failure ? <FailureNotice failure={failure} retry={() => onGo(null)} /> : null}
      <ul className="host-browser-list">
        {entries.map((entry) => {
          const Icon = icons[entry.kind];
          return (
            <li key={entry.path}>
              {choose === 'anything' ? (
                <input
                  type="checkbox"
                  aria-label={t('browser.choose', { name: entry.name })}
                  checked={selected?.has(entry.path) ?? false}
                  onChange={() => onToggle?.(entry.path)}
                />
              ) : null}
              <button type="button" onClick={() => (entry.kind === 'file' ? onToggle?.(entry.path) : onGo(entry.path))}>
                <Icon size={16} stroke={1.5} aria-hidden />
                <span className="host-browser-name">{entry.name}</span>
                {entry.kind === 'file' ? <span className="quiet">{formats.bytes(entry.bytes)}</span> : null}
              </button>
            </li>
          );
        })}
        {listing && entries.length === 0 && !failure ? (
          <li className="host-browser-empty">
            <EmptyState title={t('browser.empty')} />
          </li>
        ) : null}
      </ul>
    </div>
  );
}
