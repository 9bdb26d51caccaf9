import { IconSend } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { useQueryOf } from '../../api/queries.ts';
import { useCan } from '../../api/session.tsx';
import { Button } from '../../components/Button.tsx';
import { FailureNotice } from '../../components/FailureNotice.tsx';
import { DeliveryStateMark } from './DeliveryStateMark.tsx';
import { useTroubleText } from './troubleText.ts';
import './exchange.css';
import './exchangeParts.css';

interface DeliveryReceiptsProps {
  readonly studyUid: string;
  readonly reportId: string;
  readonly onSend: () => void;
  readonly onQueues: () => void;
}

/** Below a signed report: where it was sent, and whether it arrived there. The newest word for each destination. */
export default function DeliveryReceipts({ studyUid, reportId, onSend, onQueues }: DeliveryReceiptsProps) {
  const { t } = useTranslation('exchange');
  const canSend = useCan('exchange.send');
  const { short } = useTroubleText();
  const deliveries = useQueryOf(
    'exchange.listDeliveries',
    { offset: 0, limit: 200, nodeId: null, studyUid, reportId, states: [] },
    { keepPrevious: true },
  );
  if (deliveries.error) return <FailureNotice failure={deliveries.error} retry={() => void deliveries.refetch()} />;
  const ofReport = deliveries.data?.rows ?? [];
  const newest = ofReport.filter((row, index) => ofReport.findIndex((each) => each.nodeId === row.nodeId) === index);
  return (
    <div className="exchange-receipts">
      {newest.length > 0 ? (
        <ul>
          {newest.map((row) => (
            <li key={row.deliveryId}>
              <button type="button" onClick={onQueues} title={t('receipts.open')}>
                <span className="exchange-receipt-node">{row.nodeName}</span>
                <DeliveryStateMark delivery={row} />
                {row.lastTrouble && row.state !== 'proven' ? (
                  <span className="exchange-sub exchange-receipt-why">{short(row.lastTrouble)}</span>
                ) : null}
              </button>
            </li>
          ))}
        </ul>
      ) : (
        <span className="quiet">{deliveries.data ? t('receipts.none') : ''}</span>
      )}
      {canSend ? (
        <Button size="s" icon={<IconSend size={14} stroke={1.7} />} onClick={onSend}>
          {t('receipts.send')}
        </Button>
      ) : null}
    </div>
  );
}
