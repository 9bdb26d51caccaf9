import { IconCircleCheck, IconCircleX, IconInbox } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { ReceivedAssociation } from '../../../app/domains/exchange/exchangeSchema.ts';
import { usePagesOf, useView } from '../../api/pages.ts';
import { useQueryOf } from '../../api/queries.ts';
import { useCan } from '../../api/session.tsx';
import { EmptyState } from '../../components/EmptyState.tsx';
import { FailureNotice } from '../../components/FailureNotice.tsx';
import { Skeleton } from '../../components/Skeleton.tsx';
import { type Column, VirtualTable } from '../../components/VirtualTable.tsx';
import { useFormats } from '../../i18n/formats.ts';
import { AssociationDetail, useEndingText } from './AssociationDetail.tsx';
import { useExchangeStore } from './exchangeStore.ts';
import { useMoment } from './moments.ts';
import { ReceiverCard } from './ReceiverCard.tsx';

const question = {};

function useAssociationColumns(nodeName: (nodeId: string | null) => string): readonly Column<ReceivedAssociation>[] {
  const { t } = useTranslation('exchange');
  const formats = useFormats();
  const moment = useMoment();
  const endingText = useEndingText();
  const count = (value: number, tone: string) =>
    value === 0 ? <span className="exchange-sub">0</span> : <span className={tone}>{formats.number(value)}</span>;
  return [
    {
      key: 'when',
      header: t('columns.when'),
      width: '150px',
      cell: (row) => <span className="tabular">{moment(row.startedAt)}</span>,
      title: (row) => formats.dateTime(row.startedAt),
    },
    {
      key: 'from',
      header: t('columns.from'),
      width: 'minmax(150px, 1.2fr)',
      cell: (row) => (
        <>
          {nodeName(row.nodeId) || row.callingAe || t(`channel.${row.channel}`)}{' '}
          <span className="exchange-sub">
            {[nodeName(row.nodeId) ? row.callingAe : '', row.address].filter(Boolean).join(' · ')}
          </span>
        </>
      ),
      title: (row) => [nodeName(row.nodeId), row.callingAe, row.address].filter(Boolean).join(' · '),
    },
    { key: 'channel', header: t('columns.channel'), width: '104px', cell: (row) => t(`channel.${row.channel}`) },
    {
      key: 'objects',
      header: t('columns.stored'),
      width: '84px',
      align: 'end',
      cell: (row) => formats.number(row.objects),
      title: (row) => formats.bytes(row.bytes),
    },
    {
      key: 'duplicates',
      header: t('columns.duplicates'),
      width: '84px',
      align: 'end',
      cell: (row) => count(row.duplicates, ''),
    },
    {
      key: 'conflicts',
      header: t('columns.conflicts'),
      width: '76px',
      align: 'end',
      cell: (row) => count(row.conflicts, 'exchange-caution'),
    },
    {
      key: 'refused',
      header: t('columns.refused'),
      width: '76px',
      align: 'end',
      cell: (row) => count(row.refused, 'exchange-wrong'),
    },
    {
      key: 'ending',
      header: t('columns.ending'),
      width: 'minmax(150px, 1fr)',
      cell: (row) => (
        <span className={row.ending === 'released' ? 'exchange-mark fine' : 'exchange-mark wrong'}>
          {row.ending === 'released' ? (
            <IconCircleCheck size={15} stroke={1.8} aria-hidden />
          ) : (
            <IconCircleX size={15} stroke={1.8} aria-hidden />
          )}
          <span>{endingText(row)}</span>
        </span>
      ),
      title: endingText,
    },
  ];
}

/** Whether this workstation listens, to whom, and what came in. */
export function ReceivingPlace({ onConflicts, onNodes }: { onConflicts: () => void; onNodes: () => void }) {
  const { t } = useTranslation('exchange');
  const receiver = useQueryOf('exchange.receiver', undefined, { keepPrevious: true });
  const nodes = useQueryOf('exchange.listNodes', undefined, { keepPrevious: true });
  const { associationId, chooseAssociation } = useExchangeStore();
  const canManage = useCan('exchange.manage');
  const [view, setView] = useView();
  /** The row as it was chosen: an association that has ended does not change any more. */
  const [chosen, setChosen] = useState<ReceivedAssociation | null>(null);
  const pages = usePagesOf('exchange.associations', question, view);
  const nodeName = (nodeId: string | null): string =>
    nodeId === null ? '' : (nodes.data?.find((node) => node.nodeId === nodeId)?.name ?? t('node.gone'));
  const columns = useAssociationColumns(nodeName);
  const isOff = receiver.data?.state === 'off' && receiver.data.settings.watchedFolders.length === 0;
  const select = (row: ReceivedAssociation): void => {
    chooseAssociation(row.associationId);
    setChosen(row);
  };
  const shown = chosen?.associationId === associationId ? chosen : null;
  return (
    <div className="exchange-split">
      <section className="exchange-list" aria-label={t('receiving.log')}>
        {pages.failure ? <FailureNotice failure={pages.failure} retry={pages.retry} /> : null}
        {pages.total === null && !pages.failure ? <Skeleton height={160} /> : null}
        {pages.total === 0 && !pages.failure ? (
          <EmptyState icon={<IconInbox size={36} stroke={1.2} aria-hidden />} title={t('receiving.empty')}>
            {!isOff ? t('receiving.emptyWhat') : canManage ? t('receiving.emptyOff') : t('receiving.emptyAsk')}
          </EmptyState>
        ) : null}
        {pages.total !== null && pages.total > 0 ? (
          <VirtualTable<ReceivedAssociation>
            label={t('receiving.log')}
            columns={columns}
            total={pages.total}
            rowAt={pages.rowAt}
            rowKey={(row) => row.associationId}
            selectedKey={associationId}
            onSelect={select}
            onOpen={select}
            onView={setView}
            stale={pages.stale}
            keyGroup={t('places.receiving')}
          />
        ) : null}
      </section>
      <aside className="exchange-side" aria-label={t('places.receiving')}>
        {receiver.error ? <FailureNotice failure={receiver.error} retry={() => void receiver.refetch()} /> : null}
        {receiver.data ? (
          <ReceiverCard
            receiver={receiver.data}
            senders={(nodes.data ?? []).filter((node) => node.use.receive).length}
            onNodes={onNodes}
          >
            {shown ? (
              <AssociationDetail association={shown} nodeName={nodeName(shown.nodeId)} onConflicts={onConflicts} />
            ) : null}
          </ReceiverCard>
        ) : receiver.error ? null : (
          <Skeleton height={120} />
        )}
      </aside>
    </div>
  );
}
