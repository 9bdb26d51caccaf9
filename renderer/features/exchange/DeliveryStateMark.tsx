import {
  IconAlertTriangle,
  IconBan,
  IconCircleCheckFilled,
  IconCircleDashed,
  IconCircleX,
  IconClock,
  IconHandStop,
  IconUpload,
} from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import type { Delivery } from '../../../app/domains/exchange/exchangeSchema.ts';
import { useFormats } from '../../i18n/formats.ts';
import { type ShownState, shownState } from './deliveryView.ts';
import { useDay } from './moments.ts';

/** One shape each: only what is proven has a tick, and only it is filled. */
const icons: Readonly<Record<ShownState, typeof IconClock>> = {
  queued: IconClock,
  sending: IconUpload,
  sent: IconCircleDashed,
  proven: IconCircleCheckFilled,
  refused: IconCircleX,
  failed: IconAlertTriangle,
  cancelled: IconBan,
  held: IconHandStop,
};

type MarkedDelivery = Pick<Delivery, 'state' | 'instances' | 'sent' | 'endedAt' | 'nextAttemptAt'>;

/** The state of a delivery in a word, for a list and for who does not see the mark. */
export function useStateText(): (delivery: MarkedDelivery) => string {
  const { t } = useTranslation('exchange');
  const formats = useFormats();
  const day = useDay();
  return (delivery) => {
    const { instances, sent, endedAt } = delivery;
    const state = shownState(delivery);
    if (state === 'sending')
      return t('state.sending', {
        percent: formats.number(instances === 0 ? 0 : Math.floor((sent / instances) * 100)),
      });
    if (state === 'proven') return t('state.proven', { time: endedAt === null ? '' : day(endedAt) }).trim();
    return t(`state.${state}`);
  };
}

export function DeliveryStateMark({ delivery }: { delivery: MarkedDelivery }) {
  const stateText = useStateText();
  const state = shownState(delivery);
  const Icon = icons[state];
  return (
    <span className={`exchange-state ${state}`}>
      <Icon size={16} stroke={1.8} aria-hidden />
      <span>{stateText(delivery)}</span>
    </span>
  );
}
