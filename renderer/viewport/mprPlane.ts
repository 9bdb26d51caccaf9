import { Enums, type Types } from '@cornerstonejs/core';
import type { Vector3 } from '../../app/domains/imaging/frameAttributes.ts';
import { addScaled, cross, dot, subtract } from '../../app/domains/imaging/geometryRules.ts';
import type { BoardMember, DrawingBoard } from './drawingBoard.ts';
import type { ScreenPoint } from './pictureTransform.ts';
import type { GreyNode } from './pictureWindow.ts';
import { type PointerTool, PointerTools } from './pointerTools.ts';
import { paintGrey } from './transferPaint.ts';

export type PlaneName = 'axial' | 'coronal' | 'sagittal';
export const planeNames: readonly PlaneName[] = ['axial', 'coronal', 'sagittal'];

/** Camera of each plane: the normal points to the eye (axial from the feet, coronal from the front, sagittal from the left). */
const cameras: Record<PlaneName, { readonly normal: Vector3; readonly up: Vector3 }> = {
  axial: { normal: [0, 0, -1], up: [0, -1, 0] },
  coronal: { normal: [0, -1, 0], up: [0, 0, 1] },
  sagittal: { normal: [1, 0, 0], up: [0, 0, 1] },
};

export interface PlaneHooks {
  readonly moveTo: (pointMm: Vector3) => void;
  readonly scrollBy: (steps: number, normal: Vector3) => void;
  readonly dragWindow: (dx: number, dy: number) => void;
  readonly reattached: () => void;
  readonly lost: () => void;
  readonly drawn: () => void;
  readonly activated: () => void;
}

const svgNamespace = 'http://www.w3.org/2000/svg';
let planes = 0;

/** One plane of the three: a Cornerstone volume viewport and the crosshair over it. */
export class MprPlane implements BoardMember {
  readonly viewportId: string;
  readonly element: HTMLDivElement;
  readonly type = Enums.ViewportType.ORTHOGRAPHIC;
  readonly name: PlaneName;
  readonly tools: PointerTools;
  readonly #root: HTMLElement;
  readonly #board: DrawingBoard;
  readonly #hooks: PlaneHooks;
  readonly #svg: SVGSVGElement;
  #point: Vector3 | undefined;
  #zoom = 1;
  #pan: readonly [number, number] = [0, 0];
  #isMounted = false;

  constructor(name: PlaneName, root: HTMLElement, board: DrawingBoard, hooks: PlaneHooks) {
    planes += 1;
    this.viewportId = `plane-${planes}`;
    this.name = name;
    this.#root = root;
    this.#board = board;
    this.#hooks = hooks;
    this.element = document.createElement('div');
    this.element.className = 'viewport-picture';
    this.element.style.visibility = 'hidden';
    this.#svg = document.createElementNS(svgNamespace, 'svg');
    this.#svg.setAttribute('class', 'viewport-crosshair');
    root.append(this.element, this.#svg);
    this.element.addEventListener(Enums.Events.IMAGE_RENDERED, this.#rendered);
    board.attach(this);
    this.tools = new PointerTools({
      root,
      scrollBy: (steps) => hooks.scrollBy(-steps, this.positiveNormal),
      dragWindow: hooks.dragWindow,
      panBy: (dx, dy) => this.#present(this.#zoom, [this.#pan[0] + dx, this.#pan[1] + dy]),
      zoomBy: (factor) => this.#present(Math.min(32, Math.max(0.2, this.#zoom * factor)), this.#pan),
      dragAt: (at, tool) => this.#dragCrosshair(at, tool),
      hoverAt: () => undefined,
      activated: hooks.activated,
    });
    this.tools.setTool('crosshair');
  }

  /** The normal, turned so that positions grow to L, P or H. */
  get positiveNormal(): Vector3 {
    const [x, y, z] = cameras[this.name].normal;
    return [Math.abs(x), Math.abs(y), Math.abs(z)];
  }

  get canvas(): HTMLCanvasElement | null {
    return this.element.querySelector('canvas');
  }

  async mount(volumeId: string): Promise<void> {
    const viewport = this.#board.volume(this.viewportId);
    if (!viewport) return;
    const { normal, up } = cameras[this.name];
    await viewport.setVolumes([{ volumeId }]);
    viewport.setOrientation({ viewPlaneNormal: [...normal], viewUp: [...up] } as Parameters<
      typeof viewport.setOrientation
    >[0]);
    viewport.resetCamera({ suppressEvents: true } as Parameters<typeof viewport.resetCamera>[0]);
    this.#isMounted = true;
    this.#apply(viewport);
  }

  show(): void {
    this.element.style.visibility = 'visible';
    this.#board.volume(this.viewportId)?.render();
  }

  blank(): void {
    this.#isMounted = false;
    this.#point = undefined;
    this.#zoom = 1;
    this.#pan = [0, 0];
    this.element.style.visibility = 'hidden';
    this.#svg.replaceChildren();
  }

  paint(nodes: readonly GreyNode[]): void {
    const viewport = this.#board.volume(this.viewportId);
    if (!viewport || !this.#isMounted) return;
    paintGrey(viewport, nodes);
    viewport.render();
  }

  /** Moves the plane along its normal so that it goes through a point. */
  cutAt(pointMm: Vector3): void {
    this.#point = pointMm;
    const viewport = this.#board.volume(this.viewportId);
    if (!viewport || !this.#isMounted) return;
    const { focalPoint, position } = viewport.getCamera();
    if (!focalPoint || !position) return;
    const normal = this.positiveNormal;
    const along = dot(subtract(pointMm, focalPoint as unknown as Vector3), normal);
    viewport.setCamera({
      focalPoint: [...addScaled(focalPoint as unknown as Vector3, normal, along)] as Types.Point3,
      position: [...addScaled(position as unknown as Vector3, normal, along)] as Types.Point3,
    });
    viewport.render();
  }

  reset(): void {
    this.#present(1, [0, 0]);
  }

  /** Where the screen's right and down point to in the patient; undefined before the plane is drawn. */
  drawnDirections(): { right: Vector3; down: Vector3 } | undefined {
    const viewport = this.#board.volume(this.viewportId);
    if (!viewport || !this.#isMounted) return undefined;
    const { viewUp, viewPlaneNormal } = viewport.getCamera();
    if (!viewUp || !viewPlaneNormal) return undefined;
    const up = viewUp as unknown as Vector3;
    return { right: cross(up, viewPlaneNormal as unknown as Vector3), down: [-up[0], -up[1], -up[2]] };
  }

  pxPerMm(): number {
    const viewport = this.#board.volume(this.viewportId);
    const drawn = this.drawnDirections();
    if (!viewport || !drawn || !this.#point) return 0;
    const at = (point: Vector3) => viewport.worldToCanvas([...point] as Types.Point3);
    const [x0, y0] = at(this.#point);
    const [x1, y1] = at(addScaled(this.#point, drawn.right, 10));
    const scale = Math.hypot(x1 - x0, y1 - y0) / 10;
    return Number.isFinite(scale) ? scale : 0;
  }

  close(): void {
    this.tools.close();
    this.element.removeEventListener(Enums.Events.IMAGE_RENDERED, this.#rendered);
    this.#board.detach(this);
    this.#root.replaceChildren();
  }

  reattach(): void {
    this.#isMounted = false;
    this.#hooks.reattached();
  }

  graphicsLost(): void {
    this.element.style.visibility = 'hidden';
    this.#svg.replaceChildren();
    this.#hooks.lost();
  }

  saveCamera(): () => void {
    return () => this.#present(this.#zoom, this.#pan);
  }

  #present(zoom: number, pan: readonly [number, number]): void {
    this.#zoom = zoom;
    this.#pan = pan;
    const viewport = this.#board.volume(this.viewportId);
    if (!viewport || !this.#isMounted) return;
    this.#apply(viewport);
    viewport.render();
  }

  #apply(viewport: Types.IVolumeViewport): void {
    viewport.resetCamera({ suppressEvents: true, resetOrientation: false } as Parameters<
      typeof viewport.resetCamera
    >[0]);
    viewport.setZoom(this.#zoom);
    viewport.setPan([this.#pan[0], this.#pan[1]]);
    if (this.#point) this.cutAt(this.#point);
  }

  #dragCrosshair(at: ScreenPoint, tool: PointerTool): boolean {
    const viewport = this.#board.volume(this.viewportId);
    if (tool !== 'crosshair' || !viewport || !this.#point) return false;
    const [x, y, z] = viewport.canvasToWorld([at[0], at[1]]);
    const normal = this.positiveNormal;
    // Only in the plane: the click says nothing of the depth.
    const clicked: Vector3 = [x, y, z];
    this.#hooks.moveTo(addScaled(clicked, normal, dot(subtract(this.#point, clicked), normal)));
    return true;
  }

  readonly #rendered = (): void => {
    const viewport = this.#board.volume(this.viewportId);
    if (!viewport || !this.#isMounted || !this.#point) return;
    const [x, y] = viewport.worldToCanvas([...this.#point] as Types.Point3);
    this.#svg.replaceChildren();
    if (Number.isFinite(x) && Number.isFinite(y))
      this.#svg.append(...crosshair(x, y, this.element.clientWidth, this.element.clientHeight));
    this.#hooks.drawn();
  };
}

/** Four arms that leave the middle free, so that the voxel in question can be seen. */
function crosshair(x: number, y: number, width: number, height: number): SVGLineElement[] {
  const gap = 10;
  const arms = [
    [0, y, x - gap, y],
    [x + gap, y, width, y],
    [x, 0, x, y - gap],
    [x, y + gap, x, height],
  ];
  return arms.map(([x1, y1, x2, y2]) => {
    const line = document.createElementNS(svgNamespace, 'line');
    for (const [name, value] of Object.entries({ x1, y1, x2, y2 })) line.setAttribute(name, value!.toFixed(1));
    return line;
  });
}
