import { cache, Enums, eventTarget, init, RenderingEngine, type Types } from '@cornerstonejs/core';

/** A view that draws through the board: told when the graphics card was lost and when to draw itself again. */
export interface BoardMember {
  readonly viewportId: string;
  readonly element: HTMLDivElement;
  readonly type: Enums.ViewportType;
  /** The viewport is new: put everything on it again. */
  reattach(): void;
  graphicsLost(): void;
  /** What to keep over a change of size. */
  saveCamera(): () => void;
}

/** The part of Cornerstone's engine that draws what is flagged; not in its types. */
interface FlaggedRendering {
  _renderFlaggedViewports?: () => void;
  _animationFrameHandle?: number | null;
}

let boards = 0;
let isInitialised = false;

/**
 * The one Cornerstone rendering engine of a window: one WebGL context for all viewports, so that a cheap graphics card
 * holds each volume once. When the context is lost it makes a new engine and has every view draw itself again.
 */
export class DrawingBoard {
  readonly #members = new Map<string, BoardMember>();
  #engine: RenderingEngine;
  #rebuilds = 0;
  #isClosed = false;
  #resizeFrame = 0;
  readonly #observer = new ResizeObserver(() => this.#scheduleResize());

  constructor() {
    if (!isInitialised) {
      init({ rendering: { webGlContextCount: 1 } } as Parameters<typeof init>[0]);
      isInitialised = true;
    }
    boards += 1;
    this.#engine = new RenderingEngine(`salus-${boards}`);
    eventTarget.addEventListener(Enums.Events.WEBGL_CONTEXT_LOST, this.#lost as EventListener);
  }

  attach(member: BoardMember): void {
    this.#members.set(member.viewportId, member);
    this.#enable(member);
    this.#observer.observe(member.element);
  }

  detach(member: BoardMember): void {
    if (!this.#members.delete(member.viewportId)) return;
    this.#observer.unobserve(member.element);
    if (!this.#isClosed) this.#engine.disableElement(member.viewportId);
    member.element.replaceChildren();
  }

  stack(viewportId: string): Types.IStackViewport | undefined {
    return this.#isClosed ? undefined : (this.#engine.getViewport(viewportId) as Types.IStackViewport | undefined);
  }

  volume(viewportId: string): Types.IVolumeViewport | undefined {
    return this.#isClosed ? undefined : (this.#engine.getViewport(viewportId) as Types.IVolumeViewport | undefined);
  }

  /**
   * Draws what is flagged now instead of at the next animation frame, which may be 16 ms away. Cornerstone has no public
   * way to ask for it; without this method of its engine the frame simply comes a little later.
   */
  drawNow(): void {
    if (this.#isClosed) return;
    const { _implementation: engine } = this.#engine as unknown as { _implementation?: FlaggedRendering };
    if (!engine?._renderFlaggedViewports) return;
    if (engine._animationFrameHandle) cancelAnimationFrame(engine._animationFrameHandle);
    engine._renderFlaggedViewports();
  }

  get rebuilds(): number {
    return this.#rebuilds;
  }

  /** The engine's WebGL canvases, for the test that loses them on purpose. */
  get contextCount(): number {
    const pool = (this.#engine as unknown as { _implementation?: { contextPool?: { getContextCount(): number } } })
      ._implementation?.contextPool;
    return pool?.getContextCount() ?? 0;
  }

  /** Loses the graphics context on purpose, as a driver reset would; tests only. */
  loseContext(): boolean {
    const pool = (
      this.#engine as unknown as {
        _implementation?: {
          contextPool?: {
            getAllContexts(): { getOpenGLRenderWindow(): { get3DContext(): WebGL2RenderingContext | null } }[];
          };
        };
      }
    )._implementation?.contextPool;
    const context = pool?.getAllContexts()[0]?.getOpenGLRenderWindow().get3DContext();
    const extension = context?.getExtension('WEBGL_lose_context');
    extension?.loseContext();
    return extension !== null && extension !== undefined;
  }

  close(): void {
    eventTarget.removeEventListener(Enums.Events.WEBGL_CONTEXT_LOST, this.#lost as EventListener);
    cancelAnimationFrame(this.#resizeFrame);
    this.#observer.disconnect();
    for (const member of [...this.#members.values()]) this.detach(member);
    // Handed back now: a browser allows few contexts, and collects what is dropped only when it likes.
    this.loseContext();
    this.#isClosed = true;
    this.#engine.destroy();
    cache.purgeCache();
  }

  #enable(member: BoardMember): void {
    this.#engine.enableElement({
      viewportId: member.viewportId,
      element: member.element,
      type: member.type,
      defaultOptions: { background: [0, 0, 0] },
    });
  }

  readonly #lost = (event: CustomEvent<{ renderingEngineId: string }>): void => {
    if (event.detail.renderingEngineId !== this.#engine.id) return;
    for (const member of this.#members.values()) member.graphicsLost();
    // Not inside the event: the browser is still taking the old context apart.
    setTimeout(() => this.#rebuild(), 50);
  };

  #rebuild(): void {
    if (this.#isClosed) return;
    this.#engine.destroy();
    boards += 1;
    this.#rebuilds += 1;
    this.#engine = new RenderingEngine(`salus-${boards}`);
    for (const member of this.#members.values()) {
      member.element.replaceChildren();
      this.#enable(member);
      member.reattach();
    }
  }

  #scheduleResize(): void {
    cancelAnimationFrame(this.#resizeFrame);
    this.#resizeFrame = requestAnimationFrame(() => {
      if (this.#isClosed || this.#members.size === 0) return;
      const restore = [...this.#members.values()].map((member) => member.saveCamera());
      // Cornerstone puts a change of size off while a frame is pending: that frame is drawn first.
      this.drawNow();
      this.#engine.resize(true, false);
      this.drawNow();
      for (const each of restore) each();
      // A stretched picture is a wrong picture: until every canvas has its viewport's size, it is asked again.
      if ([...this.#members.values()].some((member) => !fits(member.element))) this.#scheduleResize();
    });
  }
}

/** True when the canvas has a pixel for every pixel of the screen, give or take the rounding. */
function fits(element: HTMLElement): boolean {
  const canvas = element.querySelector('canvas');
  if (!canvas || element.clientWidth === 0 || element.clientHeight === 0) return true;
  const ratio = window.devicePixelRatio || 1;
  return (
    Math.abs(canvas.width - canvas.clientWidth * ratio) <= 2 &&
    Math.abs(canvas.height - canvas.clientHeight * ratio) <= 2
  );
}
