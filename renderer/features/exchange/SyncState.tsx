import { IconAlertTriangle, IconCircleCheckFilled, IconClock } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import type { DeliveryState } from '../../../app/domains/exchange/exchangeSchema.ts';
import { useQueryOf } from '../../api/queries.ts';
import { useCan } from '../../api/session.tsx';
import { useFormats } from '../../i18n/formats.ts';
import { questionOfChip, useExchangeStore } from './exchangeStore.ts';
import { useMoment } from './moments.ts';
import './syncState.css';

const none = { offset: 0, limit: 1, nodeId: null, studyUid: null };

/** Whether everything that was sent has arrived, for the top bar. Says nothing where nothing was ever sent. */
export function SyncState({ onOpen }: { onOpen: () => void }) {
  const { t } = useTranslation('exchange');
  const formats = useFormats();
  const moment = useMoment();
  const setChip = useExchangeStore((state) => state.setChip);
  const enabled = useCan('studies.read');
  const options = { enabled, keepPrevious: true };
  const attention = useQueryOf('exchange.listDeliveries', { ...none, ...questionOfChip('attention') }, options);
  const onTheWay: DeliveryState[] = ['queued', 'sending', 'sent'];
  const waiting = useQueryOf('exchange.listDeliveries', { ...none, states: onTheWay }, options);
  const proven = useQueryOf('exchange.listDeliveries', { ...none, states: ['proven'] }, options);
  if (!enabled || !attention.data || !waiting.data || !proven.data) return null;
  // What is held counts as waiting too; it is said first, so the other figure is never shown beside it.
  const [wrong, open] = [attention.data.total, waiting.data.total];
  const last = proven.data.rows[0];
  if (wrong === 0 && open === 0 && !last) return null;
  const words =
    wrong > 0
      ? t('sync.attention', { count: wrong, value: formats.number(wrong) })
      : open > 0
        ? t('sync.waiting', { count: open, value: formats.number(open) })
        : t('sync.delivered', { time: last ? moment(last.endedAt ?? last.createdAt) : '' });
  return (
    <button
      type="button"
      className={`exchange-sync ${wrong > 0 ? 'wrong' : open > 0 ? 'open' : 'done'}`}
      title={t('sync.open')}
      onClick={() => {
        setChip(wrong > 0 ? 'attention' : 'all');
        onOpen();
      }}
    >
      {wrong > 0 ? (
        <IconAlertTriangle size={15} stroke={1.8} aria-hidden />
      ) : open > 0 ? (
        <IconClock size={15} stroke={1.8} aria-hidden />
      ) : (
        <IconCircleCheckFilled size={15} aria-hidden />
      )}
      {words}
    </button>
  );
}
