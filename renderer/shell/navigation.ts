import { create } from 'zustand';
import { onLock } from '../api/lockRegistry.ts';
import type { ExchangePlace } from '../features/exchange/exchangeStore.ts';

export type SettingsSection = 'operators' | 'security' | 'storage' | 'api' | 'audit' | 'about';

/** Where the window is. Ids only, in memory only: the address bar and the history never hold one. */
export type Route =
  | { readonly screen: 'worklist' }
  | { readonly screen: 'patients'; readonly patientId: string | null }
  | { readonly screen: 'reading'; readonly studyUid: string | null }
  | { readonly screen: 'exchange'; readonly place: ExchangePlace }
  | { readonly screen: 'settings'; readonly section: SettingsSection };

interface Navigation {
  readonly route: Route;
  /** The study that the reading room's place in the rail returns to. */
  readonly lastStudyUid: string | null;
  go(route: Route): void;
}

/** Routes by history step. The browser's history holds the step number and nothing else. */
let steps: Route[] = [{ screen: 'worklist' }];

export const useNavigation = create<Navigation>()((set) => ({
  route: { screen: 'worklist' },
  lastStudyUid: null,
  go(route) {
    const at = typeof history.state?.step === 'number' ? history.state.step : 0;
    steps = [...steps.slice(0, at + 1), route];
    history.pushState({ step: at + 1 }, '');
    set(route.screen === 'reading' && route.studyUid ? { route, lastStudyUid: route.studyUid } : { route });
  },
}));

/** Follows the browser's Back and Forward. @returns a function that stops. */
export function followHistory(): () => void {
  history.replaceState({ step: 0 }, '');
  steps = [useNavigation.getState().route];
  const onPop = (event: PopStateEvent): void => {
    const step = typeof event.state?.step === 'number' ? event.state.step : 0;
    useNavigation.setState({ route: steps[step] ?? { screen: 'worklist' } });
  };
  window.addEventListener('popstate', onPop);
  return () => window.removeEventListener('popstate', onPop);
}

onLock(() => {
  steps = [{ screen: 'worklist' }];
  useNavigation.setState({ route: { screen: 'worklist' }, lastStudyUid: null });
});
