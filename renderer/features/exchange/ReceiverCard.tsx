import { IconAlertTriangle, IconCircleOff, IconEar } from '@tabler/icons-react';
import { type ReactNode, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { ReceiverState } from '../../../app/domains/exchange/exchangeSchema.ts';
import { Failure } from '../../../app/shared/failure.ts';
import { useQueryOf } from '../../api/queries.ts';
import { useCan } from '../../api/session.tsx';
import { Button } from '../../components/Button.tsx';
import { FailureNotice, useFailureText } from '../../components/FailureNotice.tsx';
import { useKeys } from '../../components/keys.ts';
import { Notice } from '../../components/Notice.tsx';
import { UnattendedNote } from '../../components/UnattendedNote.tsx';
import { useFormats } from '../../i18n/formats.ts';
import { isLoopback } from './nodeForm.ts';
import { ReceiverDialog } from './ReceiverDialog.tsx';
import { isEverywhere } from './receiverForm.ts';

const icons = { off: IconCircleOff, listening: IconEar, failed: IconAlertTriangle } as const;

interface ReceiverCardProps {
  readonly receiver: ReceiverState;
  /** Nodes whose objects are taken. */
  readonly senders: number;
  readonly onNodes: () => void;
  /** The entry of the log that was chosen, between the state and the settings. */
  readonly children: ReactNode;
}

/** Whether this workstation listens, on what, and what stands against it. */
export function ReceiverCard({ receiver, senders, onNodes, children }: ReceiverCardProps) {
  const { t } = useTranslation('exchange');
  const formats = useFormats();
  const canManage = useCan('exchange.manage');
  const failureText = useFailureText();
  const status = useQueryOf('system.status', undefined);
  const [editing, setEditing] = useState(false);
  const { settings, state } = receiver;
  const Icon = icons[state];
  useKeys([
    {
      id: 'exchange.receiver',
      keys: ['e'],
      label: t('receiver.change'),
      group: t('places.receiving'),
      isHidden: !canManage,
      when: () => canManage,
      run: () => setEditing(true),
    },
  ]);
  const place = isLoopback(settings.host)
    ? t('receiver.onlyHere')
    : isEverywhere(settings.host)
      ? t('receiver.everywhere')
      : settings.host;
  const isOpen = settings.enabled && !isLoopback(settings.host);
  const facts: readonly (readonly [string, string])[] = [
    [t('receiver.aeTitle'), settings.aeTitle],
    [t('receiver.from'), place],
    [t('receiver.port'), String(receiver.port ?? settings.port)],
    [
      t('receiver.tls'),
      settings.tls.enabled
        ? settings.tls.clientCa === ''
          ? t('receiver.tlsOn')
          : t('receiver.tlsMutual')
        : t('receiver.tlsOff'),
    ],
    [t('receiver.stow'), settings.stow ? t('yes') : t('no')],
    [t('receiver.folders'), receiver.folders.map(({ path }) => path).join('\n') || t('receiver.noFolders')],
    [t('receiver.leastFree'), formats.bytes(settings.leastFreeMib * 1_048_576)],
  ];
  return (
    <section className="exchange-section">
      <div className={`exchange-verdict receiver-${state}`} role="status">
        <span className="exchange-state">
          <Icon size={18} stroke={1.7} aria-hidden />
          <span>
            {state === 'listening'
              ? t('receiver.listening', {
                  place,
                  port: receiver.port ?? settings.port,
                })
              : t(`receiver.${state}`)}
          </span>
        </span>
        <p>
          {state === 'listening'
            ? t('receiver.open', { count: receiver.openAssociations, value: formats.number(receiver.openAssociations) })
            : state === 'off'
              ? t('receiver.offWhat')
              : t('receiver.failedWhat')}
        </p>
      </div>
      {settings.enabled && status.data ? <UnattendedNote start={status.data.unattended} /> : null}
      {receiver.failure ? <FailureNotice failure={new Failure(receiver.failure, 'cannot listen')} /> : null}
      {receiver.folders
        .filter(({ failure }) => failure !== null)
        .map(({ path, failure }) => (
          <Notice key={path} severity="block" title={path}>
            {failureText(new Failure(failure ?? '', 'cannot be read'))}
          </Notice>
        ))}
      {isOpen && !settings.tls.enabled ? (
        <Notice severity="caution" title={t('receiver.plainTitle')}>
          {t('receiver.plainWhat')}
        </Notice>
      ) : null}
      {settings.enabled && senders === 0 ? (
        <Notice
          severity="caution"
          action={
            <Button size="s" onClick={onNodes}>
              {t('queues.toNodes')}
            </Button>
          }
        >
          {t('receiver.nobody')}
        </Notice>
      ) : null}
      {children}
      <h2>{t('receiver.settings')}</h2>
      <dl className="exchange-facts">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd className="exchange-lines">{value}</dd>
          </div>
        ))}
      </dl>
      {canManage ? (
        <Button kbd="e" variant={state === 'off' ? 'primary' : 'default'} onClick={() => setEditing(true)}>
          {state === 'off' ? t('receiver.turnOn') : t('receiver.change')}
        </Button>
      ) : null}
      {editing ? <ReceiverDialog receiver={receiver} onClose={() => setEditing(false)} /> : null}
    </section>
  );
}
