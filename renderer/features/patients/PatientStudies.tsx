import { useTranslation } from 'react-i18next';
import { useQueryOf } from '../../api/queries.ts';
import { Button } from '../../components/Button.tsx';
import { FailureNotice } from '../../components/FailureNotice.tsx';
import { Skeleton } from '../../components/Skeleton.tsx';
import { useFormats } from '../../i18n/formats.ts';

/** The newest studies of one record; a person with more than this is read through the worklist. */
const shownAtMost = 500;

export function PatientStudies({ patientId, onRead }: { patientId: string; onRead: (studyUid: string) => void }) {
  const { t } = useTranslation('patients');
  const formats = useFormats();
  const studies = useQueryOf('worklist.list', {
    filter: { patientId },
    sort: { key: 'studyDate', direction: 'descending' },
    limit: shownAtMost,
  });
  return (
    <section className="patients-section">
      <h2>{t('studies.title', { count: studies.data?.total ?? 0 })}</h2>
      {studies.error ? <FailureNotice failure={studies.error} retry={() => void studies.refetch()} /> : null}
      {studies.isPending ? <Skeleton height={64} /> : null}
      {studies.data ? (
        <table className="list-table">
          <thead>
            <tr>
              <th scope="col">{t('studies.date')}</th>
              <th scope="col">{t('studies.modality')}</th>
              <th scope="col">{t('studies.description')}</th>
              <th scope="col" className="num">
                {t('studies.images')}
              </th>
              <th scope="col">{t('studies.report')}</th>
              <th scope="col">
                <span className="visually-hidden">{t('studies.read')}</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {studies.data.rows.map((row) => (
              <tr key={row.studyUid}>
                <td>
                  {[row.studyDate ? formats.date(row.studyDate) : '—', formats.time(row.studyTime)]
                    .filter(Boolean)
                    .join(' ')}
                </td>
                <td>{row.modalities.join(' ') || '—'}</td>
                <td>{row.description || '—'}</td>
                <td className="num">{formats.number(row.frameCount)}</td>
                <td>{t(`studies.state.${row.reportState}`)}</td>
                <td className="num">
                  {row.identityConflict ? (
                    <span className="patients-caution">{t('studies.conflict')}</span>
                  ) : (
                    <Button size="s" onClick={() => onRead(row.studyUid)}>
                      {t('studies.read')}
                    </Button>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      ) : null}
    </section>
  );
}
