import { useDebouncedValue } from '@mantine/hooks';
import { IconAlertTriangle, IconFileExport, IconPhotoOff, IconSend } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Series, Study } from '../../../app/domains/imaging/imagingSchema.ts';
import { useAssetImage } from '../../api/assetImages.ts';
import { useQueryOf } from '../../api/queries.ts';
import { useCan } from '../../api/session.tsx';
import { Button, IconButton } from '../../components/Button.tsx';
import { EmptyState } from '../../components/EmptyState.tsx';
import { FailureNotice, useFailureText } from '../../components/FailureNotice.tsx';
import { Notice } from '../../components/Notice.tsx';
import { Skeleton } from '../../components/Skeleton.tsx';
import { ageOnDay, useFormats } from '../../i18n/formats.ts';
import { AssignMenu } from './AssignMenu.tsx';
import { ExportDialog } from './ExportDialog.tsx';

export interface WorklistPreviewProps {
  readonly studyUid: string | null;
  readonly onRead: (studyUid: string) => void;
  readonly onPatient: (patientId: string) => void;
  readonly onConflict: (studyUid: string) => void;
  readonly onSelect: (studyUid: string) => void;
  /** Null: this operator sends nothing. */
  readonly onSend: ((studyUid: string) => void) | null;
}

/** Running through the list with an arrow key must not fetch every study on the way. */
const restMs = 90;

/** The chosen study beside the list: whose it is, a picture, what it holds, what came before. */
export function WorklistPreview({ studyUid, ...rest }: WorklistPreviewProps) {
  const { t } = useTranslation('worklist');
  const [rested] = useDebouncedValue(studyUid, restMs);
  return (
    <aside className="worklist-side" aria-label={t('preview.label')}>
      {studyUid === null ? (
        <EmptyState title={t('preview.none')}>{t('preview.noneWhat')}</EmptyState>
      ) : rested === studyUid ? (
        <Preview key={studyUid} studyUid={studyUid} {...rest} />
      ) : null}
    </aside>
  );
}

/** The asset route of one frame as a picture (DICOMweb rendered resource, PS3.18 section 10.4). */
export function renderedPath(studyUid: string, series: Pick<Series, 'seriesUid' | 'representative'>): string | null {
  if (!series.representative) return null;
  const { sopUid, frame, version } = series.representative;
  const path = `/dicomweb/studies/${studyUid}/series/${series.seriesUid}/instances/${sopUid}/frames/${frame}/rendered`;
  // Another address for another picture: what a window keeps of the one before must not be shown again.
  return version === undefined ? path : `${path}?version=${version}`;
}

function Preview({
  studyUid,
  onRead,
  onPatient,
  onConflict,
  onSelect,
  onSend,
}: WorklistPreviewProps & { studyUid: string }) {
  const { t } = useTranslation('worklist');
  const formats = useFormats();
  const detail = useQueryOf('imaging.getStudy', { studyUid });
  const canExport = useCan('studies.export');
  const [exporting, setExporting] = useState(false);
  if (detail.error) return <FailureNotice failure={detail.error} retry={() => void detail.refetch()} />;
  if (!detail.data)
    return (
      <>
        <Skeleton width="60%" height={18} />
        <Skeleton height={280} />
      </>
    );
  const { study, patient, series, priors } = detail.data;
  const shown = series.find((each) => each.representative !== null);
  const what = (
    <Button size="s" onClick={() => onConflict(studyUid)}>
      {t('marks.whatIsThis')}
    </Button>
  );
  const facts: readonly (readonly [string, string])[] = [
    [t('preview.study'), [study.modalities.join(' '), study.description].filter(Boolean).join(' · ')],
    [
      t('preview.date'),
      [study.studyDate ? formats.date(study.studyDate) : '', formats.time(study.studyTime)].filter(Boolean).join(' '),
    ],
    [t('preview.accession'), study.accessionNumber],
    [t('preview.referring'), study.referringPhysician.replaceAll('^', ' ').trim()],
    [t('preview.size'), formats.bytes(study.bytes)],
  ];
  return (
    <>
      <div className="worklist-who" style={{ '--patient-hue': patient.hue } as React.CSSProperties}>
        <span className="label">{t('preview.patient')}</span>
        <button type="button" className="worklist-name" onClick={() => onPatient(patient.patientId)}>
          {patient.displayName || t('unnamed')}
        </button>
        {study.identityConflict ? (
          <span className="worklist-conflict">{t('marks.twoPeople')}</span>
        ) : (
          <span className="quiet">
            {[
              formats.sex(patient.sex),
              formats.age(study.patientAge || ageOnDay(patient.birthDate, study.studyDate)),
              patient.birthDate ? t('born', { date: formats.date(patient.birthDate) }) : t('birthUnknown'),
              patient.identifier || t('noIdentifier'),
            ]
              .filter(Boolean)
              .join(' · ')}
          </span>
        )}
      </div>
      {study.arriving ? <Notice severity="caution">{t('marks.arrivingWhy')}</Notice> : null}
      {study.isSenderAborted ? <Notice severity="caution">{t('marks.senderAborted')}</Notice> : null}
      {study.identityConflict ? (
        <Notice severity="block" title={t('marks.identity')} action={what}>
          {t('marks.identityWhy')}
        </Notice>
      ) : (
        <KeyPicture path={shown ? renderedPath(studyUid, shown) : null} />
      )}
      {study.conflictCount > 0 ? (
        <Notice severity="caution" title={t('marks.copies')} action={what}>
          {t('marks.copiesWhy', { count: study.conflictCount })}
        </Notice>
      ) : null}
      {study.asideCount ? (
        <Notice severity="caution" action={what}>
          {t('marks.asideWhy', { count: study.asideCount })}
        </Notice>
      ) : null}
      {patient.needsLinkDecision ? (
        <Notice
          severity="caution"
          action={
            <Button size="s" onClick={() => onPatient(patient.patientId)}>
              {t('preview.decide')}
            </Button>
          }
        >
          {t('marks.linkWhy')}
        </Notice>
      ) : null}
      <dl className="worklist-facts">
        {facts
          .filter(([, value]) => value !== '')
          .map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
      </dl>
      <SeriesList series={series} />
      <PriorList priors={priors} onSelect={onSelect} />
      <div className="worklist-actions">
        <Button
          variant="primary"
          kbd="enter"
          className="worklist-read"
          disabled={study.identityConflict}
          onClick={() => onRead(studyUid)}
        >
          {t('preview.read')}
        </Button>
        <AssignMenu studyUid={studyUid} />
        {onSend ? (
          <IconButton
            variant="default"
            tooltipSide="top"
            label={t('preview.send')}
            kbd="s"
            icon={<IconSend size={16} stroke={1.6} />}
            disabled={study.identityConflict}
            onClick={() => onSend(studyUid)}
          />
        ) : null}
        {canExport ? (
          <IconButton
            variant="default"
            tooltipSide="top"
            label={t('export.button')}
            icon={<IconFileExport size={16} stroke={1.6} />}
            onClick={() => setExporting(true)}
          />
        ) : null}
        <ExportDialog open={exporting} studyUid={studyUid} onClose={() => setExporting(false)} />
      </div>
    </>
  );
}

function KeyPicture({ path }: { path: string | null }) {
  const { t } = useTranslation('worklist');
  const failureText = useFailureText();
  const image = useAssetImage(path);
  return (
    <div className="worklist-key">
      {image.url ? <img src={image.url} alt={t('preview.picture')} draggable={false} /> : null}
      {image.loading ? <p className="worklist-key-wait">{t('preview.loading')}</p> : null}
      {path === null ? (
        <p>
          <IconPhotoOff size={22} stroke={1.4} aria-hidden />
          {t('preview.noPicture')}
        </p>
      ) : null}
      {image.failure ? (
        <p>
          <IconAlertTriangle size={22} stroke={1.4} aria-hidden />
          {failureText(image.failure)}
        </p>
      ) : null}
      {image.url ? <span className="worklist-key-note">{t('preview.notForReading')}</span> : null}
    </div>
  );
}

function SeriesList({ series }: { series: readonly Series[] }) {
  const { t } = useTranslation('worklist');
  const formats = useFormats();
  return (
    <section className="worklist-section">
      <h2 className="label">{t('preview.series', { count: series.length })}</h2>
      <ul className="worklist-series">
        {series.map((each) => (
          <li key={each.seriesUid}>
            <span className="worklist-mod">{each.modality || '—'}</span>
            <span className="worklist-series-text" title={each.description}>
              {[each.seriesNumber === null ? '' : each.seriesNumber, each.description || t('preview.noDescription')]
                .filter((part) => part !== '')
                .join(' · ')}
            </span>
            <span className="num">
              {each.frameCount > 0
                ? t('preview.images', { count: each.frameCount, value: formats.number(each.frameCount) })
                : t('preview.objects', { count: each.instanceCount, value: formats.number(each.instanceCount) })}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function PriorList({ priors, onSelect }: { priors: readonly Study[]; onSelect: (studyUid: string) => void }) {
  const { t } = useTranslation('worklist');
  const formats = useFormats();
  return (
    <section className="worklist-section">
      <h2 className="label">{t('preview.priors')}</h2>
      {priors.length === 0 ? <p className="quiet">{t('preview.noPriors')}</p> : null}
      <ul className="worklist-priors">
        {priors.map((prior) => (
          <li key={prior.studyUid}>
            <button type="button" onClick={() => onSelect(prior.studyUid)}>
              <span className="worklist-mod">{prior.modalities.join(' ') || '—'}</span>
              <span className="worklist-series-text">{prior.description || t('preview.noDescription')}</span>
              <span className="num">{prior.studyDate ? formats.date(prior.studyDate) : '—'}</span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
