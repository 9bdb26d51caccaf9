import { describe, expect, it, vi } from 'vitest';
import { makeReadingActions } from './readingActions.ts';
import type { ReadingDesk } from './readingDesk.ts';
import { createReadingStore } from './readingStore.ts';

const [first, second] = ['1.1.1', '1.1.2'].map((seriesUid) => ({ studyUid: '1.1', seriesUid, modality: 'CT' })) as [
  { studyUid: string; seriesUid: string; modality: string },
  { studyUid: string; seriesUid: string; modality: string },
];
const place = { sopUid: '1.1.1.7', frame: 1 };

/** A desk with the first series in its one viewport, which takes its start when it comes, as ViewportPane does. */
function room({ hasFrames = true, on = first } = {}) {
  const store = createReadingStore([first, second]);
  const log: string[] = [];
  const starts = new Map<number, unknown>();
  const view = {
    jumpTo: () => {
      log.push('jump');
      return hasFrames;
    },
  };
  const desk = {
    main: { study: { studyUid: '1.1' } },
    study: () => ({ series: [] }),
    locate: async () => ({ studyUid: on.studyUid, seriesUid: on.seriesUid }),
    pane: () => (store.getState().isMpr ? undefined : { view }),
    startAt: (index: number, start: unknown) => {
      log.push('start');
      starts.set(index, start);
    },
    show: async (index: number, _ref: unknown, start: unknown) =>
      void log.push(`show ${index} ${JSON.stringify(start)}`),
  };
  const failed = vi.fn();
  const hooks = { toggleKeyImage: () => undefined, failed, showKeys: () => undefined };
  const actions = makeReadingActions(desk as unknown as ReadingDesk, store, hooks);
  store.subscribe(
    (state, before) => before.isMpr && !state.isMpr && log.push(`mount ${JSON.stringify(starts.get(0))}`),
  );
  return { store, log, starts, actions };
}
const settle = () => new Promise((resolve) => setTimeout(resolve));

/** The hazard: a report's measurement is clicked, and the picture that comes is not the one it was taken on. */
describe('a jump to an image', () => {
  it('from the planes says where to start before the viewports come back', async () => {
    for (const on of [first, second]) {
      const { store, log, actions } = room({ on });
      store.setState({ isMpr: true });
      actions.jumpTo(place);
      await settle();
      expect(log).toEqual(['start', `mount ${JSON.stringify(place)}`]);
      expect(store.getState().panes[0]).toEqual({ studyUid: '1.1', seriesUid: on.seriesUid });
    }
  });
  it('within what is shown leaves no start for a later viewport to take', async () => {
    const { log, starts, actions } = room();
    actions.jumpTo(place);
    await settle();
    expect(log).toEqual(['jump']);
    expect(starts.size).toBe(0);
  });
  it('to a series whose pictures are still to come asks for them from that one on', async () => {
    const { log, starts, actions } = room({ hasFrames: false });
    actions.jumpTo(place);
    await settle();
    expect(log).toEqual(['jump', `show 0 ${JSON.stringify(place)}`]);
    expect(starts.size).toBe(0);
  });
});
