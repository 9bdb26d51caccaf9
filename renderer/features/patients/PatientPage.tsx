import { IconArrowLeft } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { useQueryOf } from '../../api/queries.ts';
import { useCan } from '../../api/session.tsx';
import { Button } from '../../components/Button.tsx';
import { FailureNotice } from '../../components/FailureNotice.tsx';
import { useKeys } from '../../components/keys.ts';
import { PatientBanner } from '../../components/PatientBanner.tsx';
import { Skeleton } from '../../components/Skeleton.tsx';
import { LinkCandidates } from './LinkCandidates.tsx';
import { PatientStudies } from './PatientStudies.tsx';

export interface PatientPageProps {
  readonly patientId: string;
  readonly onPatient: (patientId: string) => void;
  readonly onList: () => void;
  readonly onRead: (studyUid: string) => void;
}

/** One patient record: who, the studies, and whether another record is the same person. */
export function PatientPage({ patientId, onPatient, onList, onRead }: PatientPageProps) {
  const { t } = useTranslation('patients');
  const canReadStudies = useCan('studies.read');
  // Opening a record is one audit entry: every opening asks, and no commit asks again.
  const patient = useQueryOf('patients.get', { patientId }, { topics: false, staleTimeMs: 0 });
  useKeys([{ id: 'patients.back', keys: ['escape'], label: t('back'), group: t('title'), run: onList }]);
  if (patient.error)
    return (
      <div className="patients-page">
        <FailureNotice failure={patient.error} retry={() => void patient.refetch()} />
        <Button onClick={onList}>{t('back')}</Button>
      </div>
    );
  if (!patient.data)
    return (
      <div className="patients-page">
        <Skeleton height={42} />
      </div>
    );
  return (
    <div className="patients-one">
      <PatientBanner
        patient={patient.data}
        trailing={
          <Button variant="ghost" icon={<IconArrowLeft size={16} stroke={1.6} />} kbd="escape" onClick={onList}>
            {t('back')}
          </Button>
        }
      />
      <div className="patients-page">
        <LinkCandidates patient={patient.data} onPatient={onPatient} onDecided={() => void patient.refetch()} />
        {canReadStudies ? <PatientStudies patientId={patientId} onRead={onRead} /> : null}
      </div>
    </div>
  );
}
