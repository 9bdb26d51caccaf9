import { useEffect, useRef, useState, useSyncExternalStore } from 'react';
import { useTranslation } from 'react-i18next';
import type { KeyImage } from '../../../app/domains/imaging/imagingSchema.ts';
import { formatMeasurement } from '../../../app/domains/imaging/measurementRules.ts';
import { Failure } from '../../../app/shared/failure.ts';
import { asFailure } from '../../api/asFailure.ts';
import { Button } from '../../components/Button.tsx';
import { FailureNotice } from '../../components/FailureNotice.tsx';
import { emptyViewState, type OpenStack } from '../../viewport/viewport.ts';
import { PaneOverlay } from './PaneOverlay.tsx';
import type { ReadingDesk } from './readingDesk.ts';
import type { SeriesRef } from './readingStore.ts';
import { seriesMediaType } from './SeriesStrip.tsx';

export interface ViewportPaneProps {
  readonly desk: ReadingDesk;
  readonly index: number;
  readonly shown: SeriesRef | null;
  readonly isActive: boolean;
  readonly isPrior: boolean;
  /** Instances of its study may still be missing. */
  readonly isArriving: boolean;
  readonly keyImages: readonly KeyImage[];
  readonly onDropSeries: (ref: SeriesRef) => void;
}

const nothing = () => () => undefined;

/** One viewport on the desk: the picture, what is said of it, or why there is none. */
export function ViewportPane({
  desk,
  index,
  shown,
  isActive,
  isPrior,
  isArriving,
  keyImages,
  onDropSeries,
}: ViewportPaneProps) {
  const { t, i18n } = useTranslation('imaging');
  const rootRef = useRef<HTMLDivElement>(null);
  const paneRef = useRef<HTMLDivElement>(null);
  const [pane, setPane] = useState<OpenStack>();
  const [failure, setFailure] = useState<Failure>();
  const [attempt, setAttempt] = useState(0);
  const [isTarget, setIsTarget] = useState(false);
  const state = useSyncExternalStore(pane?.view.state.watch ?? nothing, pane?.view.state.get ?? (() => emptyViewState));
  const language: 'fr' | 'en' = i18n.language === 'fr' ? 'fr' : 'en';
  const languageRef = useRef(language);
  languageRef.current = language;

  useEffect(() => {
    const root = rootRef.current;
    if (!root) return;
    const opened = desk.attachPane(index, root, {
      // Straight into the page: a render for every movement of the mouse would be felt.
      onHover: (hover) => {
        const target = paneRef.current?.querySelector<HTMLElement>('[data-hover]');
        if (!target) return;
        const value =
          hover?.value === undefined
            ? hover?.stored.join(' / ')
            : formatMeasurement(
                { kind: 'value', value: hover.value, unit: hover.unit, calibration: 'none' },
                languageRef.current,
              );
        target.textContent = hover ? `${hover.column}, ${hover.row} · ${value}` : '';
      },
    });
    setPane(opened);
    return () => {
      setPane(undefined);
      desk.detachPane(index);
    };
  }, [desk, index]);

  const shownStudy = shown?.studyUid;
  const shownSeries = shown?.seriesUid;
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new attempt shows the same series again
  useEffect(() => {
    if (!pane) return;
    setFailure(undefined);
    let isCurrent = true;
    const ref =
      shownStudy !== undefined && shownSeries !== undefined ? { studyUid: shownStudy, seriesUid: shownSeries } : null;
    desk.show(index, ref, desk.takeStart(index)).catch((error: unknown) => {
      if (isCurrent) setFailure(asFailure(error));
    });
    return () => {
      isCurrent = false;
    };
  }, [desk, index, pane, shownStudy, shownSeries, attempt]);

  const viewFailure =
    state.status === 'failed' ? new Failure(state.failureCode ?? 'imaging.frameUnavailable', 'no picture') : undefined;
  const told = failure ?? viewFailure;
  const retry = () => {
    // At the frame that failed, not from the start.
    const wanted = pane?.view.frames[state.wantedIndex];
    if (wanted) desk.startAt(index, { sopUid: wanted.sopUid, frame: wanted.frame });
    setAttempt((value) => value + 1);
  };
  const drawn = state.picture?.attributes;
  const isKeyImage =
    drawn !== undefined && keyImages.some((image) => image.sopUid === drawn.sopUid && image.frame === drawn.frame);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: a series is dropped here; Space does the same from the keyboard
    <div
      ref={paneRef}
      className={['reading-pane', isActive ? 'active' : '', isTarget ? 'target' : ''].filter(Boolean).join(' ')}
      data-testid={`pane-${index}`}
      data-status={told ? 'failed' : state.status}
      onDragOver={(event) => {
        if (!event.dataTransfer.types.includes(seriesMediaType)) return;
        event.preventDefault();
        setIsTarget(true);
      }}
      onDragLeave={() => setIsTarget(false)}
      onDrop={(event) => {
        setIsTarget(false);
        const text = event.dataTransfer.getData(seriesMediaType);
        if (!text) return;
        event.preventDefault();
        const [studyUid, seriesUid] = text.split('/');
        if (studyUid && seriesUid) onDropSeries({ studyUid, seriesUid });
      }}
    >
      <section
        ref={rootRef}
        className="reading-root"
        tabIndex={-1}
        aria-label={t('pane.label', { number: index + 1 })}
      />
      <PaneOverlay state={state} isPrior={isPrior} isArriving={isArriving} isKeyImage={isKeyImage} />
      {told ? (
        <div className="reading-message">
          <FailureNotice failure={told} retry={retry} />
        </div>
      ) : null}
      {!told && state.status === 'loading' ? <div className="reading-message quiet">{t('pane.loading')}</div> : null}
      {!told && state.status === 'lost' ? <div className="reading-message quiet">{t('pane.lost')}</div> : null}
      {!told && state.status === 'empty' ? (
        <div className="reading-message quiet">{shown ? t('pane.loading') : t('pane.empty')}</div>
      ) : null}
      {state.hasOverlays ? (
        <Button
          size="s"
          variant="ghost"
          className="reading-overlay-switch"
          onClick={() => pane?.view.setOverlaysShown(!state.areOverlaysShown)}
        >
          {state.areOverlaysShown ? t('pane.hideOverlays') : t('pane.showOverlays')}
        </Button>
      ) : null}
    </div>
  );
}
