import { PatientList } from './PatientList.tsx';
import { PatientPage } from './PatientPage.tsx';
import './patients.css';

export interface PatientsScreenProps {
  readonly patientId: string | null;
  readonly onPatient: (patientId: string) => void;
  readonly onList: () => void;
  readonly onRead: (studyUid: string) => void;
}

/** Everybody, or one of them. */
export function PatientsScreen({ patientId, onPatient, onList, onRead }: PatientsScreenProps) {
  if (patientId === null) return <PatientList onPatient={onPatient} />;
  return <PatientPage key={patientId} patientId={patientId} onPatient={onPatient} onList={onList} onRead={onRead} />;
}
