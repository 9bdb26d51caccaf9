import type { Types } from '@cornerstonejs/core';

interface Placement {
  readonly zoom: number;
  readonly pan: readonly [number, number];
  readonly rotation: number;
  readonly flipHorizontal: boolean;
  readonly flipVertical: boolean;
}

const fresh: Placement = { zoom: 1, pan: [0, 0], rotation: 0, flipHorizontal: false, flipVertical: false };

/** Where a person put the picture: zoom 1 fits the viewport, pan in CSS pixels, turns in degrees clockwise. */
export class PicturePlacement {
  #now = fresh;

  get rotation(): number {
    return this.#now.rotation;
  }

  get isFlipped(): { horizontally: boolean; vertically: boolean } {
    return { horizontally: this.#now.flipHorizontal, vertically: this.#now.flipVertical };
  }

  reset(): void {
    this.#now = fresh;
  }

  rotateBy(degrees: number): void {
    this.#now = { ...this.#now, rotation: (((this.#now.rotation + degrees) % 360) + 360) % 360 };
  }

  /** Mirrors what is on the screen. The flip is kept before the turn, so a quarter turn swaps the axes. */
  flip(axis: 'horizontally' | 'vertically'): void {
    const isQuarterTurn = this.#now.rotation % 180 === 90;
    const { flipHorizontal, flipVertical } = this.#now;
    if ((axis === 'horizontally') !== isQuarterTurn) this.#now = { ...this.#now, flipHorizontal: !flipHorizontal };
    else this.#now = { ...this.#now, flipVertical: !flipVertical };
  }

  panBy(dx: number, dy: number): void {
    const [x, y] = this.#now.pan;
    this.#now = { ...this.#now, pan: [x + dx, y + dy] };
  }

  zoomBy(factor: number): void {
    this.#now = { ...this.#now, zoom: Math.min(64, Math.max(0.1, this.#now.zoom * factor)) };
  }

  /** Puts the picture there. Starts from the fitted picture each time: Cornerstone's own steps would add up. */
  apply(viewport: Types.IStackViewport): void {
    const { zoom, pan, rotation, flipHorizontal, flipVertical } = this.#now;
    viewport.resetCamera({ suppressEvents: true });
    viewport.setViewPresentation({ zoom: 1, pan: [0, 0], rotation: 0, flipHorizontal, flipVertical });
    viewport.setViewPresentation({ rotation });
    viewport.setZoom(zoom);
    viewport.setPan([pan[0], pan[1]]);
  }
}
