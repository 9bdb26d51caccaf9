import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { DrawingBoard } from './drawingBoard.ts';
import type { FrameLibrary } from './frameLibrary.ts';

vi.mock('@cornerstonejs/core', () => ({
  Enums: { ViewportType: { STACK: 'stack' }, Events: { IMAGE_RENDERED: 'rendered', STACK_NEW_IMAGE: 'new' } },
}));
/** Anything that is asked of it is done, and nothing comes of it. */
const silent = vi.hoisted(
  () =>
    class {
      constructor() {
        // biome-ignore lint/correctness/noConstructorReturn: stands for any class
        return new Proxy(this, { get: () => () => undefined });
      }
    },
);
vi.mock('./annotationLayer.ts', () => ({ AnnotationLayer: silent }));
vi.mock('./overlayCanvas.ts', () => ({ OverlayCanvas: silent }));
vi.mock('./framePrefetch.ts', () => ({ FramePrefetch: silent }));
vi.mock('./pictureGrey.ts', () => ({ PictureGrey: silent }));
vi.mock('./picturePlacement.ts', () => ({ PicturePlacement: silent }));
vi.mock('./pictureFacts.ts', () => ({}));
vi.mock('./pictureTransform.ts', () => ({}));
vi.mock('./cornerstoneFrames.ts', () => ({ imageIdOf: ({ sopUid }: { sopUid: string }) => sopUid }));
vi.mock('./stackFrames.ts', () => ({ framesIn: () => [], startIndex: () => 0 }));
vi.mock('../../app/domains/imaging/geometryRules.ts', () => ({ sortFrames: (frames: unknown) => frames }));

const { StackView } = await import('./stackView.ts');

/** The hazard: a slice cannot be drawn, and the one before stays on the screen, or 'loading' for ever. */
describe('a picture that cannot be drawn', () => {
  beforeEach(() => {
    const element = () => ({ style: {}, addEventListener: () => undefined, append: () => undefined });
    vi.stubGlobal('document', { createElement: element });
  });
  afterEach(() => vi.unstubAllGlobals());

  const series = { studyUid: '1.1', seriesUid: '1.1.1', instances: [] };
  async function view(draw: (index: number) => Promise<void>) {
    let at = 0;
    const set = (index: number) => {
      at = index;
      return draw(index);
    };
    const viewport = {
      getCurrentImageIdIndex: () => at,
      setImageIdIndex: set,
      setStack: (_ids: string[], index: number) => set(index),
    };
    const board = { attach: () => undefined, stack: () => viewport, drawNow: () => undefined };
    const frames = ['a', 'b', 'c'].map((sopUid) => ({ sopUid, frame: 1 }));
    const library = { hold: () => ({ frames }), release: () => undefined, isLoaded: () => true };
    const made = new StackView(
      { append: () => undefined } as unknown as HTMLElement,
      board as unknown as DrawingBoard,
      library as unknown as FrameLibrary,
      () => Promise.reject(new Error('nothing is fetched')),
      () => true,
      { onGesture: () => undefined, makeId: () => '', canEdit: () => false, language: () => 'en' },
    );
    await made.showSeries(series);
    return made;
  }
  const settle = () => new Promise((resolve) => setTimeout(resolve));

  it('is told as a failure, the first and any later one', async () => {
    const first = await view(() => Promise.reject(new Error('no memory')));
    expect(first.state.get().status).toBe('failed');
    const later = await view((index) => (index === 1 ? Promise.reject(new Error('no memory')) : Promise.resolve()));
    expect(later.state.get().status).toBe('loading');
    later.scrollTo(1);
    await settle();
    expect(later.state.get()).toMatchObject({ status: 'failed', wantedIndex: 1 });
    expect(later.state.get().failureCode).toBeTruthy();
  });

  it('does not stand in the way of the one that is wanted by then', async () => {
    const drawn: number[] = [];
    let refuse: (error: Error) => void = () => undefined;
    const one = await view((index) => {
      drawn.push(index);
      return index === 1 ? new Promise((_, reject) => (refuse = reject)) : Promise.resolve();
    });
    one.scrollTo(1);
    await settle();
    one.scrollTo(2);
    await settle();
    refuse(new Error('no memory'));
    await settle();
    expect(drawn).toEqual([0, 1, 2]);
    expect(one.state.get().status).not.toBe('failed');
  });
});
