import { IconCircleCheckFilled, IconCircleDashed, IconCircleX, IconClock } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { dimseStatusText } from '../../../app/domains/exchange/dimseStatuses.ts';
import type { DeliveredInstance } from '../../../app/domains/exchange/exchangeSchema.ts';
import { Button } from '../../components/Button.tsx';
import { useFormats } from '../../i18n/formats.ts';
import { firstSentence, useDetailLines, useTroubleText } from './troubleText.ts';

/** Objects on one page of the list. */
export const instancesAPage = 50;

const icons = {
  queued: IconClock,
  sent: IconCircleDashed,
  proven: IconCircleCheckFilled,
  refused: IconCircleX,
  failed: IconCircleX,
} as const;

interface DeliveredInstancesProps {
  readonly rows: readonly DeliveredInstance[];
  readonly total: number;
  readonly offset: number;
  readonly onPage: (offset: number) => void;
}

/** The result for each object, so that a person sees which are there and which are not. */
export function DeliveredInstances({ rows, total, offset, onPage }: DeliveredInstancesProps) {
  const { t } = useTranslation('exchange');
  const formats = useFormats();
  const { whole } = useTroubleText();
  const detailLines = useDetailLines();
  if (rows.length === 0) return null;
  return (
    <section className="exchange-section">
      <h2 className="label">{t('instances.title')}</h2>
      <ul className="exchange-instances">
        {rows.map((row) => {
          const Icon = icons[row.state];
          const answer = row.code ? whole({ code: row.code, details: {} }) : '';
          const why = row.reason === null ? '' : (detailLines({ reason: row.reason })[0]?.[1] ?? '');
          const stored = row.storedUid === null ? '' : t('instances.stored', { uid: row.storedUid });
          return (
            <li key={row.sopUid} title={[row.sopUid, stored, answer].filter(Boolean).join('\n')}>
              <span className={`exchange-state ${row.state}`}>
                <Icon size={14} stroke={1.8} aria-hidden />
                {t(`instances.state.${row.state}`)}
              </span>
              <span className="exchange-uid">…{row.sopUid.slice(-14)}</span>
              <span className="exchange-sub exchange-answer">
                {[
                  row.status ? dimseStatusText(row.status) : '',
                  why || (answer ? firstSentence(answer) : ''),
                  row.transcodedTo ? t('instances.transcoded') : '',
                ]
                  .filter(Boolean)
                  .join(' · ')}
              </span>
            </li>
          );
        })}
      </ul>
      {total > instancesAPage ? (
        <div className="exchange-pages">
          <Button size="s" disabled={offset === 0} onClick={() => onPage(Math.max(0, offset - instancesAPage))}>
            {t('instances.before')}
          </Button>
          <span className="quiet">
            {t('instances.range', {
              first: formats.number(offset + 1),
              last: formats.number(offset + rows.length),
              total: formats.number(total),
            })}
          </span>
          <Button size="s" disabled={offset + rows.length >= total} onClick={() => onPage(offset + instancesAPage)}>
            {t('instances.after')}
          </Button>
        </div>
      ) : null}
    </section>
  );
}
