import { useDebouncedValue } from '@mantine/hooks';
import { IconLinkOff, IconUsers } from '@tabler/icons-react';
import { useEffect, useMemo, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import type { Patient } from '../../../app/domains/patients/patientSchema.ts';
import { usePagesOf, useView } from '../../api/pages.ts';
import { EmptyState } from '../../components/EmptyState.tsx';
import { FailureNotice } from '../../components/FailureNotice.tsx';
import { useFirstFound } from '../../components/firstFound.ts';
import { useKeys } from '../../components/keys.ts';
import { SearchField } from '../../components/SearchField.tsx';
import { type Column, VirtualTable, type VirtualTableHandle } from '../../components/VirtualTable.tsx';
import { useFormats } from '../../i18n/formats.ts';
import { usePatientListStore } from './patientListStore.ts';

const searchDelayMs = 60;

function usePatientColumns(): readonly Column<Patient>[] {
  const { t } = useTranslation('patients');
  const formats = useFormats();
  return useMemo(
    () => [
      {
        key: 'hue',
        header: '',
        width: '30px',
        cell: (patient) => (
          <span className="patients-hue" style={{ background: `hsl(${patient.hue} 55% 55%)` }} aria-hidden />
        ),
      },
      {
        key: 'name',
        header: t('columns.name'),
        width: 'minmax(180px, 1.5fr)',
        cell: (patient) => patient.displayName || <span className="patients-none">{t('unnamed')}</span>,
        title: (patient) => patient.displayName,
      },
      {
        key: 'sex',
        header: t('columns.sex'),
        width: '60px',
        cell: (patient) => formats.sex(patient.sex) || '—',
      },
      {
        key: 'birth',
        header: t('columns.birth'),
        width: '130px',
        cell: (patient) => <span className="tabular">{patient.birthDate ? formats.date(patient.birthDate) : '—'}</span>,
      },
      {
        key: 'identifier',
        header: t('columns.identifier'),
        width: 'minmax(120px, 1fr)',
        cell: (patient) => patient.identifier || '—',
        title: (patient) => [patient.identifier, patient.issuer].filter(Boolean).join(' · '),
      },
      {
        key: 'issuer',
        header: t('columns.issuer'),
        width: 'minmax(90px, 0.7fr)',
        cell: (patient) => patient.issuer || '—',
        title: (patient) => patient.issuer,
      },
      {
        key: 'studies',
        header: t('columns.studies'),
        width: '80px',
        align: 'end',
        cell: (patient) => formats.number(patient.studyCount),
      },
      {
        key: 'link',
        header: t('columns.link'),
        width: 'minmax(120px, 0.8fr)',
        cell: (patient) =>
          patient.needsLinkDecision ? (
            <span className="patients-caution">
              <IconLinkOff size={14} stroke={1.6} aria-hidden /> {t('toDecide')}
            </span>
          ) : patient.linkGroupId ? (
            t('linked')
          ) : null,
      },
    ],
    [t, formats],
  );
}

/** Every patient record that a study on this machine describes. */
export function PatientList({ onPatient }: { onPatient: (patientId: string) => void }) {
  const { t } = useTranslation('patients');
  const { text, selectedId, setText, select } = usePatientListStore();
  const [sent] = useDebouncedValue(text, searchDelayMs);
  const [view, setView] = useView();
  const table = useRef<VirtualTableHandle>(null);
  const search = useRef<HTMLInputElement>(null);
  const columns = usePatientColumns();
  const question = useMemo(() => ({ text: sent.trim() }), [sent]);
  const pages = usePagesOf('patients.list', question, view);
  const { isAnswered, leaveSearch } = useFirstFound({
    search,
    table,
    text,
    sent,
    filters: '',
    pages,
    chosen: selectedId,
    choose: (patient) => select(patient.patientId),
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: another question starts at the top
  useEffect(() => table.current?.scrollToTop(), [question]);
  const group = t('title');
  useKeys([{ id: 'patients.search', keys: ['/'], label: t('keys.search'), group, run: () => search.current?.focus() }]);
  return (
    <section className="patients" aria-label={t('title')}>
      <div className="patients-bar">
        <h1>{t('title')}</h1>
        <SearchField
          ref={search}
          label={t('search')}
          clearLabel={t('clearSearch')}
          value={text}
          onChange={setText}
          onLeave={leaveSearch}
        />
        <span className="spacer" />
        <span className="quiet" role="status">
          {pages.total === null || pages.failure ? '' : t('shown', { count: pages.total })}
        </span>
      </div>
      {pages.failure ? <FailureNotice failure={pages.failure} retry={pages.retry} /> : null}
      {pages.total === 0 && !pages.failure ? (
        <EmptyState
          icon={<IconUsers size={36} stroke={1.2} aria-hidden />}
          title={sent.trim() === '' ? t('empty.title') : t('filtered.title')}
        >
          {sent.trim() === '' ? t('empty.text') : t('filtered.text')}
        </EmptyState>
      ) : null}
      {pages.total !== null && pages.total > 0 ? (
        <VirtualTable<Patient>
          ref={table}
          label={t('title')}
          columns={columns}
          total={pages.total}
          rowAt={pages.rowAt}
          rowKey={(patient) => patient.patientId}
          selectedKey={selectedId}
          onSelect={(patient) => select(patient.patientId)}
          onOpen={(patient) => onPatient(patient.patientId)}
          onView={setView}
          stale={pages.stale}
          isAnswered={isAnswered}
          keyGroup={group}
        />
      ) : null}
    </section>
  );
}
