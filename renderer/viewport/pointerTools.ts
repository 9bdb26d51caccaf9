import type { MeasurementTool } from '../../app/domains/imaging/measurementRules.ts';
import type { ScreenPoint } from './pictureTransform.ts';
import { WheelSteps } from './wheelSteps.ts';

/** What the left button does. Measuring tools are named as in the contract. */
export type PointerTool = 'window' | 'pan' | 'zoom' | 'scroll' | 'crosshair' | MeasurementTool;

const measuring: ReadonlySet<PointerTool> = new Set([
  'length',
  'angle',
  'ellipse',
  'rectangle',
  'probe',
  'bidirectional',
  'freehand',
  'arrow',
]);

export function measuringTool(tool: PointerTool): MeasurementTool | undefined {
  return measuring.has(tool) ? (tool as MeasurementTool) : undefined;
}

/** What a view lets the pointer do. Distances are CSS pixels. */
export interface PointerTarget {
  readonly root: HTMLElement;
  scrollBy(steps: number): void;
  dragWindow(dx: number, dy: number): void;
  panBy(dx: number, dy: number): void;
  zoomBy(factor: number): void;
  /** Gestures of the layer above the picture; absent for a view without one. */
  readonly layer?: {
    readonly isBusy: boolean;
    isOver(at: ScreenPoint): boolean;
    pointerDown(at: ScreenPoint, tool: MeasurementTool | undefined): boolean;
    pointerMove(at: ScreenPoint): void;
    pointerUp(at: ScreenPoint): void;
  };
  /** The left button's own drag of a view, such as the crosshair; true when it took the event. */
  dragAt?(at: ScreenPoint, tool: PointerTool): boolean;
  hoverAt(at: ScreenPoint | undefined): void;
  activated(): void;
}

type Drag = 'layer' | 'window' | 'pan' | 'zoom' | 'scroll' | 'own';

/** Left is the active tool, middle pans, right zooms, the wheel scrolls (with Ctrl it zooms). */
export class PointerTools {
  #tool: PointerTool = 'window';
  #drag: Drag | undefined;
  #last: ScreenPoint = [0, 0];
  #scrollRest = 0;
  readonly #wheel = new WheelSteps();
  readonly #target: PointerTarget;
  readonly #controller = new AbortController();

  constructor(target: PointerTarget) {
    this.#target = target;
    const { root } = target;
    const { signal } = this.#controller;
    root.addEventListener('pointerdown', this.#down, { signal });
    root.addEventListener('pointermove', this.#move, { signal });
    root.addEventListener('pointerup', this.#up, { signal });
    root.addEventListener('pointercancel', this.#up, { signal });
    root.addEventListener('pointerleave', () => target.hoverAt(undefined), { signal });
    root.addEventListener('wheel', this.#wheeled, { signal, passive: false });
    root.addEventListener('contextmenu', (event) => event.preventDefault(), { signal });
    root.addEventListener('auxclick', (event) => event.preventDefault(), { signal });
  }

  get tool(): PointerTool {
    return this.#tool;
  }

  setTool(tool: PointerTool): void {
    this.#tool = tool;
    this.#target.root.dataset.tool = tool;
  }

  close(): void {
    this.#controller.abort();
  }

  #at(event: MouseEvent): ScreenPoint {
    const { left, top } = this.#target.root.getBoundingClientRect();
    return [event.clientX - left, event.clientY - top];
  }

  readonly #down = (event: PointerEvent): void => {
    if (event.target instanceof Element && event.target.closest('button, a, input, [role="menu"]')) return;
    this.#target.activated();
    const at = this.#at(event);
    this.#last = at;
    this.#scrollRest = 0;
    this.#drag = this.#dragFor(event, at);
    if (this.#drag) {
      event.preventDefault();
      this.#target.root.setPointerCapture(event.pointerId);
      this.#target.root.focus({ preventScroll: true });
    }
  };

  #dragFor(event: PointerEvent, at: ScreenPoint): Drag | undefined {
    if (event.button === 1) return 'pan';
    if (event.button === 2) return 'zoom';
    if (event.button !== 0) return undefined;
    const { layer, dragAt } = this.#target;
    if (layer?.pointerDown(at, measuringTool(this.#tool))) return 'layer';
    if (dragAt?.call(this.#target, at, this.#tool)) return 'own';
    if (this.#tool === 'pan' || this.#tool === 'zoom' || this.#tool === 'scroll') return this.#tool;
    return 'window';
  }

  readonly #move = (event: PointerEvent): void => {
    const at = this.#at(event);
    const { layer } = this.#target;
    this.#target.hoverAt(at);
    if (this.#drag === 'layer' || (this.#drag === undefined && layer?.isBusy)) {
      layer?.pointerMove(at);
      return;
    }
    if (this.#drag === undefined) {
      this.#target.root.dataset.over = layer?.isOver(at) ? 'annotation' : '';
      return;
    }
    const dx = at[0] - this.#last[0];
    const dy = at[1] - this.#last[1];
    this.#last = at;
    if (this.#drag === 'own') this.#target.dragAt?.(at, this.#tool);
    if (this.#drag === 'window') this.#target.dragWindow(dx, dy);
    if (this.#drag === 'pan') this.#target.panBy(dx, dy);
    if (this.#drag === 'zoom') this.#target.zoomBy(2 ** (-dy / 120));
    if (this.#drag === 'scroll') {
      this.#scrollRest += dy;
      const steps = Math.trunc(this.#scrollRest / 6);
      this.#scrollRest -= steps * 6;
      if (steps !== 0) this.#target.scrollBy(steps);
    }
  };

  readonly #up = (event: PointerEvent): void => {
    if (this.#drag === 'layer') this.#target.layer?.pointerUp(this.#at(event));
    this.#drag = undefined;
    if (this.#target.root.hasPointerCapture(event.pointerId)) this.#target.root.releasePointerCapture(event.pointerId);
  };

  readonly #wheeled = (event: WheelEvent): void => {
    event.preventDefault();
    this.#target.activated();
    if (event.ctrlKey) {
      this.#target.zoomBy(2 ** (-event.deltaY / 400));
      return;
    }
    const steps = this.#wheel.stepsOf(event);
    if (steps !== 0) this.#target.scrollBy(steps);
  };
}
