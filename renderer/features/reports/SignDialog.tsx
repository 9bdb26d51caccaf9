import { useRef, useState } from 'react';
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
  /** What is shown, and what the signature covers. */
  readonly preview: { readonly documentId: string; readonly version: number; readonly digest: string };
  /** True while a new preview is on its way. */
  readonly renewing: boolean;
  readonly patientId: string;
  readonly onClose: () => void;
  readonly onSigned: (report: Report) => void;
  /** The report no longer prints as it was shown: asks for a new preview, to be looked at before signing. */
  readonly onChanged: () => void;
}

/** The last look: what will be signed, what the checks found, and the password. */
export function SignDialog(props: SignDialogProps) {
  const { report, preview, renewing, patientId, onClose, onSigned, onChanged } = props;
  const { t } = useTranslation('reports');
  const [password, setPassword] = useState('');
  const passwordField = useRef<HTMLInputElement>(null);
  const [shownId, setShownId] = useState<string | null>(null);
  const checks = useQueryOf('reports.check', { reportId: report.reportId }, { staleTimeMs: 0 });
  const sign = useCommandOf('reports.sign');
  // Nobody signs a page that did not come up.
  const isShown = !renewing && shownId === preview.documentId;
  const isStopped = checks.data?.some((check) => check.blocking) ?? false;
  const blocked = !isShown || checks.data === undefined || isStopped;

  const submit = (): void => {
    if (blocked || password === '' || sign.isPending) return;
    const { version, digest } = preview;
    sign.mutate(
      { reportId: report.reportId, version, digest, patientId, studyUid: report.studyUid, password },
      {
        onSuccess: onSigned,
        onError: (failure) => {
          if (failure.code === 'reports.previewChanged') onChanged();
          // The button that was pressed is disabled now and would leave the focus nowhere.
          else passwordField.current?.focus();
        },
        onSettled: () => setPassword(''),
      },
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
        <PdfView documentId={preview.documentId} keepable={false} onShown={setShownId} />
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
            ref={passwordField}
            label={t('sign.password')}
            value={password}
            onChange={setPassword}
            autoComplete="off"
            data-autofocus
            disabled={isStopped}
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
