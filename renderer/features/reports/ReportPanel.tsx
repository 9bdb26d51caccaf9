import { IconFileText } from '@tabler/icons-react';
import { type ReactNode, useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Annotation, KeyImage } from '../../../app/domains/imaging/imagingSchema.ts';
import type { Report, ReportSummary } from '../../../app/domains/reports/reportSchema.ts';
import { useApi } from '../../api/ApiProvider.tsx';
import { asFailure } from '../../api/asFailure.ts';
import { useCommandOf, useQueryOf } from '../../api/queries.ts';
import { useCan, useSession } from '../../api/session.tsx';
import { Button } from '../../components/Button.tsx';
import { Dialog } from '../../components/Dialog.tsx';
import { EmptyState } from '../../components/EmptyState.tsx';
import { FailureNotice } from '../../components/FailureNotice.tsx';
import { SelectField } from '../../components/Field.tsx';
import { Notice } from '../../components/Notice.tsx';
import { Skeleton } from '../../components/Skeleton.tsx';
import { useFormats } from '../../i18n/formats.ts';
import { PdfView } from './PdfView.tsx';
import { ReportDraft, type ReportDraftProps } from './ReportDraft.tsx';
import './reports.css';

/** What the reading room tells the report beside it. */
export interface ReportPanelContext {
  readonly studyUid: string;
  readonly patientId: string;
  /** Of the study. */
  readonly revision: number;
  readonly keyImages: readonly KeyImage[];
  /** Newest version of each annotation of the study, archived ones included. */
  readonly annotations: readonly Annotation[];
  readonly onJumpTo: (target: { sopUid: string; frame: number; annotationId?: string }) => void;
}

/** The reports of the study being read: the signed ones, the open draft, or the way to start one. */
export default function ReportPanel({
  renderReceipts,
  ...context
}: ReportPanelContext & {
  /** Where a signed report was sent, shown below it. */
  readonly renderReceipts: (reportId: string) => ReactNode;
}) {
  const { t } = useTranslation('reports');
  const reports = useQueryOf('reports.list', { studyUid: context.studyUid });
  const [generation, setGeneration] = useState(0);
  const [opened, setOpened] = useState<string | null>(null);
  const canWrite = useCan('reports.write');
  const addendum = useCommandOf('reports.startAddendum');

  const failed = reports.error ? <FailureNotice failure={reports.error} retry={() => void reports.refetch()} /> : null;
  if (reports.data === undefined) return failed ?? <Skeleton height={200} />;
  const wrong = reports.data.find(
    (report) => report.patientId !== context.patientId || report.studyUid !== context.studyUid,
  );
  if (wrong !== undefined) return <WrongPatient />;
  const signed = reports.data.filter((report) => report.state === 'signed');
  const draft = reports.data.find((report) => report.state === 'draft');
  const original = signed.find((report) => report.addendumTo === null);
  return (
    <div className="report-panel">
      {/* Above what is known: the open draft stays, with what is typed in it and not yet saved. */}
      {failed}
      {signed.map((report) => (
        <div key={report.reportId} className="report-signed">
          <SignedCard report={report} onOpen={() => setOpened(report.documentId)} />
          {renderReceipts(report.reportId)}
        </div>
      ))}
      {draft !== undefined ? (
        <OpenedDraft
          key={`${draft.reportId}/${generation}`}
          reportId={draft.reportId}
          context={context}
          onSigned={(report) => setOpened(report.documentId)}
          onReload={() => void reports.refetch().then(() => setGeneration((value) => value + 1))}
        />
      ) : original !== undefined ? (
        canWrite ? (
          <div className="report-foot">
            {addendum.error ? <FailureNotice failure={addendum.error} /> : null}
            <Button loading={addendum.isPending} onClick={() => addendum.mutate({ reportId: original.reportId })}>
              {t('addendum')}
            </Button>
            <span className="label">{t('addendumWhy')}</span>
          </div>
        ) : null
      ) : (
        <StartReport studyUid={context.studyUid} />
      )}
      {opened === null ? null : (
        <Dialog open onClose={() => setOpened(null)} size="l" title={t('signedReport')}>
          <PdfView documentId={opened} keepable />
        </Dialog>
      )}
    </div>
  );
}

interface OpenedDraftProps extends Omit<ReportDraftProps, 'report'> {
  readonly reportId: string;
}

/**
 * Opens a draft: its text is read once, one audit entry, and not again while it is written (what another window saves
 * meanwhile is found when this one saves).
 */
function OpenedDraft({ reportId, ...rest }: OpenedDraftProps) {
  const { client } = useApi();
  const [report, setReport] = useState<Report | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  const [attempt, setAttempt] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `attempt` is how a person asks again.
  useEffect(() => {
    const stop = new AbortController();
    setFailure(null);
    client.reports.get({ reportId }, { signal: stop.signal }).then(setReport, (error: unknown) => {
      if (!stop.signal.aborted) setFailure(asFailure(error));
    });
    return () => stop.abort();
  }, [client, reportId, attempt]);
  if (failure !== null) return <FailureNotice failure={failure} retry={() => setAttempt(attempt + 1)} />;
  if (report === null) return <Skeleton height={200} />;
  if (report.patientId !== rest.context.patientId || report.studyUid !== rest.context.studyUid) return <WrongPatient />;
  return <ReportDraft report={report} {...rest} />;
}

function WrongPatient() {
  const { t } = useTranslation('reports');
  return (
    <Notice severity="unsafe" title={t('wrongPatient.title')}>
      {t('wrongPatient.text')}
    </Notice>
  );
}

function SignedCard({ report, onOpen }: { report: ReportSummary; onOpen: () => void }) {
  const { t } = useTranslation('reports');
  const formats = useFormats();
  const colleagues = useQueryOf('security.listColleagues', undefined);
  const signer = colleagues.data?.find((one) => one.operatorName === report.signedBy)?.fullName ?? report.signedBy;
  return (
    <article className="report-card">
      <IconFileText size={18} stroke={1.6} aria-hidden />
      <div>
        <div className="report-card-title">{report.addendumTo === null ? report.title : t('addendumCard')}</div>
        <div className="label">
          {t('signedBy', {
            name: signer,
            at: report.signedAt === null ? '' : formats.dateTime(report.signedAt),
          })}
        </div>
      </div>
      <Button size="s" onClick={onOpen}>
        {t('openPdf')}
      </Button>
    </article>
  );
}

function StartReport({ studyUid }: { studyUid: string }) {
  const { t, i18n } = useTranslation('reports');
  const session = useSession();
  const canWrite = useCan('reports.write');
  const templates = useQueryOf('reports.listTemplates', { studyUid });
  const open = useCommandOf('reports.openDraft');
  const [language, setLanguage] = useState<'en' | 'fr'>(i18n.language === 'fr' ? 'fr' : session.language);
  const [templateId, setTemplateId] = useState('');
  if (templates.error) return <FailureNotice failure={templates.error} retry={() => void templates.refetch()} />;
  if (templates.data === undefined) return <Skeleton height={160} />;
  if (!canWrite) return <EmptyState title={t('start.none')}>{t('start.notAllowed')}</EmptyState>;
  const chosen = templateId === '' ? (templates.data[0]?.templateId ?? '') : templateId;
  return (
    <div className="report-start">
      <h2>{t('start.title')}</h2>
      <SelectField
        label={t('start.template')}
        value={chosen}
        onChange={setTemplateId}
        options={templates.data.map((template) => ({
          value: template.templateId,
          label: template.title[language] ?? template.templateId,
        }))}
      />
      <SelectField
        label={t('start.language')}
        value={language}
        onChange={setLanguage}
        options={[
          { value: 'fr', label: 'Français' },
          { value: 'en', label: 'English' },
        ]}
      />
      {open.error ? <FailureNotice failure={open.error} /> : null}
      <Button
        variant="primary"
        loading={open.isPending}
        onClick={() => open.mutate({ studyUid, templateId: chosen, language })}
      >
        {t('start.button')}
      </Button>
    </div>
  );
}
