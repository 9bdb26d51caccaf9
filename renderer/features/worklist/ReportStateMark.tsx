import { useTranslation } from 'react-i18next';
import type { WorklistRow } from '../../../app/domains/worklist/worklistSchema.ts';

/** Where the report stands, in a word; images that came after the signature outshout it. */
export function ReportStateMark({ row }: { row: Pick<WorklistRow, 'reportState' | 'unreadInstances' | 'prior'> }) {
  const { t } = useTranslation('worklist');
  if (row.unreadInstances > 0 && row.reportState !== 'none' && row.reportState !== 'draft')
    return <span className="worklist-caution">{t('newImages', { count: row.unreadInstances })}</span>;
  if (row.reportState === 'none' && row.prior === true)
    return (
      <span className="worklist-none" title={t('report.priorWhat')}>
        {t('report.prior')}
      </span>
    );
  if (row.reportState === 'none') return <span className="worklist-none">—</span>;
  return <span className={`worklist-report ${row.reportState}`}>{t(`report.${row.reportState}`)}</span>;
}
