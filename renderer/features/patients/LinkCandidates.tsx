import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { LinkCandidate, Patient } from '../../../app/domains/patients/patientSchema.ts';
import { useCommandOf, useQueryOf } from '../../api/queries.ts';
import { useCan } from '../../api/session.tsx';
import { Button } from '../../components/Button.tsx';
import { Chip } from '../../components/Chip.tsx';
import { Dialog } from '../../components/Dialog.tsx';
import { FailureNotice } from '../../components/FailureNotice.tsx';
import { TextAreaField } from '../../components/Field.tsx';
import { Skeleton } from '../../components/Skeleton.tsx';
import { useFormats } from '../../i18n/formats.ts';

const fields = ['name', 'birthDate', 'sex', 'identifier', 'issuer'] as const;
type FieldName = (typeof fields)[number];

/** Records that may be the same person, side by side, with what differs marked in words and not by colour alone. */
export function LinkCandidates({
  patient,
  onPatient,
  onDecided,
}: {
  patient: Patient;
  onPatient: (patientId: string) => void;
  onDecided: () => void;
}) {
  const { t } = useTranslation('patients');
  const candidates = useQueryOf('patients.listLinkCandidates', { patientId: patient.patientId });
  if (candidates.error) return <FailureNotice failure={candidates.error} retry={() => void candidates.refetch()} />;
  if (!candidates.data) return patient.needsLinkDecision || patient.linkGroupId ? <Skeleton height={120} /> : null;
  const comparisons = (listed: readonly LinkCandidate[]) =>
    listed.map((candidate) => (
      <Comparison
        key={candidate.patient.patientId}
        patient={patient}
        candidate={candidate}
        onPatient={onPatient}
        onDecided={onDecided}
      />
    ));
  const open = candidates.data.filter(({ decision }) => decision === 'open');
  const decided = candidates.data.filter(({ decision }) => decision !== 'open');
  return (
    <>
      {open.length > 0 ? (
        <section className="patients-section">
          <h2>{t('links.title', { count: open.length })}</h2>
          <p className="patients-lead">{t('links.lead')}</p>
          {comparisons(open)}
        </section>
      ) : null}
      {decided.length > 0 ? (
        <section className="patients-section">
          <h2>{t('links.decidedTitle')}</h2>
          <p className="patients-lead">{t('links.decidedLead')}</p>
          {comparisons(decided)}
        </section>
      ) : null}
    </>
  );
}

/** Two empty fields do not agree: nothing is known of either. */
function isAbsent(patient: Patient, field: FieldName): boolean {
  return (field === 'name' ? patient.displayName : patient[field]) === '';
}

function useFieldText(): (patient: Patient, field: FieldName) => string {
  const { t } = useTranslation('patients');
  const formats = useFormats();
  return (patient, field) => {
    const value = {
      name: patient.displayName,
      birthDate: patient.birthDate ? formats.date(patient.birthDate) : '',
      sex: formats.sex(patient.sex),
      identifier: patient.identifier,
      issuer: patient.issuer,
    }[field];
    return value || t('links.absent');
  };
}

function Comparison({
  patient,
  candidate,
  onPatient,
  onDecided,
}: {
  patient: Patient;
  candidate: LinkCandidate;
  onPatient: (patientId: string) => void;
  onDecided: () => void;
}) {
  const { t } = useTranslation('patients');
  const textOf = useFieldText();
  const canLink = useCan('patients.link');
  const [deciding, setDeciding] = useState<boolean | null>(null);
  const other = candidate.patient;
  const { decision } = candidate;
  return (
    <div className="patients-compare">
      <table className="list-table">
        <thead>
          <tr>
            <th scope="col">
              <span className="visually-hidden">{t('links.field')}</span>
            </th>
            <th scope="col">
              <span className="patients-hue" style={{ background: `hsl(${patient.hue} 55% 55%)` }} aria-hidden />{' '}
              {t('links.this', { count: patient.studyCount })}
            </th>
            <th scope="col">
              <span className="patients-hue" style={{ background: `hsl(${other.hue} 55% 55%)` }} aria-hidden />{' '}
              {t('links.other', { count: other.studyCount })}
            </th>
            <th scope="col">
              <span className="visually-hidden">{t('links.verdict')}</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {fields.map((field) => {
            const differs = candidate.differs.includes(field);
            return (
              <tr key={field} className={differs ? 'differs' : ''}>
                <th scope="row">{t(`links.fields.${field}`)}</th>
                <td>{textOf(patient, field)}</td>
                <td>{textOf(other, field)}</td>
                <td>
                  {differs ? (
                    <Chip tone="warning" size="s">
                      {t('links.differs')}
                    </Chip>
                  ) : (
                    <span className="quiet">
                      {isAbsent(patient, field) && isAbsent(other, field) ? t('links.unknown') : t('links.agrees')}
                    </span>
                  )}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
      <div className="patients-compare-actions">
        <Button variant="ghost" size="s" onClick={() => onPatient(other.patientId)}>
          {t('links.open')}
        </Button>
        {decision === 'same' ? (
          <Chip tone="done" size="s">
            {t('linked')}
          </Chip>
        ) : null}
        {decision === 'notSame' ? <Chip size="s">{t('links.apart')}</Chip> : null}
        <span className="spacer" />
        {canLink ? (
          <>
            {decision === 'notSame' ? null : <Button onClick={() => setDeciding(false)}>{t('links.notSame')}</Button>}
            {decision === 'same' ? null : <Button onClick={() => setDeciding(true)}>{t('links.same')}</Button>}
          </>
        ) : (
          <span className="quiet">{t('links.notAllowed')}</span>
        )}
      </div>
      <DecisionDialog
        patient={patient}
        other={other}
        same={deciding}
        onClose={() => setDeciding(null)}
        onDecided={onDecided}
      />
    </div>
  );
}

const shortestReason = 3;

function DecisionDialog({
  patient,
  other,
  same,
  onClose,
  onDecided,
}: {
  patient: Patient;
  other: Patient;
  same: boolean | null;
  onClose: () => void;
  onDecided: () => void;
}) {
  const { t } = useTranslation('patients');
  const formats = useFormats();
  const [reason, setReason] = useState('');
  const decide = useCommandOf('patients.decideLink');
  const close = (): void => {
    setReason('');
    decide.reset();
    onClose();
  };
  const factsOf = (each: Patient): string =>
    [each.birthDate ? formats.date(each.birthDate) : '', each.identifier || t('links.absent')]
      .filter(Boolean)
      .join(' · ');
  return (
    <Dialog
      open={same !== null}
      onClose={close}
      title={same ? t('decide.sameTitle') : t('decide.notSameTitle')}
      footer={
        <>
          <Button onClick={close}>{t('decide.cancel')}</Button>
          <Button
            variant="primary"
            disabled={reason.trim().length < shortestReason}
            loading={decide.isPending}
            onClick={() =>
              decide.mutate(
                {
                  patientId: patient.patientId,
                  otherPatientId: other.patientId,
                  same: same === true,
                  reason: reason.trim(),
                },
                {
                  onSuccess: () => {
                    close();
                    onDecided();
                  },
                },
              )
            }
          >
            {same ? t('links.same') : t('links.notSame')}
          </Button>
        </>
      }
    >
      <p>
        <b>{patient.displayName || t('unnamed')}</b> · {factsOf(patient)}
        <br />
        <b>{other.displayName || t('unnamed')}</b> · {factsOf(other)}
      </p>
      <p>{same ? t('decide.sameWhat') : t('decide.notSameWhat')}</p>
      <TextAreaField
        label={t('decide.reason')}
        hint={t('decide.reasonHint')}
        value={reason}
        onChange={setReason}
        maxLength={500}
      />
      {decide.error ? <FailureNotice failure={decide.error} /> : null}
    </Dialog>
  );
}
