import { IconAlertTriangle, IconCircleOff, IconPlugConnected } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { ApiState } from '../../../app/domains/api/apiSchema.ts';
import { Failure } from '../../../app/shared/failure.ts';
import { useQueryOf } from '../../api/queries.ts';
import { Button } from '../../components/Button.tsx';
import { FailureNotice } from '../../components/FailureNotice.tsx';
import { Notice } from '../../components/Notice.tsx';
import { Skeleton } from '../../components/Skeleton.tsx';
import { useFormats } from '../../i18n/formats.ts';
import { AccessDialog } from './AccessDialog.tsx';
import { addressOf } from './accessAddress.ts';
import { placeOf } from './accessForm.ts';
import { TokenList } from './TokenList.tsx';
import './access.css';

const icons = { off: IconCircleOff, listening: IconPlugConnected, failed: IconAlertTriangle } as const;
/** A certificate that ends within so many days is worth a word. */
const soonDays = 30;

/** Whether and where programs come in, and who holds a token. */
export function AccessSettings() {
  const { t } = useTranslation('api');
  const state = useQueryOf('api.state', undefined);
  const [editing, setEditing] = useState(false);
  if (state.error) return <FailureNotice failure={state.error} retry={() => void state.refetch()} />;
  return (
    <div className="settings-stack access">
      <section className="settings-section settings-wide">
        <h2>{t('title')}</h2>
        <p className="settings-lead">{t('lead')}</p>
        {state.data ? <AccessState state={state.data} onEdit={() => setEditing(true)} /> : <Skeleton height={96} />}
      </section>
      {state.data ? <TokenList state={state.data} /> : null}
      {editing && state.data ? <AccessDialog state={state.data} onClose={() => setEditing(false)} /> : null}
    </div>
  );
}

function AccessState({ state, onEdit }: { readonly state: ApiState; readonly onEdit: () => void }) {
  const { t } = useTranslation('api');
  const formats = useFormats();
  const { settings, certificateDaysLeft: days } = state;
  const Icon = icons[state.state];
  const place = placeOf(settings.host);
  const facts: (readonly [string, string])[] = [
    [t('facts.address'), addressOf(state)],
    [t('facts.line'), settings.tls.enabled ? t('line.tls') : t('line.plain')],
    [t('facts.names'), settings.names.join(', ') || t('noNames')],
  ];
  if (days !== null && days >= 0)
    facts.push([t('facts.certificate'), t('certificateDays', { count: days, value: formats.number(days) })]);
  return (
    <>
      <div className={`access-state ${state.state}`} role="status">
        <Icon size={18} stroke={1.7} aria-hidden />
        <div>
          <strong>
            {state.state === 'listening'
              ? t('state.listening', {
                  place: place === 'address' ? settings.host : t(`place.${place}`),
                  port: state.port ?? settings.port,
                })
              : t(`state.${state.state}`)}
          </strong>
          <p>{t(`stateWhat.${state.state}`)}</p>
        </div>
        <span className="spacer" />
        <Button variant={state.state === 'off' ? 'primary' : 'default'} onClick={onEdit}>
          {state.state === 'off' ? t('turnOn') : t('change')}
        </Button>
      </div>
      {state.failure ? <FailureNotice failure={new Failure(state.failure, 'cannot listen')} /> : null}
      {state.closedByRestore ? (
        <Notice severity="caution" title={t('restoredTitle')}>
          {t('restoredWhat')}
        </Notice>
      ) : null}
      {settings.enabled && place !== 'here' ? (
        <Notice severity="caution" title={t('openTitle')}>
          {t('openWhat')}
        </Notice>
      ) : null}
      {days !== null && days < 0 ? (
        <Notice severity="block" title={t('certificateOverTitle')}>
          {t('certificateOver')}
        </Notice>
      ) : null}
      {days !== null && days >= 0 && days < soonDays ? (
        <Notice severity="caution" title={t('certificateSoonTitle')}>
          {t('certificateSoon', { count: days, value: formats.number(days) })}
        </Notice>
      ) : null}
      {state.state === 'off' ? null : (
        <dl className="access-facts">
          {facts.map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
      )}
    </>
  );
}
