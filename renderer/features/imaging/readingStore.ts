import { createStore } from 'zustand';
import type { PointerTool } from '../../viewport/viewport.ts';

export type Layout = '1x1' | '1x2' | '2x2';
export const paneCounts: Record<Layout, number> = { '1x1': 1, '1x2': 2, '2x2': 4 };

export interface SeriesRef {
  readonly studyUid: string;
  readonly seriesUid: string;
}

/** Two studies may carry one Series Instance UID: only both UIDs name a series. */
export function isSameSeries(left: SeriesRef | null | undefined, right: SeriesRef | null | undefined): boolean {
  return !!left && !!right && left.studyUid === right.studyUid && left.seriesUid === right.seriesUid;
}

/** Where the hands are: ids and choices only. Made anew for each study that is opened. */
export interface ReadingState {
  readonly layout: Layout;
  readonly isMpr: boolean;
  readonly activePane: number;
  /** The plane that keys act on while the three planes are shown. */
  readonly activePlane: number;
  readonly tool: PointerTool;
  readonly tab: 'measurements' | 'report' | 'info';
  /** What each of the four places shows, hidden ones included. */
  readonly panes: readonly (SeriesRef | null)[];
  /** Prior studies opened beside the one being read. */
  readonly priors: readonly string[];
  readonly isLinked: boolean;
}

/** Puts the next series that are shown nowhere into the empty ones of the first `count` places. */
export function fillPanes(
  panes: readonly (SeriesRef | null)[],
  available: readonly SeriesRef[],
  count: number,
): (SeriesRef | null)[] {
  const isShown = (each: SeriesRef) => panes.some((ref) => isSameSeries(ref, each));
  const waiting = available.filter((each) => !isShown(each));
  return panes.map((ref, index) => (ref === null && index < count ? (waiting.shift() ?? null) : ref));
}

/**
 * How a study is first hung: its first series alone; a mammography with all its views side by side, as they are read.
 *
 * @param series the study's series that hold images, in order
 */
export function createReadingStore(series: readonly (SeriesRef & { readonly modality: string })[]) {
  const refs = series.map(({ studyUid, seriesUid }) => ({ studyUid, seriesUid }));
  const isMammography = series.length > 1 && series.every((each) => each.modality === 'MG');
  const layout: Layout = !isMammography ? '1x1' : series.length === 2 ? '1x2' : '2x2';
  return createStore<ReadingState>()(() => ({
    layout,
    isMpr: false,
    activePane: 0,
    activePlane: 0,
    tool: 'window',
    tab: 'measurements',
    panes: fillPanes([null, null, null, null], refs, paneCounts[layout]),
    priors: [],
    isLinked: true,
  }));
}

export type ReadingStore = ReturnType<typeof createReadingStore>;

/** Every turn of the wheel says which viewport it was over: only another one is news, and renders the room again. */
export function activate(store: ReadingStore, change: Partial<Pick<ReadingState, 'activePane' | 'activePlane'>>): void {
  const state = store.getState();
  const { activePane = state.activePane, activePlane = state.activePlane } = change;
  if (activePane !== state.activePane || activePlane !== state.activePlane) store.setState(change);
}
