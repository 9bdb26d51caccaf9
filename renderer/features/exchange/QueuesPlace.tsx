import { IconFilterOff, IconSend, IconUserOff } from '@tabler/icons-react';
import { useEffect, useMemo, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import type { Delivery } from '../../../app/domains/exchange/exchangeSchema.ts';
import { usePagesOf, useView } from '../../api/pages.ts';
import { useQueryOf } from '../../api/queries.ts';
import { useCan } from '../../api/session.tsx';
import { Button } from '../../components/Button.tsx';
import { Chip } from '../../components/Chip.tsx';
import { EmptyState } from '../../components/EmptyState.tsx';
import { FailureNotice } from '../../components/FailureNotice.tsx';
import { useKeys } from '../../components/keys.ts';
import { Skeleton } from '../../components/Skeleton.tsx';
import { type Column, VirtualTable, type VirtualTableHandle } from '../../components/VirtualTable.tsx';
import { useFormats } from '../../i18n/formats.ts';
import { DeliveryDetail } from './DeliveryDetail.tsx';
import { DeliveryStateMark, useStateText } from './DeliveryStateMark.tsx';
import { shownState } from './deliveryView.ts';
import { type QueueChip, questionOfChip, useExchangeStore } from './exchangeStore.ts';
import { useDay } from './moments.ts';
import { NextAttempt } from './NextAttempt.tsx';
import { StudyLine } from './StudyLine.tsx';
import { useTroubleText } from './troubleText.ts';

const order: readonly QueueChip[] = ['all', 'waiting', 'unproven', 'attention', 'proven', 'cancelled'];

function useQueueColumns(): readonly Column<Delivery>[] {
  const { t } = useTranslation('exchange');
  const formats = useFormats();
  const day = useDay();
  const stateText = useStateText();
  const trouble = useTroubleText();
  return [
    {
      key: 'state',
      header: t('columns.state'),
      width: '182px',
      cell: (row) => <DeliveryStateMark delivery={row} />,
      title: (row) => `${stateText(row)}. ${t(`stateWhat.${shownState(row)}`)}`,
    },
    {
      key: 'node',
      header: t('columns.node'),
      width: 'minmax(100px, 0.7fr)',
      cell: (row) => row.nodeName,
      title: (row) => row.nodeName,
    },
    {
      key: 'study',
      header: t('columns.study'),
      width: 'minmax(180px, 1.6fr)',
      cell: (row) => (
        <>
          {row.deidentified ? (
            <span title={t('what.deidentified')}>
              <IconUserOff className="exchange-report" size={15} stroke={1.6} aria-label={t('what.deidentified')} />
            </span>
          ) : null}
          <StudyLine studyUid={row.studyUid} isReport={row.reportId !== null} />
        </>
      ),
    },
    {
      key: 'count',
      header: t('columns.proven'),
      width: '108px',
      align: 'end',
      cell: (row) => (
        <span className="tabular">
          {t('ofTotal', { done: formats.number(row.proven), total: formats.number(row.instances) })}
        </span>
      ),
      title: (row) =>
        t('countTitle', {
          proven: formats.number(row.proven),
          sent: formats.number(row.sent),
          refused: formats.number(row.refused),
          total: formats.number(row.instances),
        }),
    },
    {
      key: 'trouble',
      header: t('columns.trouble'),
      width: 'minmax(150px, 1.4fr)',
      cell: (row) => (
        <>
          <NextAttempt at={row.nextAttemptAt} state={row.state} />
          {row.lastTrouble && row.state !== 'proven' ? (
            <span className="exchange-sub">{trouble.short(row.lastTrouble)}</span>
          ) : null}
        </>
      ),
      title: (row) => (row.lastTrouble ? trouble.whole(row.lastTrouble) : ''),
    },
    {
      key: 'created',
      header: t('columns.created'),
      width: '92px',
      align: 'end',
      cell: (row) => <span className="exchange-sub tabular">{day(row.createdAt)}</span>,
      title: (row) => `${formats.dateTime(row.createdAt)} · ${row.createdBy}`,
    },
  ];
}

/** What is on its way to others, newest first, and what came of it. Nothing counts as delivered that is not proven. */
export function QueuesPlace({ onNodes }: { onNodes: () => void }) {
  const { t } = useTranslation('exchange');
  const { chip, queueNodeId, deliveryId, setChip, setQueueNodeId, chooseDelivery } = useExchangeStore();
  const canManage = useCan('exchange.manage');
  const [view, setView] = useView();
  const table = useRef<VirtualTableHandle>(null);
  const columns = useQueueColumns();
  const nodes = useQueryOf('exchange.listNodes', undefined);
  const question = useMemo(
    () => ({ nodeId: queueNodeId, studyUid: null, ...questionOfChip(chip) }),
    [queueNodeId, chip],
  );
  const pages = usePagesOf('exchange.listDeliveries', question, view);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another question starts at the top
  useEffect(() => table.current?.scrollToTop(), [question]);
  const filtered = chip !== 'all' || queueNodeId !== null;
  const clear = (): void => {
    setChip('all');
    setQueueNodeId(null);
  };
  const group = t('places.queues');
  useKeys([
    { id: 'exchange.clear', keys: ['escape'], label: t('keys.clear'), group, when: () => filtered, run: clear },
  ]);
  const { total } = pages;
  const senders = (nodes.data ?? []).filter((node) => node.use.send);
  return (
    <div className="exchange-split">
      <section className="exchange-list" aria-label={t('places.queues')}>
        <div className="exchange-chips" role="toolbar" aria-label={t('chips.label')}>
          {order.map((each) => (
            <StateChip
              key={each}
              chip={each}
              nodeId={queueNodeId}
              on={chip === each}
              onClick={() => setChip(chip === each ? 'all' : each)}
            />
          ))}
          {senders.length > 1 ? (
            <select
              className="input exchange-node-filter"
              aria-label={t('chips.node')}
              value={queueNodeId ?? ''}
              onChange={(event) => setQueueNodeId(event.target.value || null)}
            >
              <option value="">{t('chips.everyNode')}</option>
              {senders.map((node) => (
                <option key={node.nodeId} value={node.nodeId}>
                  {node.name}
                </option>
              ))}
            </select>
          ) : null}
        </div>
        {pages.failure ? <FailureNotice failure={pages.failure} retry={pages.retry} /> : null}
        {total === null && !pages.failure ? <Skeleton height={180} /> : null}
        {total === 0 && !pages.failure ? (
          filtered ? (
            <EmptyState
              icon={<IconFilterOff size={36} stroke={1.2} aria-hidden />}
              title={t('queues.filtered')}
              actions={<Button onClick={clear}>{t('queues.clear')}</Button>}
            />
          ) : (
            <EmptyState
              icon={<IconSend size={36} stroke={1.2} aria-hidden />}
              title={t('queues.empty')}
              actions={
                canManage && nodes.data?.length === 0 ? (
                  <Button onClick={onNodes}>{t('queues.toNodes')}</Button>
                ) : undefined
              }
            >
              {nodes.data?.length !== 0
                ? t('queues.emptyWhat')
                : canManage
                  ? t('queues.emptyNoNode')
                  : t('queues.emptyAsk')}
            </EmptyState>
          )
        ) : null}
        {total !== null && total > 0 ? (
          <VirtualTable<Delivery>
            ref={table}
            label={t('places.queues')}
            columns={columns}
            total={total}
            rowAt={pages.rowAt}
            rowKey={(row) => row.deliveryId}
            selectedKey={deliveryId}
            onSelect={(row) => chooseDelivery(row.deliveryId)}
            onOpen={(row) => chooseDelivery(row.deliveryId)}
            onView={setView}
            stale={pages.stale}
            keyGroup={group}
          />
        ) : null}
      </section>
      <aside className="exchange-side" aria-label={t('delivery.label')}>
        {deliveryId === null ? (
          <EmptyState title={t('delivery.none')}>{t('delivery.noneWhat')}</EmptyState>
        ) : (
          <DeliveryDetail key={deliveryId} deliveryId={deliveryId} />
        )}
      </aside>
    </div>
  );
}

interface StateChipProps {
  readonly chip: QueueChip;
  readonly nodeId: string | null;
  readonly on: boolean;
  readonly onClick: () => void;
}

/** A filter with how many it would show. */
function StateChip({ chip, nodeId, on, onClick }: StateChipProps) {
  const { t } = useTranslation('exchange');
  const formats = useFormats();
  const question = { offset: 0, limit: 1, nodeId, studyUid: null, ...questionOfChip(chip) };
  const counted = useQueryOf('exchange.listDeliveries', question, { keepPrevious: true });
  const count = counted.data?.total;
  return (
    <Chip
      on={on}
      tone={chip === 'attention' && count ? 'danger' : 'plain'}
      count={count === undefined ? undefined : formats.number(count)}
      onClick={onClick}
    >
      {t(`chips.${chip}`)}
    </Chip>
  );
}
