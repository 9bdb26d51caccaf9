import type { ViewportEngine } from '../../viewport/viewport.ts';

interface ProbedStack {
  /** The picture drawn: which frame, its stored values, its attributes; undefined while there is none. */
  getDisplayedImage():
    | {
        sopUid: string;
        frame: number;
        rows: number;
        columns: number;
        samplesPerPixel: number;
        stored: ArrayLike<number>;
      }
    | undefined;
  /** The frame asked for last, drawn or not. */
  getWanted(): { sopUid: string; frame: number } | undefined;
  /** What a person sees, as RGBA rows of the canvas. */
  readPixels(): { width: number; height: number; data: Uint8ClampedArray } | undefined;
  /** Screen place, in the page's CSS pixels, of an image pixel [column, row]. */
  toScreen(column: number, row: number): readonly [number, number] | undefined;
  getState(): unknown;
}

/**
 * Lets an end-to-end test compare pixels: `window.__salusViewport` exists only in a tab whose session storage was marked
 * by whoever drives the browser, before the study was opened. It shows nothing the tab does not show anyway.
 *
 * @returns a function that takes it back.
 */
export function exposeForTests(engine: ViewportEngine): () => void {
  if (sessionStorage.getItem('salus.test') !== '1') return () => undefined;
  const target = window as unknown as { __salusViewport?: unknown };
  const stacks = (): ProbedStack[] =>
    engine.stacks.map((view) => ({
      getState: () => view.state.get(),
      getDisplayedImage() {
        const frame = view.drawn;
        if (!frame) return undefined;
        const { sopUid, frame: number, rows, columns, samplesPerPixel } = frame.attributes;
        return { sopUid, frame: number, rows, columns, samplesPerPixel, stored: frame.stored };
      },
      getWanted() {
        const wanted = view.frames[view.state.get().wantedIndex];
        return wanted && { sopUid: wanted.sopUid, frame: wanted.frame };
      },
      readPixels() {
        const { canvas } = view;
        const image = canvas?.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height);
        return image && { width: image.width, height: image.height, data: image.data };
      },
      toScreen(column, row) {
        const transform = view.transform;
        const box = view.element.getBoundingClientRect();
        if (!transform || !view.drawn) return undefined;
        const { origin, perColumn, perRow } = transform;
        return [
          box.left + origin[0] + column * perColumn[0] + row * perRow[0],
          box.top + origin[1] + column * perColumn[1] + row * perRow[1],
        ];
      },
    }));
  target.__salusViewport = {
    stacks,
    holdings: () => engine.holdings,
    loseGraphics: () => engine.loseGraphics(),
    areNumbersTrusted: engine.areNumbersTrusted,
  };
  return () => {
    delete target.__salusViewport;
  };
}
