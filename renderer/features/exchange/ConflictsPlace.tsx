import { IconCircleCheck, IconFilterOff, IconUsers, IconVersions } from '@tabler/icons-react';
import { useEffect, useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import type { ConflictLine } from '../../../app/domains/imaging/conflictSchema.ts';
import { usePagesOf, useView } from '../../api/pages.ts';
import { useQueryOf } from '../../api/queries.ts';
import { Button } from '../../components/Button.tsx';
import { Chip } from '../../components/Chip.tsx';
import { EmptyState } from '../../components/EmptyState.tsx';
import { FailureNotice } from '../../components/FailureNotice.tsx';
import { Skeleton } from '../../components/Skeleton.tsx';
import { type Column, VirtualTable } from '../../components/VirtualTable.tsx';
import { useFormats } from '../../i18n/formats.ts';
import { ConflictDetail } from './ConflictDetail.tsx';
import { useConflictStore } from './conflictStore.ts';
import { useDay } from './moments.ts';
import './conflicts.css';

function useConflictColumns(): readonly Column<ConflictLine>[] {
  const { t } = useTranslation('conflicts');
  const formats = useFormats();
  const day = useDay();
  return [
    {
      key: 'kind',
      header: '',
      width: '34px',
      narrow: true,
      cell: (row) =>
        row.kind === 'identity' ? (
          <IconUsers className="conflict-kind people" size={16} stroke={1.7} aria-label={t('kinds.identity')} />
        ) : (
          <IconVersions className="conflict-kind" size={16} stroke={1.7} aria-label={t('kinds.instance')} />
        ),
      title: (row) => t(`kinds.${row.kind}`),
    },
    {
      key: 'study',
      header: t('columns.study'),
      width: 'minmax(120px, 1fr)',
      cell: (row) => (
        <>
          <span className="exchange-who">{row.displayName || t('unnamed')}</span>
          <span className="exchange-sub"> {describe(row)}</span>
        </>
      ),
      title: (row) =>
        [row.displayName, row.identifier, describe(row), t(`kinds.${row.kind}`)].filter(Boolean).join(' · '),
    },
    {
      key: 'newest',
      header: t('columns.newest'),
      width: '84px',
      align: 'end',
      cell: (row) => <span className="exchange-sub tabular">{day(row.newestAt)}</span>,
      title: (row) => formats.dateTime(row.newestAt),
    },
  ];
}

function describe(row: ConflictLine): string {
  return [row.modalities.join(' '), row.studyDescription].filter(Boolean).join(' · ');
}

/** How many conflicts wait for a person. */
export function useOpenConflicts(): number {
  const open = useQueryOf('imaging.listConflicts', { state: 'open', offset: 0, limit: 1 }, { keepPrevious: true });
  return open.data?.total ?? 0;
}

/** What arrived twice with different content, and studies that name two people: both sides, and a person's decision. */
export function ConflictsPlace() {
  const { t } = useTranslation('conflicts');
  const formats = useFormats();
  const { state, studyUid, chosen, setState, choose, showStudy } = useConflictStore();
  const [view, setView] = useView();
  const columns = useConflictColumns();
  const question = useMemo(() => ({ state, studyUid }), [state, studyUid]);
  const pages = usePagesOf('imaging.listConflicts', question, view);
  const { total } = pages;
  const first = pages.rowAt(0);
  // Coming from a study there is nothing to choose from when it has one conflict alone.
  useEffect(() => {
    if (studyUid !== null && chosen === null && first && !pages.stale)
      choose({ conflictId: first.conflictId, studyUid: first.studyUid });
  }, [studyUid, chosen, first, pages.stale, choose]);
  const group = t('title');
  return (
    <div className="conflict-split">
      <section className="exchange-list" aria-label={t('title')}>
        <div className="exchange-chips" role="toolbar" aria-label={t('chips.label')}>
          {(['open', 'settled'] as const).map((each) => (
            <StateChip key={each} state={each} studyUid={studyUid} on={state === each} onClick={() => setState(each)} />
          ))}
          {studyUid === null ? null : (
            <Button size="s" icon={<IconFilterOff size={14} stroke={1.7} />} onClick={() => showStudy(null)}>
              {t('chips.every')}
            </Button>
          )}
        </div>
        {pages.failure ? <FailureNotice failure={pages.failure} retry={pages.retry} /> : null}
        {total === null && !pages.failure ? <Skeleton height={160} /> : null}
        {total === 0 && !pages.failure ? (
          <EmptyState
            icon={<IconCircleCheck size={36} stroke={1.2} aria-hidden />}
            title={state === 'open' ? t('empty.open') : t('empty.settled')}
          >
            {state === 'open' ? t('empty.openWhat') : t('empty.settledWhat')}
          </EmptyState>
        ) : null}
        {total !== null && total > 0 ? (
          <VirtualTable<ConflictLine>
            label={t('list', { count: total, value: formats.number(total) })}
            columns={columns}
            total={total}
            rowAt={pages.rowAt}
            rowKey={(row) => row.conflictId}
            selectedKey={chosen?.conflictId ?? null}
            onSelect={(row) => choose({ conflictId: row.conflictId, studyUid: row.studyUid })}
            onOpen={(row) => choose({ conflictId: row.conflictId, studyUid: row.studyUid })}
            onView={setView}
            stale={pages.stale}
            keyGroup={group}
          />
        ) : null}
      </section>
      <section className="conflict-side" aria-label={t('detail')}>
        {chosen === null ? (
          <EmptyState title={t('none')}>{t('noneWhat')}</EmptyState>
        ) : (
          <ConflictDetail key={chosen.conflictId} chosen={chosen} />
        )}
      </section>
    </div>
  );
}

interface StateChipProps {
  readonly state: 'open' | 'settled';
  readonly studyUid: string | null;
  readonly on: boolean;
  readonly onClick: () => void;
}

function StateChip({ state, studyUid, on, onClick }: StateChipProps) {
  const { t } = useTranslation('conflicts');
  const formats = useFormats();
  const counted = useQueryOf('imaging.listConflicts', { state, studyUid, offset: 0, limit: 1 }, { keepPrevious: true });
  const count = counted.data?.total;
  return (
    <Chip
      on={on}
      tone={state === 'open' && count ? 'warning' : 'plain'}
      count={count === undefined ? undefined : formats.number(count)}
      onClick={onClick}
    >
      {t(`chips.${state}`)}
    </Chip>
  );
}
