import { sortFrames } from '../../app/domains/imaging/geometryRules.ts';
import { failedGoldens } from '../../app/domains/imaging/measurementSelfTest.ts';
import { imageIdOf } from './cornerstoneFrames.ts';
import { FrameLibrary } from './frameLibrary.ts';
import { FramePrefetch } from './framePrefetch.ts';
import type { FetchAsset } from './frameTransfer.ts';
import { MprView } from './mprView.ts';
import { PointerTools } from './pointerTools.ts';
import { giveBackGraphics, takeGraphics } from './rehearsal.ts';
import { framesIn, type StackOptions, type StackSeries, startIndex } from './stackFrames.ts';
import { StackView } from './stackView.ts';
import './viewport.css';

export type { ViewAnnotation } from './annotationLayer.ts';
export { annotationLines } from './annotationLayer.ts';
export type { MprState, MprView, PlaneState } from './mprView.ts';
export { type PixelValue, scaleBarFor } from './pictureFacts.ts';
export type { PictureWindow } from './pictureWindow.ts';
export type { PointerTool } from './pointerTools.ts';
export { prepareGraphics } from './rehearsal.ts';
export type { StackSeries } from './stackFrames.ts';
export type { StackView } from './stackView.ts';
export { type DrawnPicture, emptyViewState, type Fidelity, type ViewState, Watched } from './viewState.ts';

export interface ViewportEngineOptions {
  /** Fetches an asset of the host with the session's bearer; throws a Failure, or answers a response that is not ok. */
  readonly fetchAsset: FetchAsset;
}

/** A stack viewport with its pointer tools. */
export interface OpenStack {
  readonly view: StackView;
  readonly tools: PointerTools;
  close(): void;
}

/** Three planes through one volume. */
export interface OpenMpr {
  readonly view: MprView;
  close(): void;
}

export interface StackHooks extends StackOptions {
  readonly onActivated: () => void;
  /** The pointer's place in CSS pixels of the viewport, or undefined when it left. */
  readonly onHover: (at: readonly [number, number] | undefined) => void;
}

/**
 * Everything that draws images, behind one imperative object that knows no framework. What an `open…` creates its
 * `close` disposes; `dispose` closes the rest, the workers and the graphics context.
 */
export interface ViewportEngine {
  /** False when the golden measurements failed in this window: no millimetres, no Hounsfield units. */
  readonly areNumbersTrusted: boolean;
  openStack(root: HTMLElement, hooks: StackHooks): OpenStack;
  openMpr(
    roots: readonly [HTMLElement, HTMLElement, HTMLElement],
    hooks: { readonly onActivated: (plane: number) => void },
  ): OpenMpr;
  /** Keeps the frames of a series between one viewport and the next, as memory allows, until the answer is called. */
  keep(series: StackSeries): () => void;
  /** Has a series loaded from where it opens, before there is a viewport to show it; what fails is told by that viewport. */
  preload(series: StackSeries): () => void;
  /** What the engine holds: for the test that nothing grows. */
  readonly holdings: {
    readonly views: number;
    readonly frames: number;
    readonly images: number;
    readonly bytes: number;
    readonly contexts: number;
    readonly rebuilds: number;
  };
  /** Open stack viewports, for tests that compare pixels. */
  readonly stacks: readonly StackView[];
  /** Loses the graphics context as a driver would; for the test that pictures come back. */
  loseGraphics(): boolean;
  dispose(): void;
}

export function createViewportEngine({ fetchAsset }: ViewportEngineOptions): ViewportEngine {
  const failed = failedGoldens();
  const areNumbersTrusted = failed.length === 0;
  if (!areNumbersTrusted) console.error('measurement self-test failed:', failed.join('; '));
  const graphics = takeGraphics();
  const { board, pool } = graphics;
  const library = new FrameLibrary(fetchAsset, pool);
  const stacks = new Set<StackView>();
  const closers = new Set<() => void>();

  const engine: ViewportEngine = {
    areNumbersTrusted,
    openStack(root, hooks) {
      const view = new StackView(root, board, library, fetchAsset, () => areNumbersTrusted, hooks);
      const tools = new PointerTools({
        root,
        layer: view.layer,
        scrollBy: (steps) => view.scrollBy(steps),
        dragWindow: (dx, dy) => view.dragWindow(dx, dy),
        panBy: (dx, dy) => view.panBy(dx, dy),
        zoomBy: (factor) => view.zoomBy(factor),
        hoverAt: hooks.onHover,
        activated: hooks.onActivated,
      });
      stacks.add(view);
      const close = () => {
        if (!closers.delete(close)) return;
        tools.close();
        view.close();
        stacks.delete(view);
      };
      closers.add(close);
      return { view, tools, close };
    },
    openMpr(roots, hooks) {
      const view = new MprView(roots, board, library, () => areNumbersTrusted, hooks.onActivated);
      const close = () => {
        if (!closers.delete(close)) return;
        view.close();
      };
      closers.add(close);
      return { view, close };
    },
    keep(series) {
      const { imageIds } = library.hold(series.instances, framesIn);
      return () => library.release(imageIds);
    },
    preload(series) {
      const sorted = sortFrames(library.hold(series.instances, framesIn).frames);
      const imageIds = sorted.map(imageIdOf);
      const prefetch = new FramePrefetch(library, () => undefined);
      prefetch.start(imageIds, startIndex(sorted));
      return () => {
        prefetch.stop();
        library.release(imageIds);
      };
    },
    get holdings() {
      const { entries, images, bytes } = library.counts;
      return {
        views: closers.size,
        frames: entries,
        images,
        bytes,
        contexts: board.contextCount,
        rebuilds: board.rebuilds,
      };
    },
    get stacks() {
      return [...stacks];
    },
    loseGraphics: () => board.loseContext(),
    dispose() {
      for (const close of [...closers]) close();
      library.close();
      giveBackGraphics(graphics);
    },
  };
  return engine;
}
