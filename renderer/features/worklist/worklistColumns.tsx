import { IconAlertTriangle, IconLinkOff } from '@tabler/icons-react';
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import type { WorklistRow } from '../../../app/domains/worklist/worklistSchema.ts';
import type { Column } from '../../components/VirtualTable.tsx';
import { useFormats } from '../../i18n/formats.ts';
import { modalityText } from './modalityText.ts';
import { ReportStateMark } from './ReportStateMark.tsx';

/**
 * The columns of the worklist. A missing value is a dash, never an empty cell that could be a delay.
 *
 * @param wide whether there is room for the source and the time of arrival too; the description needs it more
 */
export function useWorklistColumns(wide: boolean): readonly Column<WorklistRow>[] {
  const { t } = useTranslation('worklist');
  const formats = useFormats();
  return useMemo(() => {
    const dash = <span className="worklist-none">—</span>;
    const date = (row: WorklistRow): string =>
      [row.studyDate ? formats.date(row.studyDate) : '', formats.time(row.studyTime)].filter(Boolean).join(' ');
    const sourceText = (row: WorklistRow): string => t(`sources.${row.source}`, { defaultValue: row.source });
    const all: readonly Column<WorklistRow>[] = [
      {
        key: 'mark',
        header: '',
        width: '28px',
        narrow: true,
        cell: (row) =>
          row.identityConflict ? (
            <IconAlertTriangle size={16} className="worklist-conflict" aria-label={t('marks.identity')} />
          ) : row.conflictCount > 0 ? (
            <IconAlertTriangle size={16} className="worklist-caution" aria-label={t('marks.copies')} />
          ) : row.needsLinkDecision ? (
            <IconLinkOff size={16} className="worklist-caution" aria-label={t('marks.link')} />
          ) : null,
        title: (row) =>
          row.identityConflict
            ? t('marks.identityWhy')
            : row.conflictCount > 0
              ? t('marks.copiesWhy', { count: row.conflictCount })
              : row.needsLinkDecision
                ? t('marks.linkWhy')
                : '',
      },
      {
        key: 'patient',
        header: t('columns.patient'),
        width: 'minmax(190px, 1.1fr)',
        sortKey: 'patient',
        // A study of two people is found under either name, so it says both.
        cell: (row) =>
          row.otherNames.length > 0
            ? [row.displayName || t('unnamed'), ...row.otherNames].join(' / ')
            : row.displayName || <span className="worklist-unnamed">{t('unnamed')}</span>,
        title: (row) =>
          [row.displayName || t('unnamed'), ...row.otherNames, row.identifier].filter(Boolean).join(' · '),
      },
      {
        key: 'age',
        header: t('columns.age'),
        width: '74px',
        sortKey: 'age',
        // Of two people there is no one age.
        cell: (row) =>
          row.identityConflict ? (
            dash
          ) : (
            <span className="worklist-sub">
              {formats.sex(row.sex) || '—'} {row.ageYears === null ? '—' : formats.number(row.ageYears)}
            </span>
          ),
        title: (row) =>
          row.identityConflict
            ? t('marks.identityWhy')
            : row.birthDate
              ? t('born', { date: formats.date(row.birthDate) })
              : t('birthUnknown'),
      },
      {
        key: 'modality',
        header: t('columns.modality'),
        width: '64px',
        sortKey: 'modality',
        cell: (row) => <span className="worklist-mod">{modalityText(row.modalities) || '—'}</span>,
        title: (row) => row.modalities.join(', '),
      },
      {
        key: 'description',
        header: t('columns.description'),
        width: 'minmax(150px, 1fr)',
        sortKey: 'description',
        cell: (row) => row.description || dash,
        title: (row) => [row.description, row.accessionNumber].filter(Boolean).join(' · '),
      },
      {
        key: 'date',
        header: t('columns.date'),
        width: '154px',
        sortKey: 'studyDate',
        cell: (row) => <span className="worklist-sub">{date(row) || '—'}</span>,
        title: (row) => date(row) || t('dateUnknown'),
      },
      {
        key: 'images',
        header: t('columns.images'),
        width: '60px',
        align: 'end',
        sortKey: 'instances',
        // A count that may still grow says so: a study read before it is whole is read wrong.
        cell: (row) => (
          <span className={row.arriving ? 'worklist-caution' : 'worklist-sub'}>
            {formats.number(row.frameCount)}
            {row.arriving ? '+' : ''}
          </span>
        ),
        title: (row) =>
          row.arriving
            ? t('marks.arrivingWhy')
            : t('imagesTitle', {
                instances: formats.number(row.instanceCount),
                series: formats.number(row.seriesCount),
                count: row.seriesCount,
              }),
      },
      {
        key: 'report',
        header: t('columns.report'),
        width: '104px',
        sortKey: 'reportState',
        cell: (row) => <ReportStateMark row={row} />,
        title: (row) =>
          row.unreadInstances > 0
            ? t('newImagesWhy', { count: row.unreadInstances })
            : row.signedAt
              ? t('signedAt', { time: formats.dateTime(row.signedAt) })
              : t(`report.${row.reportState}`),
      },
      {
        key: 'assigned',
        header: t('columns.assigned'),
        width: '88px',
        cell: (row) => (row.assignedTo ? <span className="worklist-sub">{row.assignedTo}</span> : dash),
        title: (row) => row.assignedTo ?? t('unassigned'),
      },
      {
        key: 'source',
        header: t('columns.source'),
        width: '88px',
        sortKey: 'source',
        cell: (row) => (row.source ? <span className="worklist-sub">{sourceText(row)}</span> : dash),
        title: sourceText,
      },
      {
        key: 'received',
        header: t('columns.received'),
        width: '154px',
        sortKey: 'receivedAt',
        cell: (row) => <span className="worklist-sub">{formats.dateTime(row.receivedAt)}</span>,
      },
    ];
    return wide ? all : all.filter((column) => column.key !== 'received' && column.key !== 'source');
  }, [t, formats, wide]);
}
