import { useDebouncedValue, useMediaQuery } from '@mantine/hooks';
import { IconFileImport, IconFilterOff, IconInbox } from '@tabler/icons-react';
import { useCallback, useEffect, useMemo, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import type { WorklistRow, WorklistSort } from '../../../app/domains/worklist/worklistSchema.ts';
import { usePagesOf, useView } from '../../api/pages.ts';
import { useQueryOf } from '../../api/queries.ts';
import { useCan, useSession } from '../../api/session.tsx';
import { Button } from '../../components/Button.tsx';
import { EmptyState } from '../../components/EmptyState.tsx';
import { FailureNotice } from '../../components/FailureNotice.tsx';
import { useFirstFound } from '../../components/firstFound.ts';
import { useKeys } from '../../components/keys.ts';
import { SearchField } from '../../components/SearchField.tsx';
import { Skeleton } from '../../components/Skeleton.tsx';
import { useToast } from '../../components/Toast.tsx';
import { VirtualTable, type VirtualTableHandle } from '../../components/VirtualTable.tsx';
import { WorklistChips } from './WorklistChips.tsx';
import { WorklistPreview } from './WorklistPreview.tsx';
import { useWorklistColumns } from './worklistColumns.tsx';
import { filterOf, nextSort, useWorklistStore } from './worklistStore.ts';
import './worklist.css';

/** From the last key to the question: short enough to feel instant, long enough not to ask for half a name. */
const searchDelayMs = 60;

export interface WorklistScreenProps {
  readonly onRead: (studyUid: string) => void;
  readonly onPatient: (patientId: string) => void;
  /** To what contradicts itself in a study, and what can be decided about it. */
  readonly onConflict: (studyUid: string) => void;
  readonly onImport: () => void;
  /** Null: this operator sends nothing. */
  readonly onSend: ((studyUid: string) => void) | null;
}

/** Every study there is, what is to be read first, and a look at the one that is chosen. */
export function WorklistScreen({ onRead, onPatient, onConflict, onImport, onSend }: WorklistScreenProps) {
  const { t } = useTranslation('worklist');
  const session = useSession();
  const canImport = useCan('studies.import');
  const toast = useToast();
  const { chip, modality, text, sort, selectedUid, isChosenEarly, setChip, setModality, setText, setSort, select } =
    useWorklistStore();
  const [sentText] = useDebouncedValue(text, searchDelayMs);
  const [view, setView] = useView();
  const table = useRef<VirtualTableHandle>(null);
  const search = useRef<HTMLInputElement>(null);
  const wide = useMediaQuery('(min-width: 1560px)') ?? false;
  const columns = useWorklistColumns(wide);
  const counts = useQueryOf('worklist.counts', undefined, { keepPrevious: true });
  const question = useMemo(
    () => ({ filter: filterOf({ chip, modality, text: sentText }, session.operatorName), sort }),
    [chip, modality, sentText, session.operatorName, sort],
  );
  const pages = usePagesOf('worklist.list', question, view);
  const { isAnswered, leaveSearch } = useFirstFound({
    search,
    table,
    text,
    sent: sentText,
    filters: JSON.stringify([chip, modality, sort]),
    pages,
    chosen: selectedUid,
    choose: (row) => select(row.studyUid),
  });

  // biome-ignore lint/correctness/useExhaustiveDependencies: another question starts at the top
  useEffect(() => table.current?.scrollToTop(), [question]);
  const open = useCallback(
    (row: WorklistRow) => {
      if (row.identityConflict) toast({ tone: 'warning', text: t('conflictRefused') });
      else onRead(row.studyUid);
    },
    [onRead, t, toast],
  );

  const group = t('keys.group');
  useKeys([
    { id: 'worklist.search', keys: ['/'], label: t('keys.search'), group, run: () => search.current?.focus() },
    {
      id: 'worklist.clear',
      keys: ['escape'],
      label: t('keys.clear'),
      group,
      when: () => text !== '' || chip !== 'all' || modality !== null,
      run: () => clearFilters(),
    },
    {
      id: 'worklist.send',
      keys: ['s'],
      label: t('keys.send'),
      group,
      isHidden: onSend === null,
      when: () => onSend !== null && selectedUid !== null && isAnswered && !isChosenEarly,
      run: () => selectedUid !== null && onSend?.(selectedUid),
    },
  ]);
  const clearFilters = (): void => {
    setText('');
    setChip('all');
    setModality(null);
  };
  const filtered = chip !== 'all' || modality !== null || sentText.trim() !== '';
  const total = pages.total;

  return (
    <div className="worklist">
      <section className="worklist-list" aria-label={t('title')}>
        <div className="worklist-bar">
          <h1>{t('title')}</h1>
          <SearchField
            ref={search}
            label={t('search')}
            clearLabel={t('clearSearch')}
            value={text}
            onChange={setText}
            onLeave={leaveSearch}
          />
          <span className="spacer" />
          <span className="quiet" role="status">
            {total === null || pages.failure ? '' : t('shown', { count: total })}
            {total !== null && !pages.failure && !wide && sort.key === 'receivedAt'
              ? ` · ${t(`received.${sort.direction}`)}`
              : ''}
          </span>
          {canImport ? (
            <Button icon={<IconFileImport size={16} stroke={1.6} />} kbd="i" onClick={onImport}>
              {t('import')}
            </Button>
          ) : null}
        </div>
        <WorklistChips
          counts={counts.data ?? null}
          chip={chip}
          modality={modality}
          onChip={setChip}
          onModality={setModality}
        />
        {pages.failure ? <FailureNotice failure={pages.failure} retry={pages.retry} /> : null}
        {total === null && !pages.failure ? <WaitingRows /> : null}
        {total === 0 && !filtered && !pages.failure ? (
          <EmptyState
            icon={<IconInbox size={40} stroke={1.2} aria-hidden />}
            title={t('empty.title')}
            actions={
              canImport ? (
                <Button variant="primary" kbd="i" onClick={onImport}>
                  {t('empty.import')}
                </Button>
              ) : undefined
            }
          >
            {canImport ? t('empty.text') : t('empty.textNoImport')}
          </EmptyState>
        ) : null}
        {total === 0 && filtered && !pages.failure ? (
          <EmptyState
            icon={<IconFilterOff size={36} stroke={1.2} aria-hidden />}
            title={t('filtered.title')}
            actions={<Button onClick={clearFilters}>{t('filtered.clear')}</Button>}
          >
            {t('filtered.text')}
          </EmptyState>
        ) : null}
        {total !== null && total > 0 ? (
          <VirtualTable<WorklistRow>
            ref={table}
            label={t('title')}
            columns={columns}
            total={total}
            rowAt={pages.rowAt}
            rowKey={(row) => row.studyUid}
            selectedKey={selectedUid}
            onSelect={(row) => select(row.studyUid, !isAnswered)}
            onOpen={open}
            onOpenKey={(studyUid) => {
              // Chosen from the rows of an earlier question: what this one does not list is not read.
              if (isAnswered && !isChosenEarly) onRead(studyUid);
            }}
            onView={setView}
            sort={sort}
            onSort={(key) => setSort(nextSort(sort, key as WorklistSort['key']))}
            rowClass={(row) => (row.identityConflict ? 'conflict' : '')}
            stale={pages.stale}
            isAnswered={isAnswered}
            keyGroup={group}
          />
        ) : null}
      </section>
      <WorklistPreview
        studyUid={selectedUid}
        onRead={onRead}
        onPatient={onPatient}
        onConflict={onConflict}
        onSelect={select}
        onSend={onSend}
      />
    </div>
  );
}

function WaitingRows() {
  return (
    <div className="worklist-waiting" aria-hidden>
      {Array.from({ length: 14 }, (_, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: all alike
        <Skeleton key={index} height={12} width={`${90 - (index % 4) * 9}%`} />
      ))}
    </div>
  );
}
