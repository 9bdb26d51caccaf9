import { useEffect, useRef, useState, useSyncExternalStore } from 'react';
import { useTranslation } from 'react-i18next';
import { formatMeasurement, formatNumber } from '../../../app/domains/imaging/measurementRules.ts';
import { Failure } from '../../../app/shared/failure.ts';
import { asFailure } from '../../api/asFailure.ts';
import { FailureNotice } from '../../components/FailureNotice.tsx';
import { Notice } from '../../components/Notice.tsx';
import { ProgressBar } from '../../components/ProgressBar.tsx';
import { useFormats } from '../../i18n/formats.ts';
import { type MprState, type OpenMpr, type PlaneState, scaleBarFor } from '../../viewport/viewport.ts';
import { EdgeLetterMarks } from './EdgeLetterMarks.tsx';
import { FidelityBadge } from './FidelityBadge.tsx';
import { nameOf } from './PaneOverlay.tsx';
import type { ReadingDesk } from './readingDesk.ts';
import type { SeriesRef } from './readingStore.ts';
import { ScaleBarMark } from './ScaleBarMark.tsx';
import { useWindowText } from './windowText.ts';

const nothing = () => () => undefined;
const none = () => undefined;

/** Three planes through a proven volume, or the reason why this series is none. */
export function MprStage({
  desk,
  shown,
  activePane,
  isArriving,
}: {
  desk: ReadingDesk;
  shown: SeriesRef;
  activePane: number;
  isArriving: boolean;
}) {
  const { t } = useTranslation('imaging');
  const roots = [useRef<HTMLDivElement>(null), useRef<HTMLDivElement>(null), useRef<HTMLDivElement>(null)] as const;
  const [mpr, setMpr] = useState<OpenMpr>();
  const [failure, setFailure] = useState<Failure>();
  const state = useSyncExternalStore<MprState | undefined>(
    mpr?.view.state.watch ?? nothing,
    mpr?.view.state.get ?? none,
  );
  const { studyUid, seriesUid } = shown;

  // biome-ignore lint/correctness/useExhaustiveDependencies: the three refs never change
  useEffect(() => {
    const [axial, coronal, sagittal] = roots.map((root) => root.current);
    if (!axial || !coronal || !sagittal) return;
    const opened = desk.attachMpr([axial, coronal, sagittal]);
    setMpr(opened);
    setFailure(undefined);
    desk.showMpr(opened, { studyUid, seriesUid }).catch((error: unknown) => setFailure(asFailure(error)));
    return () => {
      setMpr(undefined);
      desk.detachMpr(opened);
    };
  }, [desk, studyUid, seriesUid]);

  const told =
    failure ??
    (state?.status === 'failed'
      ? new Failure(state.failureCode ?? 'imaging.frameUnavailable', 'no volume')
      : undefined);
  return (
    <div className="reading-mpr" data-testid="mpr" data-status={told ? 'failed' : (state?.status ?? 'loading')}>
      {roots.map((root, index) => (
        <div
          key={planeKeys[index]}
          className={['reading-pane', activePane === index ? 'active' : ''].filter(Boolean).join(' ')}
          data-testid={`plane-${planeKeys[index]}`}
        >
          <section
            ref={root}
            className="reading-root"
            tabIndex={-1}
            aria-label={t(`plane.${planeKeys[index] ?? 'axial'}`)}
          />
          {state?.status === 'shown' && state.planes[index] ? (
            <PlaneOverlay
              state={state}
              plane={state.planes[index]}
              isFirst={index === 0}
              isPrior={studyUid !== desk.main.study.studyUid}
              isArriving={isArriving}
            />
          ) : null}
        </div>
      ))}
      {told ? (
        <div className="reading-message wide">
          <FailureNotice failure={told} />
        </div>
      ) : null}
      {state?.status === 'refused' && state.refusal ? (
        <div className="reading-message wide" data-testid="mpr-refusal">
          <Notice severity="block" title={t('mpr.refused')}>
            {t(`mpr.refusal.${state.refusal}`)} {t('mpr.back')}
          </Notice>
        </div>
      ) : null}
      {state?.status === 'loading' ? (
        <div className="reading-message wide">
          <div className="reading-progress">
            <span>{t('mpr.loading', { loaded: state.loadedCount, count: state.count })}</span>
            <ProgressBar
              fraction={state.count > 0 ? state.loadedCount / state.count : null}
              label={t('mpr.loadingLabel')}
            />
          </div>
        </div>
      ) : null}
    </div>
  );
}

const planeKeys = ['axial', 'coronal', 'sagittal'] as const;

function PlaneOverlay({
  state,
  plane,
  isFirst,
  isPrior,
  isArriving,
}: {
  state: MprState;
  plane: PlaneState;
  isFirst: boolean;
  isPrior: boolean;
  isArriving: boolean;
}) {
  const { t, i18n } = useTranslation('imaging');
  const formats = useFormats();
  const windowText = useWindowText();
  const language = i18n.language === 'fr' ? 'fr' : 'en';
  const { attributes, window, value } = state;
  if (!attributes || !window) return null;
  const bar = scaleBarFor(plane.pxPerMm);
  const names = { axial: t('plane.axial'), coronal: t('plane.coronal'), sagittal: t('plane.sagittal') };
  return (
    <div className="reading-overlay">
      <EdgeLetterMarks letters={plane.letters} />
      <div className="reading-corner top-left">
        <b>{nameOf({ attributes }) || t('overlay.noName')}</b>
        <span className="reading-identifier">{attributes.patient.identifier}</span>
        {isPrior ? <span className="reading-mark prior">{t('overlay.prior')}</span> : null}
        {isArriving ? <span className="reading-mark arriving">{t('overlay.arriving')}</span> : null}
      </div>
      <div className="reading-corner top-right">
        <span>{[attributes.modality, formats.date(attributes.study.date)].filter(Boolean).join(' · ')}</span>
        <span>{t('mpr.plane', { plane: names[plane.name] })}</span>
      </div>
      <div className="reading-corner bottom-left">
        {isFirst && value ? (
          <span data-testid="mpr-value">
            {t('mpr.atCrosshair', {
              value: formatMeasurement(
                { kind: 'value', value: value.value, unit: value.unit, calibration: 'none' },
                language,
              ),
            })}
          </span>
        ) : null}
        <span>
          {windowText({ window })}
          {state.isInverted ? ` · ${t('overlay.inverted')}` : ''}
        </span>
        <span>{`${formatNumber(plane.positionMm, 1, language)} mm`}</span>
      </div>
      <div className="reading-corner bottom-right">
        {state.fidelity ? <FidelityBadge fidelity={state.fidelity} /> : null}
        {bar ? <ScaleBarMark bar={bar} /> : null}
      </div>
    </div>
  );
}
