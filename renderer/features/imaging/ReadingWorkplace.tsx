import { type ReactNode, useEffect, useMemo, useState, useSyncExternalStore } from 'react';
import { useTranslation } from 'react-i18next';
import { useStore } from 'zustand';
import type { Study } from '../../../app/domains/imaging/imagingSchema.ts';
import { Failure } from '../../../app/shared/failure.ts';
import { useCommandOf, useQueryOf } from '../../api/queries.ts';
import { useCan } from '../../api/session.tsx';
import { FailureNotice, useFailureText } from '../../components/FailureNotice.tsx';
import { Notice } from '../../components/Notice.tsx';
import { PatientBanner } from '../../components/PatientBanner.tsx';
import { useToast } from '../../components/Toast.tsx';
import { ageOnDay, useFormats } from '../../i18n/formats.ts';
import { InfoPanel } from './InfoPanel.tsx';
import { MeasurementList } from './MeasurementList.tsx';
import { MprStage } from './MprStage.tsx';
import { studyRefusal } from './patientMatch.ts';
import type { ReportContext } from './ReadingRoom.tsx';
import { ReadingToolbar } from './ReadingToolbar.tsx';
import { makeReadingActions } from './readingActions.ts';
import type { ReadingDesk } from './readingDesk.ts';
import { useReadingKeys } from './readingKeys.ts';
import { paneCounts, type ReadingState, type ReadingStore, type SeriesRef } from './readingStore.ts';
import { SeriesStrip } from './SeriesStrip.tsx';
import { useLatest } from './useActiveView.ts';
import { ViewportPane } from './ViewportPane.tsx';

export interface ReadingWorkplaceProps {
  readonly desk: ReadingDesk;
  readonly store: ReadingStore;
  readonly priors: readonly Study[];
  readonly onClose: () => void;
  readonly onSend: (() => void) | null;
  readonly renderReportPanel: (context: ReportContext) => ReactNode;
}

/** Thumbnails left, pictures in the middle, what is written about them right. */
export function ReadingWorkplace({ desk, store, priors, onClose, onSend, renderReportPanel }: ReadingWorkplaceProps) {
  const { t } = useTranslation('imaging');
  const state = useStore(store);
  const toast = useToast();
  const failureText = useFailureText();
  const canAnnotate = useCan('annotations.write');
  const { studyUid } = desk.main.study;
  const { patientId } = desk.main.patient;
  const keyImages = useQueryOf('imaging.listKeyImages', { studyUid });
  const known = useQueryOf('imaging.listAnnotations', { studyUid });
  // What an import changes while the study is open: it may grow, or turn out to be of two people.
  const present = useQueryOf('imaging.getStudy', { studyUid });
  const setKeyImage = useCommandOf('imaging.setKeyImage');
  const journal = desk.journal(studyUid);
  // The list is that of the study in the active viewport; the report's is always the study being read.
  const listed = desk.journal(state.panes[state.activePane]?.studyUid ?? studyUid);
  const journalState = useSyncExternalStore(journal.watch, journal.getState);
  const listedState = useSyncExternalStore(listed.watch, listed.getState);
  const [loadFailure, setLoadFailure] = useState<unknown>();

  // Another window's measurements come in as they are saved there.
  useEffect(() => {
    if (known.data) journal.takeOver(known.data);
    setLoadFailure(known.error ?? undefined);
  }, [journal, known.data, known.error]);
  useEffect(() => {
    for (const prior of state.priors) desk.journal(prior).load().catch(setLoadFailure);
  }, [desk, state.priors]);

  const marked = keyImages.data ?? [];
  const toggleKeyImage = () => {
    const picture = desk.active?.view.state.get().picture;
    if (!picture || !canAnnotate) return;
    const { sopUid, frame, seriesUid, studyUid: drawnStudy } = picture.attributes;
    if (drawnStudy !== studyUid) {
      toast({ tone: 'warning', text: t('keyImage.notPrior') });
      return;
    }
    const isMarked = marked.some((image) => image.sopUid === sopUid && image.frame === frame);
    // The image's own window or table is the host's to apply; one that somebody chose, or that this viewport spread over
    // the stack, is kept with the mark.
    const isChosen = picture.windowSource !== 'image' && picture.windowSource !== 'table';
    const { centre, width, function: curve } = picture.window;
    const window = picture.isColour || !isChosen ? null : { centre, width, function: curve };
    setKeyImage.mutate(
      { studyUid, seriesUid, sopUid, frame, window, marked: !isMarked, revision: desk.revisionOf(studyUid) },
      {
        onError: (error) => toast({ tone: 'danger', text: failureText(error) }),
      },
    );
  };
  const hooks = {
    toggleKeyImage,
    failed: (error: unknown) => toast({ tone: 'danger', text: failureText(error) }),
    // The window's own list of keys answers '?'.
    showKeys: () => window.dispatchEvent(new KeyboardEvent('keydown', { key: '?', bubbles: true })),
  };
  const latest = useLatest(hooks);
  const actions = useMemo(
    () =>
      makeReadingActions(desk, store, {
        toggleKeyImage: () => latest.current.toggleKeyImage(),
        failed: (error) => latest.current.failed(error),
        showKeys: () => latest.current.showKeys(),
      }),
    [desk, store, latest],
  );
  useReadingKeys(actions, canAnnotate);

  const jumpTo = actions.jumpTo;
  const annotations = useMemo(
    () => journalState.entries.flatMap((entry) => (entry.saved ? [entry.saved] : [])),
    [journalState.entries],
  );
  const revision = present.data?.study.revision ?? desk.revisionOf(studyUid);
  const context = useMemo<ReportContext>(
    () => ({ studyUid, patientId, revision, keyImages: marked, annotations, onJumpTo: jumpTo }),
    [studyUid, patientId, revision, marked, annotations, jumpTo],
  );
  // What is being typed is rendered again only when what it is told changes.
  // biome-ignore lint/correctness/useExhaustiveDependencies: the shell hands a new function with every render of its own
  const report = useMemo(() => renderReportPanel(context), [context]);
  const isOtherPatient = desk.areOthersShown;
  const here = present.data ?? { study: desk.main.study, priors };
  const isArriving = (uid: string): boolean =>
    [here.study, ...here.priors].some(
      (each) => each.studyUid === uid && (each.arriving === true || each.isSenderAborted === true),
    );
  // Another content was taken for one of its images, or some were set aside: what is on the screen is out of date.
  const changed = (uid: string) =>
    ([here.study, ...here.priors].find((each) => each.studyUid === uid)?.revision ?? 0) === desk.revisionOf(uid)
      ? undefined
      : 'imaging.studyChanged';
  const refusalOf = (ref: SeriesRef | null | undefined) =>
    ref && (studyRefusal([here.study, ...here.priors], ref.studyUid) ?? changed(ref.studyUid));
  const mprRefusal = state.isMpr ? refusalOf(state.panes[state.activePane]) : undefined;
  // By its images: the PDF of a report that was just signed is no reason to look again.
  const hasGrown = here.study.frameCount > desk.main.study.frameCount;
  const studies = [desk.main, ...state.priors.flatMap((uid) => desk.study(uid) ?? [])];
  if (isOtherPatient) {
    return (
      <Notice severity="unsafe" title={t('room.otherPatient')}>
        {t('room.otherPatientWhat')}
      </Notice>
    );
  }
  return (
    <div className="reading-room" data-testid="reading-room">
      <Banner desk={desk} />
      <ReadingToolbar
        state={state}
        actions={actions}
        desk={desk}
        priors={priors}
        canAnnotate={canAnnotate}
        onClose={onClose}
        onSend={onSend}
      />
      {desk.engine.areNumbersTrusted ? null : (
        <Notice severity="unsafe" title={t('room.selfTest')}>
          {t('room.selfTestWhat')}
        </Notice>
      )}
      {hasGrown ? (
        <Notice severity="caution" title={t('room.grown')}>
          {t('room.grownWhat')}
        </Notice>
      ) : null}
      {loadFailure === undefined ? null : (
        <FailureNotice
          failure={loadFailure}
          retry={() => journal.load().then(() => setLoadFailure(undefined), setLoadFailure)}
        />
      )}
      <div className="reading-body">
        <SeriesStrip studies={studies} shown={visiblePanes(state)} onOpen={(ref) => actions.openSeries(ref)} />
        <div className={`reading-stage layout-${state.isMpr ? 'mpr' : state.layout}`}>
          {here.study.identityConflict || mprRefusal ? (
            <div className="reading-message wide">
              <RefusalNotice code={mprRefusal ?? 'imaging.identityConflict'} />
            </div>
          ) : state.isMpr && state.panes[state.activePane] ? (
            <MprHolder desk={desk} state={state} isArriving={isArriving} />
          ) : (
            Array.from({ length: paneCounts[state.layout] }, (_, index) => {
              const refusal = refusalOf(state.panes[index]);
              return refusal ? (
                // biome-ignore lint/suspicious/noArrayIndexKey: a viewport is its place
                <div key={index} className="reading-pane" data-testid={`pane-${index}`} data-status="failed">
                  <div className="reading-message">
                    <RefusalNotice code={refusal} />
                  </div>
                </div>
              ) : (
                <ViewportPane
                  // biome-ignore lint/suspicious/noArrayIndexKey: a viewport is its place
                  key={index}
                  desk={desk}
                  index={index}
                  shown={state.panes[index] ?? null}
                  isActive={index === state.activePane}
                  isPrior={(state.panes[index]?.studyUid ?? studyUid) !== studyUid}
                  isArriving={isArriving(state.panes[index]?.studyUid ?? studyUid)}
                  keyImages={marked}
                  onDropSeries={(ref) => actions.openSeries(ref, index)}
                />
              );
            })
          )}
        </div>
        <aside className="reading-side" aria-label={t('side.label')}>
          <SideTabs
            tab={state.tab}
            count={listedState.entries.filter((entry) => !entry.content.archived).length}
            onChoose={(tab) => store.setState({ tab })}
          />
          <div className="reading-side-body">
            {state.tab === 'measurements' ? (
              <MeasurementList
                key={listed.studyUid}
                journal={listed}
                isPrior={listed !== journal}
                actions={actions}
                desk={desk}
                state={state}
                canAnnotate={canAnnotate}
              />
            ) : null}
            {/* The report stays mounted: what is being typed must outlive a look at the measurements. */}
            <div hidden={state.tab !== 'report'}>{report}</div>
            {state.tab === 'info' ? <InfoPanel desk={desk} state={state} /> : null}
          </div>
        </aside>
      </div>
    </div>
  );
}

function RefusalNotice({ code }: { code: string }) {
  return <FailureNotice failure={new Failure(code, 'taken off the screen')} />;
}

function visiblePanes(state: ReadingState) {
  return state.panes.slice(0, paneCounts[state.layout]);
}

/** The plane chosen last is active inside; the series stays the one of the viewport that MPR was asked for. */
function MprHolder({
  desk,
  state,
  isArriving,
}: {
  desk: ReadingDesk;
  state: ReadingState;
  isArriving: (studyUid: string) => boolean;
}) {
  const [shown] = useState(() => state.panes[state.activePane] ?? null);
  return shown ? (
    <MprStage desk={desk} shown={shown} activePane={state.activePlane} isArriving={isArriving(shown.studyUid)} />
  ) : null;
}

function Banner({ desk }: { desk: ReadingDesk }) {
  const formats = useFormats();
  const { patient, study } = desk.main;
  // As the images say it; where they do not, from the dates, as the worklist does.
  const age = study.patientAge || ageOnDay(patient.birthDate, study.studyDate);
  return <PatientBanner patient={{ ...patient, ageText: formats.age(age), weightKg: study.patientWeightKg }} />;
}

function SideTabs({
  tab,
  count,
  onChoose,
}: {
  tab: ReadingState['tab'];
  count: number;
  onChoose: (tab: ReadingState['tab']) => void;
}) {
  const { t } = useTranslation('imaging');
  const tabs = [
    { id: 'measurements', label: t('side.measurements'), count },
    { id: 'report', label: t('side.report'), count: undefined },
    { id: 'info', label: t('side.info'), count: undefined },
  ] as const;
  return (
    <div className="reading-tabs" role="tablist">
      {tabs.map((each) => (
        <button
          key={each.id}
          type="button"
          role="tab"
          aria-selected={tab === each.id}
          className={tab === each.id ? 'on' : ''}
          data-testid={`tab-${each.id}`}
          onClick={() => onChoose(each.id)}
        >
          {each.label} {each.count ? <span className="label">{each.count}</span> : null}
        </button>
      ))}
    </div>
  );
}
