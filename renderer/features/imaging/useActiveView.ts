import { useRef, useSyncExternalStore } from 'react';
import type { ViewState } from '../../viewport/viewport.ts';
import type { ReadingDesk } from './readingDesk.ts';
import type { ReadingState } from './readingStore.ts';

const nothing = () => () => undefined;

/**
 * One thing about the active viewport, e.g. its selected annotation. The component renders again only when that thing
 * changes: a viewport's state changes with every slice, and scrolling must not render the whole room.
 */
export function useActiveView<T>(
  desk: ReadingDesk,
  { activePane, isMpr }: ReadingState,
  pick: (state: ViewState) => T,
): T | undefined {
  // Asked again after each attach: the desk announces its viewports.
  useSyncExternalStore(desk.panesChanged.watch, desk.panesChanged.get);
  const view = isMpr ? undefined : desk.pane(activePane)?.view;
  return useSyncExternalStore<T | undefined>(view?.state.watch ?? nothing, () =>
    view ? pick(view.state.get()) : undefined,
  );
}

/** The newest value, for callbacks that are made once. */
export function useLatest<T>(value: T): { readonly current: T } {
  const ref = useRef(value);
  ref.current = value;
  return ref;
}
