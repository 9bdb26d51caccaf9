import { IconCircleCheckFilled, IconCircleHalf2, IconSearch, IconServerOff, IconZoomCancel } from '@tabler/icons-react';
import { useCallback, useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Found } from '../../../app/domains/exchange/exchangeSchema.ts';
import { useApi } from '../../api/ApiProvider.tsx';
import { isActive, useJobs } from '../../api/jobWatch.ts';
import { useQueryOf } from '../../api/queries.ts';
import { useCan } from '../../api/session.tsx';
import { Button } from '../../components/Button.tsx';
import { EmptyState } from '../../components/EmptyState.tsx';
import { FailureNotice } from '../../components/FailureNotice.tsx';
import { useKeys } from '../../components/keys.ts';
import { Skeleton } from '../../components/Skeleton.tsx';
import { type Column, VirtualTable, type VirtualTableHandle } from '../../components/VirtualTable.tsx';
import { useFormats } from '../../i18n/formats.ts';
import { FetchDialog } from './FetchDialog.tsx';
import { foundKey, hereState, queryOfForm, readableName } from './findQuestion.ts';
import { startFind, stopFind, useFindStore } from './findStore.ts';
import { NodeAnswers } from './NodeAnswers.tsx';
import { SearchForm } from './SearchForm.tsx';

function useFoundColumns(nameOf: (nodeId: string) => string): readonly Column<Found>[] {
  const { t } = useTranslation('exchange');
  const formats = useFormats();
  const dash = <span className="exchange-sub">—</span>;
  return [
    { key: 'node', header: t('columns.node'), width: 'minmax(90px, 0.6fr)', cell: (row) => nameOf(row.nodeId) },
    {
      key: 'here',
      header: t('columns.here'),
      width: '132px',
      cell: (row) => <HereMark row={row} />,
    },
    {
      key: 'patient',
      header: t('columns.patient'),
      width: 'minmax(150px, 1.2fr)',
      cell: (row) => readableName(row.patientName) || <span className="quiet">{t('study.unnamed')}</span>,
      title: (row) => readableName(row.patientName),
    },
    {
      key: 'born',
      header: t('columns.born'),
      width: '122px',
      cell: (row) => (
        <span className="exchange-sub tabular">
          {[formats.sex(row.sex), row.birthDate ? formats.date(row.birthDate) : ''].filter(Boolean).join(' ') || '—'}
        </span>
      ),
    },
    {
      key: 'identifier',
      header: t('columns.identifier'),
      width: 'minmax(90px, 0.7fr)',
      cell: (row) => row.patientId || dash,
      title: (row) => [row.patientId, row.issuer].filter(Boolean).join(' · '),
    },
    {
      key: 'modality',
      header: t('columns.modality'),
      width: '60px',
      cell: (row) => row.modalities.join(' ') || '—',
      title: (row) => row.modalities.join(', '),
    },
    {
      key: 'description',
      header: t('columns.description'),
      width: 'minmax(110px, 1fr)',
      cell: (row) => row.studyDescription || dash,
      title: (row) => row.studyDescription,
    },
    {
      key: 'date',
      header: t('columns.date'),
      width: '150px',
      cell: (row) => (
        <span className="exchange-sub tabular">
          {[row.studyDate ? formats.date(row.studyDate) : '', formats.time(row.studyTime)].filter(Boolean).join(' ') ||
            '—'}
        </span>
      ),
    },
    {
      key: 'accession',
      header: t('columns.accession'),
      width: '104px',
      cell: (row) => row.accessionNumber || dash,
      title: (row) => row.accessionNumber,
    },
    {
      key: 'images',
      header: t('columns.objects'),
      width: '66px',
      align: 'end',
      cell: (row) => (row.instanceCount === null ? '?' : formats.number(row.instanceCount)),
      title: (row) => (row.instanceCount === null ? t('find.uncounted') : ''),
    },
  ];
}

/** How much of it is on this machine, and what its fetch is doing. */
function HereMark({ row }: { row: Found }) {
  const { t } = useTranslation('exchange');
  const formats = useFormats();
  const started = useFindStore((state) => state.fetches.get(foundKey(row)));
  const jobId = started?.jobId;
  const jobs = useJobs();
  const job = jobId ? jobs.find((each) => each.jobId === jobId) : undefined;
  if (jobId && (!job || isActive(job)))
    return (
      <span className="exchange-here">
        <span className="btn-spin" aria-hidden /> {t('here.fetching')}
      </span>
    );
  if (job && job.state !== 'done') return <span className="exchange-wrong">{t('here.failed')}</span>;
  // A fetch is done when as many objects are here as the node has of what was asked for.
  if (job && !started?.isWhole) return <span className="exchange-here part">{t('here.series')}</span>;
  const here = job ? 'whole' : hereState(row);
  if (here === 'none') return <span className="exchange-sub">—</span>;
  if (here === 'whole')
    return (
      <span className="exchange-here whole">
        <IconCircleCheckFilled size={15} aria-hidden /> {t('here.whole')}
      </span>
    );
  return (
    <span className="exchange-here part">
      <IconCircleHalf2 size={15} stroke={1.8} aria-hidden />
      {row.instanceCount === null
        ? t('here.some', { here: formats.number(row.hereCount) })
        : t('here.part', { here: formats.number(row.hereCount), total: formats.number(row.instanceCount) })}
    </span>
  );
}

/** What other systems have: asked of several at once, brought here on request. */
export function SearchPlace({ onRead, onNodes }: { onRead: (studyUid: string) => void; onNodes: () => void }) {
  const { t } = useTranslation('exchange');
  const { client } = useApi();
  const canSearch = useCan('exchange.search');
  const canManage = useCan('exchange.manage');
  const nodes = useQueryOf('exchange.listNodes', undefined, { keepPrevious: true });
  const { form, leftOut, rows, asked, answers, isRunning, failure, chosen } = useFindStore();
  const [fetching, setFetching] = useState<Found | null>(null);
  const first = useRef<HTMLInputElement>(null);
  const table = useRef<VirtualTableHandle>(null);
  const searchable = (nodes.data ?? []).filter((node) => node.use.search);
  const nameOf = useCallback(
    (nodeId: string) => nodes.data?.find((node) => node.nodeId === nodeId)?.name ?? t('node.gone'),
    [nodes.data, t],
  );
  const columns = useFoundColumns(nameOf);
  useEffect(() => first.current?.focus(), []);
  const search = (): void => {
    const nodeIds = searchable.filter((node) => !leftOut.has(node.nodeId)).map((node) => node.nodeId);
    if (nodeIds.length > 0) void startFind(client, nodeIds, queryOfForm(form));
  };
  const group = t('places.search');
  useKeys([
    { id: 'exchange.find', keys: ['/'], label: t('keys.search'), group, run: () => first.current?.focus() },
    {
      id: 'exchange.stop',
      keys: ['escape'],
      label: t('find.stop'),
      group,
      inFields: true,
      when: () => isRunning,
      run: stopFind,
    },
    {
      id: 'exchange.toRows',
      keys: ['arrowdown'],
      label: t('keys.toRows'),
      group,
      inFields: true,
      // From the form into what was found.
      when: () => rows.length > 0 && document.activeElement instanceof HTMLInputElement,
      run: () => {
        table.current?.focus();
        const [row] = rows;
        if (row && chosen === null) useFindStore.setState({ chosen: foundKey(row) });
      },
    },
  ]);
  if (!canSearch)
    return (
      <EmptyState icon={<IconServerOff size={36} stroke={1.2} aria-hidden />} title={t('find.notAllowed')}>
        {t('notAllowedWhat')}
      </EmptyState>
    );
  if (nodes.error) return <FailureNotice failure={nodes.error} retry={() => void nodes.refetch()} />;
  if (!nodes.data) return <Skeleton height={160} />;
  if (searchable.length === 0)
    return (
      <EmptyState
        icon={<IconServerOff size={36} stroke={1.2} aria-hidden />}
        title={t('find.noNodes')}
        actions={canManage ? <Button onClick={onNodes}>{t('queues.toNodes')}</Button> : undefined}
      >
        {canManage ? t('find.noNodesWhat') : t('find.noNodesAsk')}
      </EmptyState>
    );
  return (
    <section className="exchange-list wide" aria-label={t('places.search')}>
      <SearchForm nodes={searchable} onSearch={search} onStop={stopFind} first={first} />
      <NodeAnswers asked={asked} answers={answers} rows={rows} nameOf={nameOf} counted="found" />
      {failure ? <FailureNotice failure={failure} retry={search} /> : null}
      {asked.length === 0 ? (
        <EmptyState icon={<IconSearch size={36} stroke={1.2} aria-hidden />} title={t('find.start')}>
          {t('find.startWhat')}
        </EmptyState>
      ) : null}
      {asked.length > 0 && rows.length === 0 && !isRunning && !failure ? (
        <EmptyState icon={<IconZoomCancel size={36} stroke={1.2} aria-hidden />} title={t('find.none')}>
          {t('find.noneWhat')}
        </EmptyState>
      ) : null}
      {rows.length > 0 ? (
        <VirtualTable<Found>
          ref={table}
          label={t('find.results')}
          columns={columns}
          total={rows.length}
          rowAt={(index) => rows[index]}
          rowKey={foundKey}
          selectedKey={chosen}
          onSelect={(row) => useFindStore.setState({ chosen: foundKey(row) })}
          onOpen={setFetching}
          onView={ignoreView}
          keyGroup={group}
        />
      ) : null}
      {fetching ? (
        <FetchDialog
          found={fetching}
          nodeName={nameOf(fetching.nodeId)}
          onClose={() => setFetching(null)}
          onRead={onRead}
        />
      ) : null}
    </section>
  );
}

/** All the rows are at hand. */
const ignoreView = (): void => undefined;
