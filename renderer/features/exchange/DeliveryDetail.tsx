import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Delivery } from '../../../app/domains/exchange/exchangeSchema.ts';
import { useCommandOf, useQueryOf } from '../../api/queries.ts';
import { useCan } from '../../api/session.tsx';
import { Button } from '../../components/Button.tsx';
import { ConfirmDialog } from '../../components/Dialog.tsx';
import { FailureNotice, useFailureText } from '../../components/FailureNotice.tsx';
import { useKeys } from '../../components/keys.ts';
import { Notice } from '../../components/Notice.tsx';
import { ProgressBar } from '../../components/ProgressBar.tsx';
import { Skeleton } from '../../components/Skeleton.tsx';
import { useToast } from '../../components/Toast.tsx';
import { useFormats } from '../../i18n/formats.ts';
import { DeliveredInstances, instancesAPage } from './DeliveredInstances.tsx';
import { DeliveryStateMark } from './DeliveryStateMark.tsx';
import { isAllKeptBack, needsAttention, shownState } from './deliveryView.ts';
import { NextAttempt } from './NextAttempt.tsx';
import { useStudyWords } from './StudyLine.tsx';
import { useDetailLines, useTroubleText } from './troubleText.ts';

const retried: readonly Delivery['state'][] = ['queued', 'sent', 'refused', 'failed', 'cancelled'];
const cancelled: readonly Delivery['state'][] = ['queued', 'sending', 'sent', 'refused', 'failed'];

/** One delivery beside the list: how it stands, what was answered, what a person can do, and each object. */
export function DeliveryDetail({ deliveryId }: { deliveryId: string }) {
  const { t } = useTranslation('exchange');
  const formats = useFormats();
  const [offset, setOffset] = useState(0);
  const detail = useQueryOf(
    'exchange.getDelivery',
    { deliveryId, offset, limit: instancesAPage },
    { keepPrevious: true },
  );
  if (detail.error) return <FailureNotice failure={detail.error} retry={() => void detail.refetch()} />;
  const delivery = detail.data;
  if (!delivery) return <Skeleton height={220} />;
  const facts: readonly (readonly [string, string])[] = [
    [t('delivery.to'), delivery.nodeName],
    [t('delivery.what'), delivery.reportId === null ? t('what.images') : t('what.report')],
    [t('delivery.identity'), delivery.deidentified ? t('what.deidentified') : ''],
    [t('delivery.size'), formats.bytes(delivery.bytes)],
    [t('delivery.asked'), `${formats.dateTime(delivery.createdAt)} · ${delivery.createdBy}`],
    [t('delivery.attempts'), formats.number(delivery.attempts)],
    [t('delivery.ended'), delivery.endedAt === null ? '' : formats.dateTime(delivery.endedAt)],
    [t('delivery.proof'), delivery.proof === null ? '' : t(`proof.${delivery.proof}`)],
  ];
  return (
    <>
      <Whose studyUid={delivery.studyUid} />
      <div className={`exchange-verdict ${shownState(delivery)}`} role="status">
        <DeliveryStateMark delivery={delivery} />
        <p>{t(isAllKeptBack(delivery) ? 'stateWhat.keptBack' : `stateWhat.${shownState(delivery)}`)}</p>
        <NextAttempt at={delivery.nextAttemptAt} state={delivery.state} />
      </div>
      <Figures delivery={delivery} />
      {delivery.lastTrouble ? <LastTrouble delivery={delivery} trouble={delivery.lastTrouble} /> : null}
      <dl className="exchange-facts">
        {facts
          .filter(([, value]) => value !== '')
          .map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
      </dl>
      <DeliveredInstances rows={delivery.rows} total={delivery.instances} offset={offset} onPage={setOffset} />
      <Actions delivery={delivery} />
    </>
  );
}

function Whose({ studyUid }: { studyUid: string }) {
  const words = useStudyWords(studyUid);
  if (!words) return <Skeleton height={36} />;
  if (words.failure) return <FailureNotice failure={words.failure} retry={words.retry} />;
  return (
    <div className="exchange-whose">
      <b>{words.who}</b>
      <span className="quiet">{words.what}</span>
    </div>
  );
}

function Figures({ delivery }: { delivery: Delivery }) {
  const { t } = useTranslation('exchange');
  const formats = useFormats();
  const figures: readonly (readonly [string, number])[] = [
    [t('figures.proven'), delivery.proven],
    [t('figures.sent'), delivery.sent],
    [t('figures.refused'), delivery.refused],
    [t('figures.total'), delivery.instances],
  ];
  return (
    <div className="exchange-figures">
      <ProgressBar
        fraction={delivery.instances === 0 ? 0 : delivery.proven / delivery.instances}
        label={t('figures.proven')}
      />
      <dl>
        {figures.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{formats.number(value)}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}

function LastTrouble({ delivery, trouble }: { delivery: Delivery; trouble: NonNullable<Delivery['lastTrouble']> }) {
  const { t } = useTranslation('exchange');
  const formats = useFormats();
  const { whole } = useTroubleText();
  const detailLines = useDetailLines();
  // What is proven by now had trouble on the way: worth knowing, nothing to see to.
  const isOver = delivery.state === 'proven' || delivery.state === 'cancelled';
  const isStopped = needsAttention(delivery);
  const details = detailLines(trouble.details);
  return (
    <Notice
      severity={isStopped ? 'block' : isOver ? 'inform' : 'caution'}
      title={t('delivery.trouble', { time: formats.dateTime(trouble.at) })}
    >
      {whole(trouble)}
      {details.length > 0 ? (
        <span className="exchange-details">{details.map(([name, value]) => `${name} ${value}`).join(' · ')}</span>
      ) : null}
    </Notice>
  );
}

function Actions({ delivery }: { delivery: Delivery }) {
  const { t } = useTranslation('exchange');
  const toast = useToast();
  const failureText = useFailureText();
  const canSend = useCan('exchange.send');
  const retry = useCommandOf('exchange.retryDelivery');
  const cancel = useCommandOf('exchange.cancelDelivery');
  const [asking, setAsking] = useState(false);
  const { deliveryId, state } = delivery;
  const mayRetry = canSend && retried.includes(state);
  const mayCancel = canSend && cancelled.includes(state);
  const isStopped = needsAttention(delivery);
  const onError = (failure: unknown): void => toast({ tone: 'danger', text: failureText(failure) });
  const again = (): void => retry.mutate({ deliveryId }, { onError });
  const group = t('places.queues');
  useKeys([
    {
      id: 'exchange.retry',
      keys: ['r'],
      label: t('delivery.retry'),
      group,
      isHidden: !mayRetry,
      when: () => mayRetry && !retry.isPending,
      run: again,
    },
    {
      id: 'exchange.cancel',
      keys: ['delete'],
      label: isStopped ? t('delivery.leave') : t('delivery.cancel'),
      group,
      isHidden: !mayCancel,
      when: () => mayCancel,
      run: () => setAsking(true),
    },
  ]);
  if (!mayRetry && !mayCancel) return null;
  return (
    <div className="exchange-actions">
      {mayRetry ? (
        <Button
          className="exchange-grow"
          variant={isStopped ? 'primary' : 'default'}
          kbd="r"
          loading={retry.isPending}
          onClick={again}
        >
          {shownState(delivery) === 'sent'
            ? t('delivery.checkNow')
            : state === 'cancelled'
              ? t('delivery.sendAfterAll')
              : t('delivery.retry')}
        </Button>
      ) : null}
      {mayCancel ? (
        <Button onClick={() => setAsking(true)}>{isStopped ? t('delivery.leave') : t('delivery.cancel')}</Button>
      ) : null}
      <ConfirmDialog
        open={asking}
        onClose={() => setAsking(false)}
        title={isStopped ? t('delivery.leaveTitle') : t('delivery.cancelTitle')}
        confirmLabel={isStopped ? t('delivery.leave') : t('delivery.cancelYes')}
        danger
        loading={cancel.isPending}
        onConfirm={() => cancel.mutate({ deliveryId }, { onError, onSettled: () => setAsking(false) })}
      >
        {isStopped
          ? t('delivery.leaveWhat', { node: delivery.nodeName })
          : t('delivery.cancelWhat', { node: delivery.nodeName })}
      </ConfirmDialog>
    </div>
  );
}
