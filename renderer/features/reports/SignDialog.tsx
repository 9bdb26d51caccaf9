import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Report, ReportCheck } from '../../../app/domains/reports/reportSchema.ts';
import { useCommandOf, useQueryOf } from '../../api/queries.ts';
import { Button } from '../../components/Button.tsx';
import { Dialog } from '../../components/Dialog.tsx';
import { FailureNotice } from '../../components/FailureNotice.tsx';
import { PasswordField } from '../../components/Field.tsx';
import { Notice } from '../../components/Notice.tsx';
import { PdfView } from './PdfView.tsx';

export interface SignDialogProps {
  readonly report: Report;
  /** The version the preview shows and the signature covers. */
  readonly version: number;
  readonly previewId: string;
  readonly patientId: string;
  readonly onClose: () => void;
  readonly onSigned: (report: Report) => void;
}

/** The last look: what will be signed, what the checks found, and the password. */
export function SignDialog({ report, version, previewId, patientId, onClose, onSigned }: SignDialogProps) {
  const { t } = useTranslation('reports');
  const [password, setPassword] = useState('');
  const checks = useQueryOf('reports.check', { reportId: report.reportId }, { staleTimeMs: 0 });
  const sign = useCommandOf('reports.sign');
  const blocked = checks.data === undefined || checks.data.some((check) => check.blocking);

  const submit = (): void => {
    if (blocked || password === '' || sign.isPending) return;
    sign.mutate(
      { reportId: report.reportId, version, patientId, studyUid: report.studyUid, password },
      { onSuccess: onSigned, onSettled: () => setPassword('') },
    );
  };

  return (
    <Dialog
      open
      onClose={onClose}
      size="xl"
      title={t('sign.title')}
      footer={
        <>
          <Button onClick={onClose}>{t('sign.cancel')}</Button>
          <Button variant="primary" onClick={submit} disabled={blocked || password === ''} loading={sign.isPending}>
            {t('sign.confirm')}
          </Button>
        </>
      }
    >
      <div className="report-sign">
        <PdfView documentId={previewId} keepable={false} />
        <form
          className="report-sign-side"
          onSubmit={(event) => {
            event.preventDefault();
            submit();
          }}
        >
          <p>{t('sign.explain')}</p>
          {checks.error ? <FailureNotice failure={checks.error} /> : null}
          {checks.data?.map((check) => (
            <CheckNotice key={`${check.code} ${check.sectionKey} ${check.detail}`} check={check} />
          ))}
          {checks.data?.length === 0 ? <Notice severity="inform">{t('sign.noFindings')}</Notice> : null}
          <PasswordField
            label={t('sign.password')}
            value={password}
            onChange={setPassword}
            autoComplete="off"
            data-autofocus
            disabled={blocked}
          />
          {sign.error ? <FailureNotice failure={sign.error} /> : null}
          <p className="label">{t('sign.stays')}</p>
        </form>
      </div>
    </Dialog>
  );
}

function CheckNotice({ check }: { check: ReportCheck }) {
  const { t } = useTranslation('reports');
  return (
    <Notice severity={check.blocking ? 'block' : 'caution'}>
      {t(`check.${check.code}`, { detail: check.detail })}
    </Notice>
  );
}
