import { useTranslation } from 'react-i18next';
import type { DeliveryState } from '../../../app/domains/exchange/exchangeSchema.ts';
import { useFormats } from '../../i18n/formats.ts';
import { useMoment, useNow } from './moments.ts';

/** Beyond this a clock time says more than a count of minutes. */
const countedMs = 3_600_000;

/** When something happens by itself: 'in 40 s', or at what time; for what was sent, when it is checked again. */
export function NextAttempt({ at, state }: { at: number | null; state: DeliveryState }) {
  const { t } = useTranslation('exchange');
  const formats = useFormats();
  const moment = useMoment();
  const now = useNow(at !== null);
  if (at === null || (state !== 'queued' && state !== 'sent')) return null;
  const leftMs = at - now;
  const when =
    leftMs <= 0
      ? t('next.now')
      : leftMs < countedMs
        ? t('next.in', { duration: formats.duration(Math.ceil(leftMs / 1000)) })
        : t('next.at', { time: moment(at) });
  return <span className="exchange-next tabular">{t(`next.${state}`, { when })}</span>;
}
