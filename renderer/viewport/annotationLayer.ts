import { displayAspect, type ImagePoint } from '../../app/domains/imaging/calibrationRules.ts';
import {
  formatMeasurement,
  type Measurement,
  type MeasurementTool,
  measure,
} from '../../app/domains/imaging/measurementRules.ts';
import { hitTest } from './annotationHits.ts';
import { handlesOf, moved, outlinesOf, pointCount, shortAxis, withHandleAt } from './annotationShapes.ts';
import type { LoadedFrame } from './cornerstoneFrames.ts';
import { type PictureTransform, type ScreenPoint, toImage, toScreen } from './pictureTransform.ts';

/** An annotation as the viewport knows it. Points are image pixels [column, row]. */
export interface ViewAnnotation {
  readonly annotationId: string;
  readonly sopUid: string;
  readonly frame: number;
  readonly tool: MeasurementTool;
  readonly points: readonly ImagePoint[];
  readonly measurements: readonly Measurement[];
  readonly label: string;
  /** Drawn dashed while the host has not confirmed it. */
  readonly isSaved: boolean;
}

export interface AnnotationEvents {
  /** A gesture ended: a new annotation, or another place for a known one. */
  readonly onGesture: (annotation: ViewAnnotation, kind: 'created' | 'changed') => void;
  readonly onSelect: (annotationId: string | undefined) => void;
  readonly makeId: () => string;
  /** False: annotations can be selected and nothing else. */
  readonly canEdit: () => boolean;
  readonly language: () => 'fr' | 'en';
}

interface Gesture {
  readonly annotation: ViewAnnotation;
  readonly kind: 'created' | 'changed';
  /** A handle's number, or the whole shape by the image point it was taken at. */
  readonly grip: { readonly handle: number } | { readonly at: ImagePoint; readonly original: readonly ImagePoint[] };
  readonly startScreen: ScreenPoint;
  readonly hasMoved: boolean;
}

const svgNamespace = 'http://www.w3.org/2000/svg';
const dragThresholdPx = 3;

/** Draws the annotations of the drawn frame over the picture and turns gestures into points. Every number is from the rules. */
export class AnnotationLayer {
  readonly svg: SVGSVGElement;
  #annotations: readonly ViewAnnotation[] = [];
  #frame: LoadedFrame | undefined;
  #transform: PictureTransform | undefined;
  #gesture: Gesture | undefined;
  #selectedId: string | undefined;
  #isTrusted = true;
  readonly #events: AnnotationEvents;

  constructor(events: AnnotationEvents) {
    this.#events = events;
    this.svg = document.createElementNS(svgNamespace, 'svg');
    this.svg.setAttribute('class', 'viewport-annotations');
  }

  setAnnotations(annotations: readonly ViewAnnotation[]): void {
    this.#annotations = annotations;
    if (this.#selectedId && !annotations.some((each) => each.annotationId === this.#selectedId))
      this.#selectedId = undefined;
    this.draw();
  }

  /** Called after every picture; undefined hides everything: no annotation without its own picture under it. */
  setPicture(frame: LoadedFrame | undefined, transform: PictureTransform | undefined, isTrusted: boolean): void {
    const isSameFrame = frame?.attributes === this.#frame?.attributes;
    this.#frame = frame;
    this.#transform = transform;
    this.#isTrusted = isTrusted;
    if (!isSameFrame) this.#gesture = undefined;
    this.draw();
  }

  select(annotationId: string | undefined): void {
    if (this.#selectedId === annotationId) return;
    this.#selectedId = annotationId;
    this.#events.onSelect(annotationId);
    this.draw();
  }

  get selectedId(): string | undefined {
    return this.#selectedId;
  }

  /** True while a gesture takes every pointer event. */
  get isBusy(): boolean {
    return this.#gesture !== undefined;
  }

  /** What lies under the pointer, for the cursor. */
  isOver(screen: ScreenPoint): boolean {
    return this.#hit(screen) !== undefined;
  }

  /** Starts or goes on with a gesture. False when there is nothing here for this tool: the event is the viewport's. */
  pointerDown(screen: ScreenPoint, tool: MeasurementTool | undefined): boolean {
    if (!this.#frame || !this.#transform) return false;
    const at = toImage(this.#transform, screen);
    if (this.#gesture) {
      this.#placeNext(at, screen);
      return true;
    }
    const hit = this.#hit(screen);
    if (hit && !(tool && hit.grip === 'shape')) {
      const { annotation } = hit;
      this.select(annotation.annotationId);
      if (!this.#events.canEdit()) return true;
      const grip = hit.grip === 'shape' ? { at, original: annotation.points } : { handle: hit.grip };
      this.#gesture = { annotation, kind: 'changed', grip, startScreen: screen, hasMoved: false };
      return true;
    }
    if (!tool || !this.#events.canEdit() || !this.#isInside(at)) {
      this.select(undefined);
      return false;
    }
    this.#start(tool, at, screen);
    return true;
  }

  pointerMove(screen: ScreenPoint): void {
    const { gesture, transform } = { gesture: this.#gesture, transform: this.#transform };
    if (!gesture || !transform) return;
    const at = toImage(transform, screen);
    const hasMoved =
      gesture.hasMoved ||
      Math.hypot(screen[0] - gesture.startScreen[0], screen[1] - gesture.startScreen[1]) > dragThresholdPx;
    if (!hasMoved && gesture.kind === 'changed') return;
    this.#gesture = {
      ...gesture,
      hasMoved,
      annotation: this.#measured(gesture.annotation, this.#dragged(gesture, at)),
    };
    this.draw();
  }

  pointerUp(screen: ScreenPoint): void {
    const gesture = this.#gesture;
    if (!gesture) return;
    if (gesture.kind === 'changed') {
      this.#gesture = undefined;
      // Let go where nothing would be left of the shape, it stays as it was.
      if (gesture.hasMoved && hasSize(gesture.annotation)) this.#events.onGesture(gesture.annotation, 'changed');
      this.draw();
      return;
    }
    // A click places one point and the next comes with the next click; a drag places two.
    if (gesture.annotation.tool === 'probe') this.#finish();
    else if (gesture.hasMoved) this.#placeNext(toImage(this.#transform!, screen), screen);
  }

  cancel(): boolean {
    const wasBusy = this.#gesture !== undefined;
    this.#gesture = undefined;
    this.draw();
    return wasBusy;
  }

  #isInside([column, row]: ImagePoint): boolean {
    const attributes = this.#frame?.attributes;
    return (
      attributes !== undefined &&
      column >= -0.5 &&
      row >= -0.5 &&
      column <= attributes.columns - 0.5 &&
      row <= attributes.rows - 0.5
    );
  }

  #hit(screen: ScreenPoint) {
    return this.#transform ? hitTest(this.#shown(), this.#transform, screen, this.#selectedId) : undefined;
  }

  #start(tool: MeasurementTool, at: ImagePoint, screen: ScreenPoint): void {
    const { sopUid, frame } = this.#frame!.attributes;
    const annotationId = this.#events.makeId();
    const points = tool === 'probe' ? [at] : [at, at];
    const blank: ViewAnnotation = {
      annotationId,
      sopUid,
      frame,
      tool,
      points,
      measurements: [],
      label: '',
      isSaved: true,
    };
    this.select(annotationId);
    this.#gesture = {
      annotation: this.#measured(blank, points),
      kind: 'created',
      grip: { handle: points.length - 1 },
      startScreen: screen,
      hasMoved: false,
    };
    this.draw();
  }

  #dragged(gesture: Gesture, at: ImagePoint): ImagePoint[] {
    const { annotation, grip } = gesture;
    if (annotation.tool === 'freehand' && gesture.kind === 'created') {
      const last = annotation.points[annotation.points.length - 1]!;
      const isFar = Math.hypot(at[0] - last[0], at[1] - last[1]) >= 0.75 && annotation.points.length < 2000;
      return isFar ? [...annotation.points, at] : [...annotation.points];
    }
    if ('handle' in grip) {
      const points = withHandleAt(annotation.tool, annotation.points, grip.handle, at);
      const isNewLongAxis = annotation.tool === 'bidirectional' && gesture.kind === 'created';
      return isNewLongAxis
        ? [points[0]!, points[1]!, ...shortAxis([points[0]!, points[1]!], displayAspect(this.#frame!.attributes))]
        : points;
    }
    return moved(grip.original, at[0] - grip.at[0], at[1] - grip.at[1]);
  }

  #placeNext(at: ImagePoint, screen: ScreenPoint): void {
    const gesture = this.#gesture!;
    const { annotation } = gesture;
    const points = this.#dragged(gesture, at);
    const wanted = pointCount[annotation.tool];
    if (points.length < wanted || (annotation.tool === 'angle' && points.length === 2)) {
      // The vertex is set; the second arm follows the pointer.
      const next = [...points, at];
      this.#gesture = {
        ...gesture,
        annotation: this.#measured(annotation, next),
        grip: { handle: next.length - 1 },
        startScreen: screen,
        hasMoved: false,
      };
      this.draw();
      return;
    }
    this.#gesture = { ...gesture, annotation: this.#measured(annotation, points) };
    this.#finish();
  }

  #finish(): void {
    const { annotation, kind } = this.#gesture!;
    this.#gesture = undefined;
    // A shape without any size is a slip of the hand.
    if (!hasSize(annotation)) this.select(undefined);
    else this.#events.onGesture(annotation, kind);
    this.draw();
  }

  #measured(annotation: ViewAnnotation, points: readonly ImagePoint[]): ViewAnnotation {
    const { attributes, stored, scale } = this.#frame!;
    const isMono = attributes.samplesPerPixel === 1 && attributes.photometric !== 'PALETTE COLOR';
    const image = { frame: attributes, stored: isMono ? stored : undefined, scale, isTrusted: this.#isTrusted };
    return { ...annotation, points, measurements: measure(annotation.tool, points, image) };
  }

  /** The annotations of the drawn frame, with the one in hand as it is now. */
  #shown(): ViewAnnotation[] {
    const attributes = this.#frame?.attributes;
    if (!attributes) return [];
    const inHand = this.#gesture?.annotation;
    const shown = this.#annotations.filter(
      (each) =>
        each.sopUid === attributes.sopUid &&
        each.frame === attributes.frame &&
        each.annotationId !== inHand?.annotationId,
    );
    return inHand ? [...shown, inHand] : shown;
  }

  draw(): void {
    this.svg.replaceChildren();
    const transform = this.#transform;
    if (!transform || !this.#frame) return;
    for (const annotation of this.#shown()) this.svg.append(this.#drawOne(annotation, transform));
  }

  #drawOne(annotation: ViewAnnotation, transform: PictureTransform): SVGGElement {
    const group = document.createElementNS(svgNamespace, 'g');
    const isSelected = annotation.annotationId === this.#selectedId;
    group.setAttribute(
      'class',
      ['viewport-annotation', isSelected ? 'selected' : '', annotation.isSaved ? '' : 'unsaved']
        .filter(Boolean)
        .join(' '),
    );
    group.dataset.annotationId = annotation.annotationId;
    for (const outline of outlinesOf(annotation.tool, annotation.points)) {
      const path = document.createElementNS(svgNamespace, 'polyline');
      path.setAttribute(
        'points',
        outline
          .map((point) =>
            toScreen(transform, point)
              .map((each) => each.toFixed(2))
              .join(','),
          )
          .join(' '),
      );
      group.append(path);
    }
    for (const handle of handlesOf(annotation.tool, annotation.points)) {
      const [x, y] = toScreen(transform, handle);
      const circle = document.createElementNS(svgNamespace, 'circle');
      circle.setAttribute('cx', x.toFixed(2));
      circle.setAttribute('cy', y.toFixed(2));
      circle.setAttribute('r', isSelected ? '4' : '3');
      group.append(circle);
    }
    group.append(...this.#textOf(annotation, transform));
    return group;
  }

  #textOf(annotation: ViewAnnotation, transform: PictureTransform): SVGTextElement[] {
    const lines = annotationLines(annotation, this.#events.language());
    const anchors = outlinesOf(annotation.tool, annotation.points).flat();
    const screens = (anchors.length > 0 ? anchors : annotation.points).map((point) => toScreen(transform, point));
    const right = screens.reduce((best, point) => (point[0] > best[0] ? point : best));
    const width = this.svg.clientWidth;
    const height = this.svg.clientHeight;
    const longest = Math.max(0, ...lines.map((line) => line.length)) * 7;
    const isTooFarRight = right[0] + 10 + longest > width;
    const left = screens.reduce((best, point) => (point[0] < best[0] ? point : best));
    const anchor = isTooFarRight ? left : right;
    const top = Math.min(Math.max(anchor[1] - 6, 16), height - lines.length * 15);
    return lines.map((line, index) => {
      const text = document.createElementNS(svgNamespace, 'text');
      text.setAttribute('x', (isTooFarRight ? anchor[0] - 8 : anchor[0] + 8).toFixed(1));
      text.setAttribute('y', (top + index * 15).toFixed(1));
      if (isTooFarRight) text.setAttribute('text-anchor', 'end');
      text.textContent = line;
      return text;
    });
  }
}

function hasSize({ tool, points }: ViewAnnotation): boolean {
  const [first] = points;
  if (tool === 'probe' || !first) return true;
  const isFlat = (axis: 0 | 1) => points.every((point) => Math.abs(point[axis] - first[axis]) < 0.01);
  return tool === 'ellipse' || tool === 'rectangle' ? !isFlat(0) && !isFlat(1) : !isFlat(0) || !isFlat(1);
}

/** The lines beside an annotation: its label, then its numbers. */
export function annotationLines(
  annotation: Pick<ViewAnnotation, 'label' | 'measurements'>,
  language: 'fr' | 'en',
): string[] {
  const { measurements } = annotation;
  const text = (kind: Measurement['kind']) => {
    const found = measurements.find((each) => each.kind === kind);
    return found ? formatMeasurement(found, language) : undefined;
  };
  const mean = text('mean');
  const deviation = text('standardDeviation');
  const minimum = text('minimum');
  const maximum = text('maximum');
  const width = text('width');
  const length = text('length');
  const lines = [
    annotation.label,
    length && width ? `${length} × ${width}` : length,
    text('angle'),
    text('value'),
    mean && deviation ? `x̄ ${mean} ± ${deviation}` : mean,
    minimum && maximum ? `${minimum} … ${maximum}` : undefined,
    text('area'),
  ];
  return lines.filter((line): line is string => line !== undefined && line !== '');
}
