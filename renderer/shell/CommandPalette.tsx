import { useDebouncedValue } from '@mantine/hooks';
import { IconCommand, IconFocusCentered, IconUser } from '@tabler/icons-react';
import { type ReactNode, useEffect, useId, useMemo, useState } from 'react';
import { createPortal } from 'react-dom';
import { useTranslation } from 'react-i18next';
import { useQueryOf } from '../api/queries.ts';
import { useCan } from '../api/session.tsx';
import { FailureNotice } from '../components/FailureNotice.tsx';
import { Kbd } from '../components/Kbd.tsx';
import { useImport } from '../features/imports/ImportProvider.tsx';
import { useFormats } from '../i18n/formats.ts';
import { useNavigation } from './navigation.ts';
import { useShellStore } from './shellStore.ts';

interface Item {
  readonly id: string;
  readonly group: string;
  readonly icon: ReactNode;
  readonly title: string;
  readonly detail: string;
  readonly keys?: string;
  /** Said instead of opening, when it may not be opened. */
  readonly refused?: string;
  readonly run: () => void;
}

/** Lower case without accents, to match a command by how it is typed. */
function fold(text: string): string {
  return text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();
}

/**
 * Ctrl+K: a patient, a study or a command, by typing part of it. Not a Modal: the field has the focus in the same turn
 * as the key, so that nothing of what is typed right after it is lost.
 */
export function CommandPalette({ onLock }: { onLock: () => void }) {
  const open = useShellStore((state) => state.paletteOpen);
  const setOpen = useShellStore((state) => state.setPaletteOpen);
  if (!open) return null;
  return createPortal(<PaletteContent onLock={onLock} onDone={() => setOpen(false)} />, document.body);
}

function useCommands(onLock: () => void): readonly Item[] {
  const { t } = useTranslation('shell');
  const go = useNavigation((state) => state.go);
  const setKeysOpen = useShellStore((state) => state.setKeysOpen);
  const setPasswordOpen = useShellStore((state) => state.setPasswordOpen);
  const canImport = useCan('studies.import');
  const canRead = useCan('studies.read');
  const canSearch = useCan('exchange.search');
  const { openMenu } = useImport();
  return useMemo(() => {
    const command = (id: string, title: string, run: () => void, keys?: string): Item => ({
      id,
      group: t('palette.commands'),
      icon: <IconCommand size={16} stroke={1.6} aria-hidden />,
      title,
      detail: '',
      ...(keys ? { keys } : {}),
      run,
    });
    return [
      ...(canRead ? [command('worklist', t('palette.toWorklist'), () => go({ screen: 'worklist' }), 'alt+1')] : []),
      command('patients', t('palette.toPatients'), () => go({ screen: 'patients', patientId: null }), 'alt+2'),
      ...(canImport ? [command('import', t('keys.import'), openMenu, 'i')] : []),
      ...(canRead
        ? [
            command('exchange', t('palette.toExchange'), () => go({ screen: 'exchange', place: 'queues' }), 'alt+4'),
            command('nodes', t('palette.toNodes'), () => go({ screen: 'exchange', place: 'nodes' })),
            command('rules', t('palette.toRules'), () => go({ screen: 'exchange', place: 'rules' })),
          ]
        : []),
      ...(canSearch ? [command('find', t('palette.toSearch'), () => go({ screen: 'exchange', place: 'search' }))] : []),
      command('settings', t('palette.toSettings'), () => go({ screen: 'settings', section: 'security' })),
      command('keys', t('keys.help'), () => setKeysOpen(true), '?'),
      command('password', t('operator.password'), () => setPasswordOpen(true)),
      command('about', t('operator.about'), () => go({ screen: 'settings', section: 'about' })),
      command('lock', t('operator.lock'), onLock, 'mod+alt+l'),
    ];
  }, [t, canRead, canSearch, canImport, openMenu, go, setKeysOpen, setPasswordOpen, onLock]);
}

function useFound(text: string): { items: readonly Item[]; failure: unknown; waiting: boolean } {
  const { t } = useTranslation('shell');
  const formats = useFormats();
  const go = useNavigation((state) => state.go);
  const canRead = useCan('studies.read');
  const wanted = text.trim();
  const patients = useQueryOf(
    'patients.list',
    { text: wanted, limit: 6 },
    { enabled: wanted !== '', keepPrevious: true, staleTimeMs: 0 },
  );
  const studies = useQueryOf(
    'worklist.list',
    { filter: { text: wanted }, sort: { key: 'studyDate', direction: 'descending' }, limit: 8 },
    { enabled: wanted !== '' && canRead, keepPrevious: true, staleTimeMs: 0 },
  );
  if (wanted === '') return { items: [], failure: null, waiting: false };
  const patientItems: Item[] = (patients.data?.rows ?? []).map((patient) => ({
    id: `patient-${patient.patientId}`,
    group: t('palette.patients'),
    icon: <IconUser size={16} stroke={1.6} aria-hidden />,
    title: patient.displayName || t('palette.unnamed'),
    detail: [
      formats.sex(patient.sex),
      patient.birthDate ? formats.date(patient.birthDate) : '',
      patient.identifier,
      t('palette.studyCount', { count: patient.studyCount }),
    ]
      .filter(Boolean)
      .join(' · '),
    run: () => go({ screen: 'patients', patientId: patient.patientId }),
  }));
  const studyItems: Item[] = (studies.data?.rows ?? []).map((row) => ({
    id: `study-${row.studyUid}`,
    group: t('palette.studies'),
    icon: <IconFocusCentered size={16} stroke={1.6} aria-hidden />,
    title: `${row.modalities.join('/')} ${row.description}`.trim() || t('palette.noDescription'),
    detail: [row.displayName, row.identifier, row.studyDate ? formats.date(row.studyDate) : '']
      .filter(Boolean)
      .join(' · '),
    ...(row.identityConflict ? { refused: t('palette.conflict') } : {}),
    run: () => go({ screen: 'reading', studyUid: row.studyUid }),
  }));
  return {
    items: [...patientItems, ...studyItems],
    failure: patients.error ?? studies.error,
    waiting: patients.isFetching || studies.isFetching,
  };
}

function PaletteContent({ onLock, onDone }: { onLock: () => void; onDone: () => void }) {
  const { t } = useTranslation('shell');
  const listId = useId();
  const [text, setText] = useState('');
  const [active, setActive] = useState(0);
  const [sent] = useDebouncedValue(text, 80);
  const commands = useCommands(onLock);
  const found = useFound(sent);
  const folded = fold(text.trim());
  const items = [...found.items, ...commands.filter((item) => folded === '' || fold(item.title).includes(folded))];
  const at = Math.min(active, Math.max(0, items.length - 1));
  // What is listed answers what was sent, not what is being typed: Enter waits for it.
  const settled = sent === text && !found.waiting;

  const run = (item: Item | undefined): void => {
    if (!item || item.refused) return;
    onDone();
    item.run();
  };
  const move = (index: number): void => {
    setActive(index);
    document.getElementById(`${listId}-${index}`)?.scrollIntoView({ block: 'nearest' });
  };
  // Whoever had the focus gets it back.
  const [before] = useState(() => document.activeElement);
  useEffect(
    () => () => {
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    },
    [before],
  );
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: a click beside the palette sends it away, as Escape does
    <div className="palette-veil" onMouseDown={(event) => event.target === event.currentTarget && onDone()}>
      <div className="palette" role="dialog" aria-modal="true" aria-label={t('keys.palette')}>
        <input
          className="palette-input"
          // biome-ignore lint/a11y/noAutofocus: the palette is opened to type into it
          autoFocus
          role="combobox"
          aria-expanded
          aria-controls={listId}
          aria-activedescendant={items.length > 0 ? `${listId}-${at}` : undefined}
          aria-label={t('search.placeholder')}
          placeholder={t('search.placeholder')}
          value={text}
          spellCheck={false}
          autoComplete="off"
          onChange={(event) => {
            setText(event.target.value);
            setActive(0);
          }}
          onKeyDown={(event) => {
            if (event.key === 'ArrowDown') move(Math.min(items.length - 1, at + 1));
            else if (event.key === 'ArrowUp') move(Math.max(0, at - 1));
            else if (event.key === 'Enter') {
              if (settled) run(items[at]);
            } else if (event.key === 'Escape') onDone();
            else if (event.key !== 'Tab') return;
            event.preventDefault();
            event.stopPropagation();
          }}
        />
        {found.failure ? <FailureNotice failure={found.failure} /> : null}
        <div className="palette-list" id={listId} role="listbox" aria-label={t('palette.results')}>
          {items.map((item, index) => (
            <div key={item.id}>
              {index === 0 || items[index - 1]?.group !== item.group ? (
                <div className="palette-group">{item.group}</div>
              ) : null}
              {/* biome-ignore lint/a11y/useKeyWithClickEvents: the input above has the keys, as a combobox does */}
              <div
                id={`${listId}-${index}`}
                role="option"
                aria-selected={index === at}
                aria-disabled={item.refused ? true : undefined}
                tabIndex={-1}
                className={index === at ? 'palette-item on' : 'palette-item'}
                onMouseMove={() => setActive(index)}
                onClick={() => run(item)}
              >
                {item.icon}
                <span className="palette-title" title={item.title}>
                  {item.title}
                </span>
                <span className="palette-detail" title={item.detail}>
                  {item.detail}
                </span>
                {item.refused ? <span className="palette-refused">{item.refused}</span> : null}
                {item.keys ? <Kbd keys={item.keys} /> : null}
              </div>
            </div>
          ))}
          {items.length === 0 && settled ? <p className="palette-none">{t('palette.none')}</p> : null}
        </div>
      </div>
    </div>
  );
}
