import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Conflict, ConflictDecision } from '../../../app/domains/imaging/conflictSchema.ts';
import { Failure } from '../../../app/shared/failure.ts';
import { asFailure } from '../../api/asFailure.ts';
import { useCommandOf } from '../../api/queries.ts';
import { useCan } from '../../api/session.tsx';
import { Button } from '../../components/Button.tsx';
import { Dialog } from '../../components/Dialog.tsx';
import { FailureNotice, useFailureText } from '../../components/FailureNotice.tsx';
import { TextAreaField } from '../../components/Field.tsx';
import { useToast } from '../../components/Toast.tsx';
import { useFormats } from '../../i18n/formats.ts';

const shortestReason = 3;
const order: readonly ConflictDecision[] = ['keep', 'take', 'onePerson', 'keepApart', 'reopen'];

interface Offer {
  readonly decision: ConflictDecision;
  readonly refusal: string | null;
  readonly objectName: string | null;
  readonly label: string;
}

interface Asked {
  readonly decision: ConflictDecision;
  readonly objectName: string | null;
  readonly stand: string;
}

/** What may be decided, with what follows from it in words; what may not, with the reason and what to do instead. */
export function ConflictDecisions({ conflict, onChanged }: { conflict: Conflict; onChanged: () => void }) {
  const { t } = useTranslation('conflicts');
  const formats = useFormats();
  const failureText = useFailureText();
  const canSettle = useCan('conflicts.settle');
  const [asked, setAsked] = useState<Asked | null>(null);
  const [outdated, setOutdated] = useState<Failure | null>(null);
  const others = conflict.versions.filter(({ isShown }) => !isShown);
  const offers = order.flatMap((decision): Offer[] => {
    const refusal = conflict.decisions[decision];
    if (refusal === undefined) return [];
    if (decision !== 'take') return [{ decision, refusal, objectName: null, label: t(`decide.${decision}`) }];
    return others.map((each, at) => ({
      decision,
      refusal: refusal ?? each.refusal,
      objectName: each.objectName,
      label: others.length > 1 ? t('decide.takeOf', { value: formats.number(at + 1) }) : t('decide.take'),
    }));
  });
  if (offers.length === 0) return null;
  return (
    <section className="exchange-section" aria-label={t('decide.title')}>
      <h2 className="label">{t('decide.title')}</h2>
      {outdated ? <FailureNotice failure={outdated} severity="caution" /> : null}
      {canSettle ? null : <p className="quiet">{t('decide.notAllowed')}</p>}
      <div className="conflict-offers">
        {offers.map(({ decision, refusal, objectName, label }) => (
          <div key={`${decision} ${objectName}`} className="conflict-offer">
            <Button
              variant={decision === 'keep' || decision === 'keepApart' ? 'primary' : 'default'}
              disabled={!canSettle || refusal !== null}
              onClick={() => {
                setOutdated(null);
                setAsked({ decision, objectName, stand: conflict.stand });
              }}
            >
              {label}
            </Button>
            <p className={refusal === null ? 'quiet' : 'exchange-caution'}>
              {refusal === null
                ? t(followsOf(conflict, decision), { name: nameOf(conflict, t) })
                : failureText(new Failure(refusal, refusal))}
            </p>
          </div>
        ))}
      </div>
      {asked ? (
        <AskReason
          key={`${asked.decision} ${asked.objectName}`}
          conflict={conflict}
          asked={asked}
          onClose={() => setAsked(null)}
          onSettled={() => {
            setAsked(null);
            onChanged();
          }}
          onOutdated={(failure) => {
            // It was decided about something that is not so any more: it is shown as it is now.
            setAsked(null);
            setOutdated(failure);
            onChanged();
          }}
        />
      ) : null}
    </section>
  );
}

/** The key of what follows from a decision. */
function followsOf(conflict: Conflict, decision: ConflictDecision): string {
  // The records stay linked: that is another decision, about everything of theirs.
  const wasOne = conflict.settlements[0]?.decision === 'onePerson';
  return decision === 'reopen' && wasOne ? 'follows.reopenOnePerson' : `follows.${decision}`;
}

/** Whose study it is here, as somebody would say it. */
function nameOf(conflict: Conflict, t: (key: string) => string): string {
  return [conflict.displayName || t('unnamed'), conflict.identifier].filter(Boolean).join(' · ');
}

interface AskReasonProps {
  readonly conflict: Conflict;
  readonly asked: Asked;
  readonly onClose: () => void;
  readonly onSettled: () => void;
  readonly onOutdated: (failure: Failure) => void;
}

function AskReason({ conflict, asked, onClose, onSettled, onOutdated }: AskReasonProps) {
  const { t } = useTranslation('conflicts');
  const toast = useToast();
  const [reason, setReason] = useState('');
  const settle = useCommandOf('imaging.settleConflict');
  const { conflictId, studyUid } = conflict;
  return (
    <Dialog
      open
      onClose={onClose}
      title={t(`decide.${asked.decision}`)}
      footer={
        <>
          <Button onClick={onClose}>{t('decide.cancel')}</Button>
          <Button
            variant="primary"
            disabled={reason.trim().length < shortestReason}
            loading={settle.isPending}
            onClick={() =>
              settle.mutate(
                { conflictId, studyUid, ...asked, reason: reason.trim() },
                {
                  onSuccess: () => {
                    toast({ tone: 'done', text: t(`done.${asked.decision}`) });
                    onSettled();
                  },
                  onError: (error) => {
                    const failure = asFailure(error);
                    if (failure.code === 'imaging.conflictChanged') onOutdated(failure);
                  },
                },
              )
            }
          >
            {t('decide.confirm')}
          </Button>
        </>
      }
    >
      <p>
        <b>{conflict.displayName || t('unnamed')}</b> · {conflict.identifier}
      </p>
      <p>{t(followsOf(conflict, asked.decision), { name: nameOf(conflict, t) })}</p>
      <TextAreaField
        label={t('decide.reason')}
        hint={t('decide.reasonHint')}
        value={reason}
        onChange={setReason}
        maxLength={1000}
      />
      {settle.error ? <FailureNotice failure={settle.error} /> : null}
    </Dialog>
  );
}
