import type { WindowPreset } from '../../../app/domains/imaging/windowPresets.ts';
import type { PointerTool } from '../../viewport/viewport.ts';
import type { ReadingDesk } from './readingDesk.ts';
import { fillPanes, isSameSeries, type Layout, paneCounts, type ReadingStore, type SeriesRef } from './readingStore.ts';

/** What buttons, keys and panels do in the reading room. All act on the active viewport. */
export interface ReadingActions {
  setTool(tool: PointerTool): void;
  presets(): readonly WindowPreset[];
  applyPreset(key: number): void;
  invert(): void;
  rotate(): void;
  flipHorizontal(): void;
  flipVertical(): void;
  reset(): void;
  cine(): void;
  scroll(steps: number): void;
  scrollToEnd(end: 'first' | 'last'): void;
  toggleKeyImage(): void;
  toggleMpr(): void;
  setLayout(layout: Layout): void;
  toggleLink(): void;
  openPrior(studyUid: string): void;
  openSeries(ref: SeriesRef, pane?: number): void;
  nextSeries(steps: number): void;
  jumpTo(target: { sopUid: string; frame: number; annotationId?: string; seriesUid?: string; studyUid?: string }): void;
  archiveSelected(): void;
  undo(): void;
  redo(): void;
  cancel(): void;
  showKeys(): void;
}

export interface ActionHooks {
  readonly toggleKeyImage: () => void;
  readonly failed: (error: unknown) => void;
  readonly showKeys: () => void;
}

export function makeReadingActions(desk: ReadingDesk, store: ReadingStore, hooks: ActionHooks): ReadingActions {
  const mprView = () => (store.getState().isMpr ? desk.mpr?.view : undefined);
  const stackView = () => (store.getState().isMpr ? undefined : desk.active?.view);

  const openSeries = (ref: SeriesRef, pane = store.getState().activePane) => {
    const { panes } = store.getState();
    store.setState({
      isMpr: false,
      activePane: pane,
      panes: panes.map((each, index) => (index === pane ? ref : each)),
    });
  };

  const setLayout = (layout: Layout) => {
    const { activePane, panes } = store.getState();
    const count = paneCounts[layout];
    // The active viewport stays on the screen.
    const moved =
      activePane < count ? panes : [panes[activePane] ?? null, ...panes.filter((_, index) => index !== activePane)];
    const filled = fillPanes(moved, allSeries(desk, store), count);
    store.setState({ layout, isMpr: false, activePane: activePane < count ? activePane : 0, panes: filled });
  };

  return {
    setTool: (tool) => store.setState({ tool }),
    presets: () => mprView()?.presets ?? stackView()?.presets ?? [],
    applyPreset: (key) => void (mprView()?.applyPreset(key) ?? stackView()?.applyPreset(key)),
    invert: () => (mprView() ? mprView()?.toggleInverted() : stackView()?.toggleInverted()),
    rotate: () => stackView()?.rotateBy(90),
    flipHorizontal: () => stackView()?.flip('horizontally'),
    flipVertical: () => stackView()?.flip('vertically'),
    reset: () => (mprView() ? mprView()?.reset() : stackView()?.reset()),
    cine() {
      const view = stackView();
      view?.setCine(!view.state.get().cine.isPlaying);
    },
    scroll(steps) {
      const mpr = mprView();
      if (mpr) mpr.scrollPlane(store.getState().activePlane, steps);
      else stackView()?.scrollBy(steps);
    },
    scrollToEnd(end) {
      const view = stackView();
      view?.scrollTo(end === 'first' ? 0 : view.state.get().count - 1);
    },
    toggleKeyImage: hooks.toggleKeyImage,
    toggleMpr() {
      const { isMpr, activePane } = store.getState();
      // Back from the planes, the stack shows the slice the crosshair was on.
      const slice = isMpr ? desk.mpr?.view.nearestSlice : undefined;
      if (slice) desk.startAt(activePane, { sopUid: slice.sopUid, frame: slice.frame });
      store.setState({ isMpr: !isMpr, tool: isMpr ? 'window' : 'crosshair' });
    },
    setLayout,
    toggleLink: () => store.setState((state) => ({ isLinked: !state.isLinked })),
    openPrior(studyUid) {
      desk.openPrior(studyUid).then((prior) => {
        const first = prior.series.find((series) => series.frameCount > 0);
        store.setState((state) => ({ priors: [...state.priors, studyUid] }));
        if (store.getState().layout === '1x1') setLayout('1x2');
        if (first) openSeries({ studyUid, seriesUid: first.seriesUid }, 1);
      }, hooks.failed);
    },
    openSeries,
    nextSeries(steps) {
      const { panes, activePane } = store.getState();
      const all = allSeries(desk, store);
      const at = all.findIndex((each) => isSameSeries(each, panes[activePane]));
      const next = all[(at + steps + all.length) % all.length];
      if (next) openSeries(next);
    },
    jumpTo(target) {
      const studyUid = target.studyUid ?? desk.main.study.studyUid;
      void desk.locate(studyUid, target.sopUid, target.seriesUid).then((ref) => {
        if (!ref) return;
        const { panes, layout, activePane, isMpr } = store.getState();
        const start = { sopUid: target.sopUid, frame: target.frame };
        const at = panes.findIndex((each, index) => index < paneCounts[layout] && isSameSeries(each, ref));
        if (at < 0 || isMpr) {
          // Told before the viewport comes (back), which asks once for where it is to start.
          const pane = at < 0 ? activePane : at;
          desk.startAt(pane, start);
          openSeries(ref, pane);
        } else {
          store.setState({ activePane: at });
          // Its pictures are still to come: they are asked for again, from this one on.
          if (!desk.pane(at)?.view.jumpTo(start.sopUid, start.frame)) desk.show(at, ref, start).catch(hooks.failed);
        }
        if (target.annotationId) desk.active?.view.layer.select(target.annotationId);
      }, hooks.failed);
    },
    archiveSelected() {
      const id = stackView()?.layer.selectedId;
      if (id) desk.journalOf(id)?.archive(id);
    },
    undo: () => desk.activeJournal.undo(),
    redo: () => desk.activeJournal.redo(),
    cancel() {
      const layer = stackView()?.layer;
      if (layer && !layer.cancel()) {
        if (layer.selectedId) layer.select(undefined);
        else store.setState({ tool: store.getState().isMpr ? 'crosshair' : 'window' });
      }
    },
    showKeys: hooks.showKeys,
  };
}

/** Every series that can be shown, of all open studies, in the order of the strip. */
function allSeries(desk: ReadingDesk, store: ReadingStore): SeriesRef[] {
  return [desk.main.study.studyUid, ...store.getState().priors].flatMap((studyUid) =>
    (desk.study(studyUid)?.series ?? [])
      .filter((series) => series.frameCount > 0)
      .map(({ seriesUid }) => ({ studyUid, seriesUid })),
  );
}
