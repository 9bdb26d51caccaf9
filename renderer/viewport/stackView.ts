import { Enums, type Types } from '@cornerstonejs/core';
import type { FrameAttributes } from '../../app/domains/imaging/frameAttributes.ts';
import { sortFrames } from '../../app/domains/imaging/geometryRules.ts';
import type { WindowPreset } from '../../app/domains/imaging/windowPresets.ts';
import { AnnotationLayer, type ViewAnnotation } from './annotationLayer.ts';
import { CineClock } from './cineClock.ts';
import { imageIdOf, isColour, type LoadedFrame, type SalusImage } from './cornerstoneFrames.ts';
import type { BoardMember, DrawingBoard } from './drawingBoard.ts';
import type { FrameLibrary } from './frameLibrary.ts';
import { FramePrefetch } from './framePrefetch.ts';
import { codeOf, type FetchAsset } from './frameTransfer.ts';
import { OverlayCanvas } from './overlayCanvas.ts';
import { drawnPicture, type PixelValue, pixelValueAt } from './pictureFacts.ts';
import { PictureGrey } from './pictureGrey.ts';
import { PicturePlacement } from './picturePlacement.ts';
import { isUsable, type PictureTransform, type ScreenPoint } from './pictureTransform.ts';
import type { PictureWindow } from './pictureWindow.ts';
import {
  datasetOf,
  framesIn,
  nearestFrame,
  type StackOptions,
  type StackSeries,
  startIndex,
  transformOf,
} from './stackFrames.ts';
import { type DrawnPicture, emptyViewState, type ViewState, Watched } from './viewState.ts';

let views = 0;

/**
 * One viewport of single frames. What it says of its picture is read from the picture drawn; between two series, and
 * whenever a frame can't be shown, it is blank.
 */
export class StackView implements BoardMember {
  readonly viewportId: string;
  readonly element: HTMLDivElement;
  readonly type = Enums.ViewportType.STACK;
  readonly state = new Watched<ViewState>(emptyViewState);
  readonly layer: AnnotationLayer;

  readonly #root: HTMLElement;
  readonly #board: DrawingBoard;
  readonly #library: FrameLibrary;
  readonly #isTrusted: () => boolean;
  readonly #prefetch: FramePrefetch;
  readonly #overlays: OverlayCanvas;
  #imageIds: readonly string[] = [];
  #series: StackSeries | undefined;
  /** Counts series shown: what arrives for an earlier one is dropped. */
  #generation = 0;
  #wanted = 0;
  #isDrawing = false;
  #stackIsSet = false;
  #drawn: LoadedFrame | undefined;
  #transform: PictureTransform | undefined;
  readonly #grey = new PictureGrey();
  readonly #placement = new PicturePlacement();
  #failureCode: string | undefined;
  #status: ViewState['status'] = 'empty';
  readonly #cine = new CineClock(
    () => !this.#isDrawing && this.#status === 'shown',
    () => this.scrollTo((this.#wanted + 1) % this.#imageIds.length),
  );

  constructor(
    root: HTMLElement,
    board: DrawingBoard,
    library: FrameLibrary,
    fetchAsset: FetchAsset,
    isTrusted: () => boolean,
    options: StackOptions,
  ) {
    views += 1;
    this.viewportId = `stack-${views}`;
    this.#root = root;
    this.#board = board;
    this.#library = library;
    this.#isTrusted = isTrusted;
    this.element = document.createElement('div');
    this.element.className = 'viewport-picture';
    this.element.style.visibility = 'hidden';
    this.layer = new AnnotationLayer({ ...options, onSelect: () => this.#publish() });
    this.#overlays = new OverlayCanvas(fetchAsset, () => this.#publish());
    this.#prefetch = new FramePrefetch(library, () => this.#publish());
    root.append(this.element, this.#overlays.canvas, this.layer.svg);
    this.element.addEventListener(Enums.Events.IMAGE_RENDERED, this.#rendered);
    this.element.addEventListener(Enums.Events.STACK_NEW_IMAGE, this.#newImage as EventListener);
    board.attach(this);
  }

  get drawn(): LoadedFrame | undefined {
    return this.#status === 'shown' ? this.#drawn : undefined;
  }

  get transform(): PictureTransform | undefined {
    return this.#transform;
  }

  get frames(): readonly FrameAttributes[] {
    return this.#imageIds.flatMap((imageId) => this.#library.attributesOf(imageId) ?? []);
  }

  /** Shows a series, blank until its first picture is there. The old one is let go of first. */
  async showSeries(series: StackSeries | undefined, startAt?: { sopUid: string; frame: number }): Promise<void> {
    this.#generation += 1;
    this.#leaveSeries();
    if (!series) {
      this.#publish();
      return;
    }
    const held = this.#library.hold(series.instances, framesIn);
    const sorted = sortFrames(held.frames);
    this.#series = series;
    this.#imageIds = sorted.map(imageIdOf);
    this.#status = sorted.length > 0 ? 'loading' : 'failed';
    this.#failureCode = sorted.length > 0 ? undefined : 'imaging.noPixelData';
    const at = startAt
      ? sorted.findIndex((frame) => frame.sopUid === startAt.sopUid && frame.frame === startAt.frame)
      : -1;
    this.#wanted = at >= 0 ? at : startIndex(sorted);
    this.#cine.setFrameTime(sorted[0]?.frameTimeMs);
    this.#publish();
    this.#prefetch.start(this.#imageIds, this.#wanted);
    await this.#show(this.#wanted);
  }

  scrollTo(index: number): void {
    if (this.#imageIds.length === 0) return;
    const wanted = Math.min(this.#imageIds.length - 1, Math.max(0, index));
    if (wanted === this.#wanted && this.#status === 'shown') return;
    this.#wanted = wanted;
    this.#prefetch.moveTo(wanted);
    void this.#show(wanted);
  }

  scrollBy(steps: number): void {
    this.scrollTo(this.#wanted + steps);
  }

  /** Shows a frame of this series. False when it isn't here. */
  jumpTo(sopUid: string, frame: number): boolean {
    const index = this.frames.findIndex((each) => each.sopUid === sopUid && each.frame === frame);
    if (index >= 0) this.scrollTo(index);
    return index >= 0;
  }

  /** Shows the slice nearest to another picture's plane, where both share a frame of reference and a direction. */
  scrollToPlaneOf(other: FrameAttributes): void {
    const nearest = nearestFrame(this.frames, other);
    if (nearest !== undefined) this.scrollTo(nearest);
  }

  get presets(): WindowPreset[] {
    return this.#drawn ? this.#grey.presetsOf(this.#drawn) : [];
  }

  /** The preset on a digit key. False when there is none. */
  applyPreset(key: number): boolean {
    const isThere = this.#drawn !== undefined && this.#grey.choosePreset(this.#drawn, key);
    if (isThere) this.#paint();
    return isThere;
  }

  setWindow(window: PictureWindow): void {
    this.#grey.choose(window, 'person');
    this.#paint();
  }

  /** Moves the window by screen pixels: right is wider, down is higher. */
  dragWindow(dx: number, dy: number): void {
    const frame = this.#drawn;
    if (!frame || isColour(frame.attributes)) return;
    this.#grey.drag(frame, dx, dy);
    this.#paint();
  }

  toggleInverted(): void {
    this.#grey.isInverted = !this.#grey.isInverted;
    this.#paint();
  }

  rotateBy(degrees: number): void {
    this.#place(() => this.#placement.rotateBy(degrees));
  }

  flip(axis: 'horizontally' | 'vertically'): void {
    this.#place(() => this.#placement.flip(axis));
  }

  panBy(dx: number, dy: number): void {
    this.#place(() => this.#placement.panBy(dx, dy));
  }

  zoomBy(factor: number): void {
    this.#place(() => this.#placement.zoomBy(factor));
  }

  /** The picture as it first came: window, place, turn and order of grey. */
  reset(): void {
    this.#grey.reset();
    this.#paint();
    this.#place(() => this.#placement.reset());
  }

  setOverlaysShown(areShown: boolean): void {
    this.#overlays.setShown(areShown);
    this.#publish();
  }

  setCine(isPlaying: boolean): void {
    if (isPlaying && this.#imageIds.length > 1) this.#cine.start();
    else this.#cine.stop();
    this.#publish();
  }

  setAnnotations(annotations: readonly ViewAnnotation[]): void {
    this.layer.setAnnotations(annotations);
  }

  /** The value under a screen point, for the corner. */
  valueAt(screen: ScreenPoint): PixelValue | undefined {
    const frame = this.drawn;
    return frame && this.#transform ? pixelValueAt(frame, this.#transform, screen, this.#isTrusted()) : undefined;
  }

  /** The canvas a person sees. */
  get canvas(): HTMLCanvasElement | null {
    return this.element.querySelector('canvas');
  }

  close(): void {
    this.#generation += 1;
    this.#leaveSeries();
    this.#board.detach(this);
    this.element.removeEventListener(Enums.Events.IMAGE_RENDERED, this.#rendered);
    this.element.removeEventListener(Enums.Events.STACK_NEW_IMAGE, this.#newImage as EventListener);
    this.#overlays.close();
    this.#root.replaceChildren();
  }

  reattach(): void {
    this.#stackIsSet = false;
    this.#isDrawing = false;
    if (this.#series) void this.#show(this.#wanted);
  }

  graphicsLost(): void {
    this.#blank(this.#series ? 'lost' : 'empty');
    this.#publish();
  }

  saveCamera(): () => void {
    return () => this.#place(() => undefined);
  }

  #leaveSeries(): void {
    this.#cine.stop();
    this.#blank('empty');
    this.#prefetch.stop();
    this.#library.release(this.#imageIds);
    this.#series = undefined;
    this.#imageIds = [];
    this.#stackIsSet = false;
    this.#isDrawing = false;
    this.#wanted = 0;
    this.#grey.forget();
    this.#placement.reset();
    this.layer.setAnnotations([]);
  }

  /** No pixel, no overlay and no annotation of an earlier picture stays on the screen. */
  #blank(status: ViewState['status'], failureCode?: string): void {
    this.#status = status;
    this.#failureCode = failureCode;
    this.#drawn = undefined;
    this.#transform = undefined;
    this.element.style.visibility = 'hidden';
    this.layer.setPicture(undefined, undefined, true);
    this.#overlays.setPicture(undefined, undefined, undefined);
  }

  async #show(index: number): Promise<void> {
    const imageId = this.#imageIds[index];
    if (imageId === undefined) return;
    const generation = this.#generation;
    try {
      if (!this.#library.isLoaded(imageId)) await this.#library.load(imageId, 'seen');
      // By now another frame or another series may be wanted.
      if (generation === this.#generation && index === this.#wanted) await this.#draw(index, generation);
    } catch (error) {
      if (generation === this.#generation && index === this.#wanted) {
        this.#blank('failed', codeOf(error));
        this.#publish();
      }
    }
  }

  async #draw(index: number, generation: number): Promise<void> {
    const viewport = this.#board.stack(this.viewportId);
    if (!viewport || this.#isDrawing) return;
    this.#isDrawing = true;
    try {
      if (this.#stackIsSet && viewport.getCurrentImageIdIndex() !== index) await viewport.setImageIdIndex(index);
      else await this.#setStack(viewport, index);
      if (generation === this.#generation) this.#board.drawNow();
    } finally {
      if (generation === this.#generation) {
        this.#isDrawing = false;
        // Steps that came meanwhile are not lost: the newest wish is drawn next.
        if (this.#wanted !== index) void this.#show(this.#wanted);
      }
    }
  }

  async #setStack(viewport: Types.IStackViewport, index: number): Promise<void> {
    this.#stackIsSet = true;
    await viewport.setStack([...this.#imageIds], index);
  }

  /** Before Cornerstone draws a new image: its window and its place, so that no picture shows with another's. */
  readonly #newImage = (event: CustomEvent<{ image: SalusImage }>): void => {
    const frame = event.detail.image.salus;
    const viewport = this.#board.stack(this.viewportId);
    if (!viewport || !this.#imageIds.includes(event.detail.image.imageId)) return;
    this.#grey.paint(viewport, frame);
    this.#placement.apply(viewport);
  };

  /** The only place where a picture becomes 'shown': Cornerstone has drawn, and what it has drawn is asked of it. */
  readonly #rendered = (): void => {
    const viewport = this.#board.stack(this.viewportId);
    const image = viewport?.getCornerstoneImage() as SalusImage | undefined;
    // IMAGE_RENDERED comes for a blank viewport too.
    if (!viewport || !image?.salus || !this.#imageIds.includes(image.imageId) || !this.#stackIsSet) return;
    const wantedId = this.#imageIds[this.#wanted];
    if (this.#status === 'failed' && image.imageId !== wantedId) return;
    const transform = transformOf(viewport, image.salus);
    if (!isUsable(transform)) return;
    this.#drawn = image.salus;
    this.#transform = transform;
    this.#status = 'shown';
    this.#failureCode = undefined;
    this.element.style.visibility = 'visible';
    this.layer.setPicture(image.salus, transform, this.#isTrusted());
    this.#overlays.setPicture(image.salus, transform, datasetOf(this.#series?.instances, image.salus));
    this.#publish();
  };

  #paint(): void {
    const viewport = this.#board.stack(this.viewportId);
    const image = viewport?.getCornerstoneImage() as SalusImage | undefined;
    if (viewport && image?.salus && this.#status === 'shown') {
      this.#grey.paint(viewport, image.salus);
      viewport.render();
    } else this.#publish();
  }

  #place(change: () => void): void {
    change();
    const viewport = this.#board.stack(this.viewportId);
    if (!viewport?.getCornerstoneImage() || this.#status !== 'shown') return;
    this.#placement.apply(viewport);
    viewport.render();
  }

  #publish(): void {
    const picture = this.#picture();
    this.state.set({
      status: this.#status,
      failureCode: this.#failureCode,
      seriesUid: this.#series?.seriesUid,
      picture,
      count: this.#imageIds.length,
      wantedIndex: this.#wanted,
      loadedCount: this.#prefetch.loadedCount,
      cine: { isPlaying: this.#cine.isPlaying, framesPerSecond: this.#cine.framesPerSecond },
      rotationDegrees: this.#placement.rotation,
      isFlipped: this.#placement.isFlipped,
      selectedAnnotationId: this.layer.selectedId,
      areOverlaysShown: this.#overlays.isShown,
      hasOverlays: this.#overlays.hasPictures,
    });
  }

  #picture(): DrawnPicture | undefined {
    const frame = this.#drawn;
    const transform = this.#transform;
    if (!frame || !transform || this.#status !== 'shown') return undefined;
    return drawnPicture(
      frame,
      this.#imageIds.indexOf(imageIdOf(frame.attributes)),
      transform,
      this.#grey,
      this.#isTrusted(),
    );
  }
}
