import { IconCircleCheck, IconCircleX, IconPlus, IconServer } from '@tabler/icons-react';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { ExchangeNode } from '../../../app/domains/exchange/exchangeSchema.ts';
import { useQueryOf } from '../../api/queries.ts';
import { useCan } from '../../api/session.tsx';
import { Button } from '../../components/Button.tsx';
import { EmptyState } from '../../components/EmptyState.tsx';
import { FailureNotice } from '../../components/FailureNotice.tsx';
import { useKeys } from '../../components/keys.ts';
import { Skeleton } from '../../components/Skeleton.tsx';
import { type Column, VirtualTable } from '../../components/VirtualTable.tsx';
import { useExchangeStore } from './exchangeStore.ts';
import { useMoment } from './moments.ts';
import { NodeDetail } from './NodeDetail.tsx';
import { NodeDialog } from './NodeDialog.tsx';
import { addressOf } from './nodeForm.ts';

function useNodeColumns(): readonly Column<ExchangeNode>[] {
  const { t } = useTranslation('exchange');
  return [
    {
      key: 'name',
      header: t('columns.name'),
      width: 'minmax(120px, 1fr)',
      cell: (node) => node.name,
      title: (node) => node.name,
    },
    {
      key: 'kind',
      header: t('columns.kind'),
      width: '104px',
      cell: (node) => (node.isDamaged ? '' : t(`kinds.${node.settings.kind}`)),
    },
    {
      key: 'address',
      header: t('columns.address'),
      width: 'minmax(160px, 1.4fr)',
      cell: (node) =>
        node.isDamaged ? (
          <span className="exchange-wrong">{t('node.damaged')}</span>
        ) : (
          <span className="exchange-sub">{addressOf(node.settings)}</span>
        ),
      title: (node) => (node.isDamaged ? t('node.damagedWhat') : addressOf(node.settings)),
    },
    {
      key: 'use',
      header: t('columns.use'),
      width: '216px',
      cell: (node) => {
        const uses = (['send', 'search', 'receive'] as const).filter((use) => node.use[use]);
        return uses.length === 0 ? (
          <span className="exchange-caution">{t('use.none')}</span>
        ) : (
          uses.map((use) => t(`use.${use}`)).join(' · ')
        );
      },
    },
    { key: 'test', header: t('columns.test'), width: 'minmax(150px, 0.8fr)', cell: (node) => <LastTest node={node} /> },
  ];
}

function LastTest({ node }: { node: ExchangeNode }) {
  const { t } = useTranslation('exchange');
  const moment = useMoment();
  if (!node.lastTest) return <span className="exchange-sub">{t('test.never')}</span>;
  const bad = node.lastTest.steps.find((step) => !step.ok);
  return bad ? (
    <span className="exchange-mark wrong">
      <IconCircleX size={15} stroke={1.8} aria-hidden />
      <span>{t('test.failedAt', { step: t(`test.steps.${bad.name}`, { defaultValue: bad.name }) })}</span>
    </span>
  ) : (
    <span className="exchange-mark fine">
      <IconCircleCheck size={15} stroke={1.8} aria-hidden />
      <span>{t('test.fine', { time: moment(node.lastTest.at) })}</span>
    </span>
  );
}

/** The other systems: who they are, what for, and whether they answer. */
export function NodesPlace() {
  const { t } = useTranslation('exchange');
  const canManage = useCan('exchange.manage');
  const nodes = useQueryOf('exchange.listNodes', undefined, { keepPrevious: true });
  const { nodeId, chooseNode } = useExchangeStore();
  /** 'new', or the node as it was when the form was opened: a change of somebody else must not slip under the hands. */
  const [editing, setEditing] = useState<ExchangeNode | 'new' | null>(null);
  const columns = useNodeColumns();
  const rows = useMemo(() => nodes.data ?? [], [nodes.data]);
  const chosen = rows.find((node) => node.nodeId === nodeId);
  const group = t('places.nodes');
  useKeys([
    {
      id: 'exchange.addNode',
      keys: ['n'],
      label: t('nodeForm.add'),
      group,
      isHidden: !canManage,
      when: () => canManage,
      run: () => setEditing('new'),
    },
  ]);
  const add = canManage ? (
    <Button
      variant={rows.length === 0 ? 'primary' : 'default'}
      kbd="n"
      icon={<IconPlus size={15} stroke={1.8} />}
      onClick={() => setEditing('new')}
    >
      {t('nodeForm.add')}
    </Button>
  ) : null;
  return (
    <div className="exchange-split">
      <section className="exchange-list" aria-label={t('places.nodes')}>
        {nodes.error ? <FailureNotice failure={nodes.error} retry={() => void nodes.refetch()} /> : null}
        {!nodes.data && !nodes.error ? <Skeleton height={160} /> : null}
        {nodes.data?.length === 0 ? (
          <EmptyState icon={<IconServer size={36} stroke={1.2} aria-hidden />} title={t('node.empty')} actions={add}>
            {canManage ? t('node.emptyWhat') : t('node.emptyAsk')}
          </EmptyState>
        ) : null}
        {rows.length > 0 ? (
          <>
            <div className="exchange-bar">
              <span className="quiet">{t('node.count', { count: rows.length })}</span>
              <span className="spacer" />
              {add}
            </div>
            <VirtualTable<ExchangeNode>
              label={t('places.nodes')}
              columns={columns}
              total={rows.length}
              rowAt={(index) => rows[index]}
              rowKey={(node) => node.nodeId}
              selectedKey={nodeId}
              onSelect={(node) => chooseNode(node.nodeId)}
              onOpen={(node) => (canManage ? setEditing(node) : chooseNode(node.nodeId))}
              onView={ignoreView}
              keyGroup={group}
            />
          </>
        ) : null}
      </section>
      <aside className="exchange-side" aria-label={t('node.label')}>
        {chosen ? (
          <NodeDetail key={chosen.nodeId} node={chosen} onEdit={() => setEditing(chosen)} />
        ) : (
          <EmptyState title={t('node.none')}>{t('node.noneWhat')}</EmptyState>
        )}
      </aside>
      {editing ? (
        <NodeDialog
          node={editing === 'new' ? null : editing}
          onClose={() => setEditing(null)}
          onSaved={(saved) => {
            setEditing(null);
            chooseNode(saved.nodeId);
          }}
        />
      ) : null}
    </div>
  );
}

/** All the rows are at hand. */
const ignoreView = (): void => undefined;
