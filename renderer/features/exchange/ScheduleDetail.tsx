import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { ScheduledStep } from '../../../app/domains/exchange/exchangeSchema.ts';
import { useCommandOf } from '../../api/queries.ts';
import { Button } from '../../components/Button.tsx';
import { ConfirmDialog } from '../../components/Dialog.tsx';
import { useFailureText } from '../../components/FailureNotice.tsx';
import { useToast } from '../../components/Toast.tsx';
import { useFormats } from '../../i18n/formats.ts';
import { readableName } from './findQuestion.ts';

interface ScheduleDetailProps {
  readonly step: ScheduledStep;
  readonly from: string;
  /** Null: of another system, or not this operator's to change. */
  readonly onEdit: (() => void) | null;
  readonly onArchived: () => void;
}

/** One examination that is to be done. */
export function ScheduleDetail({ step, from, onEdit, onArchived }: ScheduleDetailProps) {
  const { t } = useTranslation('exchange');
  const formats = useFormats();
  const toast = useToast();
  const failureText = useFailureText();
  const archive = useCommandOf('exchange.archiveEntry');
  const [asking, setAsking] = useState(false);
  const facts: readonly (readonly [string, string])[] = [
    [t('schedule.fields.procedure'), step.procedureDescription],
    [t('find.modality'), step.modality],
    [
      t('schedule.when'),
      [step.startDate ? formats.date(step.startDate) : '', formats.time(step.startTime)].filter(Boolean).join(' '),
    ],
    [t('schedule.fields.stationAeTitle'), step.stationAeTitle],
    [t('columns.accession'), step.accessionNumber],
    [t('schedule.fields.physician'), readableName(step.performingPhysician)],
    [t('schedule.from'), from],
  ];
  const { entryId } = step;
  return (
    <>
      <div className="exchange-whose">
        <b>{readableName(step.patientName) || t('study.unnamed')}</b>
        <span className="quiet">
          {[formats.sex(step.sex), step.birthDate ? formats.date(step.birthDate) : '', step.patientId]
            .filter(Boolean)
            .join(' · ')}
        </span>
      </div>
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
      {onEdit && entryId ? (
        <div className="exchange-actions">
          <Button className="exchange-grow" onClick={onEdit}>
            {t('node.edit')}
          </Button>
          <Button onClick={() => setAsking(true)}>{t('schedule.takeOff')}</Button>
          <ConfirmDialog
            open={asking}
            onClose={() => setAsking(false)}
            title={t('schedule.takeOffTitle')}
            confirmLabel={t('schedule.takeOff')}
            loading={archive.isPending}
            onConfirm={() =>
              archive.mutate(
                { entryId },
                {
                  onSuccess: onArchived,
                  onError: (failure) => toast({ tone: 'danger', text: failureText(failure) }),
                  onSettled: () => setAsking(false),
                },
              )
            }
          >
            {t('schedule.takeOffWhat')}
          </ConfirmDialog>
        </div>
      ) : null}
    </>
  );
}
