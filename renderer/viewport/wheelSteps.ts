/**
 * Turns wheel events into slices without losing any: a browser may join several notches into one event, speak in lines
 * or pixels, and a touchpad sends a stream of small movements.
 */
export class WheelSteps {
  #notchPixels = 0;
  #rest = 0;

  /** Whole slices for an event; positive scrolls on. */
  stepsOf(event: Pick<WheelEvent, 'deltaY' | 'deltaMode'>): number {
    const { deltaY, deltaMode } = event;
    const size = Math.abs(deltaY);
    if (size === 0) return 0;
    if (deltaMode === 2) return Math.sign(deltaY);
    if (deltaMode === 1) return Math.sign(deltaY) * Math.max(1, Math.round(size / 3));
    if (size < 40) {
      // A touchpad: movements add up until they are worth a slice.
      if (Math.sign(this.#rest) !== Math.sign(deltaY)) this.#rest = 0;
      this.#rest += deltaY;
      const steps = Math.trunc(this.#rest / 40);
      this.#rest -= steps * 40;
      return steps;
    }
    // The smallest notch seen is the wheel's own; what is joined is a multiple of it.
    if (this.#notchPixels === 0 || size < this.#notchPixels * 0.75)
      this.#notchPixels = size > 150 && size % 120 === 0 ? 120 : size > 150 && size % 100 === 0 ? 100 : size;
    return Math.sign(deltaY) * Math.max(1, Math.round(size / this.#notchPixels));
  }
}
