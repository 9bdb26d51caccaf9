import type { FrameAttributes } from '../../app/domains/imaging/frameAttributes.ts';
import type { EdgeLetters } from '../../app/domains/imaging/orientationRules.ts';
import type { PictureWindow } from './pictureWindow.ts';

/** A length on the screen that is worth a round number of millimetres. */
export interface ScaleBar {
  readonly lengthPx: number;
  readonly lengthMm: number;
  readonly isAtDetector: boolean;
}

/** What was done to a picture, or is not known of it; each a key of the imaging texts. */
export interface Fidelity {
  /** What has to be known at once; more than one where more than one holds. */
  readonly levels: readonly ('lossless' | 'lossy' | 'repaired' | 'uncalibrated')[];
  readonly notes: readonly { readonly key: string; readonly detail: string }[];
}

/** The picture on the screen: everything an overlay may say comes from here, never from what was asked for. */
export interface DrawnPicture {
  readonly attributes: FrameAttributes;
  readonly index: number;
  readonly window: PictureWindow;
  readonly windowSource: 'image' | 'preset' | 'person' | 'table' | 'auto';
  readonly isInverted: boolean;
  readonly isColour: boolean;
  readonly isHounsfield: boolean;
  /** Screen pixels a column takes, in CSS pixels. */
  readonly scale: number;
  readonly letters: EdgeLetters;
  readonly scaleBar: ScaleBar | undefined;
  readonly fidelity: Fidelity;
}

/** A snapshot of a viewport; replaced, never changed. */
export interface ViewState {
  readonly status: 'empty' | 'loading' | 'shown' | 'failed' | 'lost';
  /** Code of the failure that stands in the viewport instead of a picture. */
  readonly failureCode: string | undefined;
  readonly seriesUid: string | undefined;
  readonly picture: DrawnPicture | undefined;
  /** Frames in the stack and the one asked for, 0-based. */
  readonly count: number;
  readonly wantedIndex: number;
  readonly loadedCount: number;
  readonly cine: { readonly isPlaying: boolean; readonly framesPerSecond: number };
  readonly rotationDegrees: number;
  readonly isFlipped: { readonly horizontally: boolean; readonly vertically: boolean };
  readonly selectedAnnotationId: string | undefined;
  readonly areOverlaysShown: boolean;
  readonly hasOverlays: boolean;
}

export const emptyViewState: ViewState = {
  status: 'empty',
  failureCode: undefined,
  seriesUid: undefined,
  picture: undefined,
  count: 0,
  wantedIndex: 0,
  loadedCount: 0,
  cine: { isPlaying: false, framesPerSecond: 10 },
  rotationDegrees: 0,
  isFlipped: { horizontally: false, vertically: false },
  selectedAnnotationId: undefined,
  areOverlaysShown: true,
  hasOverlays: false,
};

/** A value that can be watched; listeners hear of every new one. */
export class Watched<T> {
  #value: T;
  readonly #listeners = new Set<() => void>();

  constructor(value: T) {
    this.#value = value;
  }

  get = (): T => this.#value;

  set(value: T): void {
    this.#value = value;
    for (const listener of [...this.#listeners]) listener();
  }

  watch = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  get listenerCount(): number {
    return this.#listeners.size;
  }
}
