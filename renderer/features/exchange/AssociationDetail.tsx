import { useCallback } from 'react';
import { useTranslation } from 'react-i18next';
import type { ReceivedAssociation } from '../../../app/domains/exchange/exchangeSchema.ts';
import { Failure } from '../../../app/shared/failure.ts';
import { Button } from '../../components/Button.tsx';
import { useFailureText } from '../../components/FailureNotice.tsx';
import { Notice } from '../../components/Notice.tsx';
import { useFormats } from '../../i18n/formats.ts';
import { useDetailLines } from './troubleText.ts';

/** How an association ended, in words. */
export function useEndingText(): (association: Pick<ReceivedAssociation, 'ending'>) => string {
  const { t } = useTranslation('exchange');
  return useCallback(({ ending }) => t(`ending.${ending}`, { defaultValue: ending }), [t]);
}

/** Why we let nobody in, from the numbers of our answer (PS3.8 table 9-21). */
function refusalOf({
  ending,
  details,
}: ReceivedAssociation): 'calling' | 'called' | 'certificate' | 'busy' | 'other' | null {
  if (ending !== 'rejected') return null;
  if (details['certificate']) return 'certificate';
  const { source, reason } = details;
  if (source === 1 && reason === 3) return 'calling';
  if (source === 1 && reason === 7) return 'called';
  return source === 3 ? 'busy' : 'other';
}

interface AssociationDetailProps {
  readonly association: ReceivedAssociation;
  readonly nodeName: string;
  readonly onConflicts: () => void;
}

/** One call from outside: who, how it ended, what was kept and what was refused with which reasons. */
export function AssociationDetail({ association, nodeName, onConflicts }: AssociationDetailProps) {
  const { t } = useTranslation('exchange');
  const formats = useFormats();
  const failureText = useFailureText();
  const endingText = useEndingText();
  const detailLines = useDetailLines();
  const { reasons, details } = association;
  const why = refusalOf(association);
  const facts: readonly (readonly [string, string])[] = [
    [t('columns.from'), nodeName || t('receiving.noNode')],
    [t('receiving.callingAe'), association.callingAe],
    [t('receiving.calledAe'), association.calledAe],
    [t('columns.address'), association.address],
    [t('columns.channel'), t(`channel.${association.channel}`)],
    [t('columns.when'), formats.dateTime(association.startedAt)],
    [t('receiving.lasted'), formats.duration((association.endedAt - association.startedAt) / 1000)],
    [t('columns.ending'), endingText(association)],
    ...(why ? [[t('details.fingerprint'), String(details['fingerprint'] ?? '')] as const] : detailLines(details)),
    [t('columns.stored'), formats.number(association.objects)],
    [t('receiving.bytes'), formats.bytes(association.bytes)],
    [t('columns.duplicates'), formats.number(association.duplicates)],
    [t('columns.conflicts'), formats.number(association.conflicts)],
    [t('columns.refused'), formats.number(association.refused)],
  ];
  return (
    <section className="exchange-section">
      <h2>{t('receiving.one')}</h2>
      {why ? <Notice severity="caution">{t(`receiving.rejected.${why}`)}</Notice> : null}
      {Object.keys(reasons).length > 0 ? (
        <Notice severity="caution" title={t('receiving.reasons')}>
          {Object.entries(reasons).map(([code, count]) => (
            <p key={code}>
              {t('receiving.reason', { value: formats.number(count), why: failureText(new Failure(code, 'refused')) })}
            </p>
          ))}
        </Notice>
      ) : null}
      {association.conflicts > 0 ? (
        <Notice
          severity="caution"
          title={t('receiving.conflicts', { count: association.conflicts })}
          action={
            <Button size="s" onClick={onConflicts}>
              {t('receiving.toConflicts')}
            </Button>
          }
        >
          {t('receiving.conflictsWhat')}
        </Notice>
      ) : null}
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
    </section>
  );
}
