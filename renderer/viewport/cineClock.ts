/** Asks for the next frame at a steady rate. A frame that is late is waited for, not skipped: cine shows every phase. */
export class CineClock {
  framesPerSecond = 10;
  #timer = 0;
  readonly #isReady: () => boolean;
  readonly #next: () => void;

  constructor(isReady: () => boolean, next: () => void) {
    this.#isReady = isReady;
    this.#next = next;
  }

  get isPlaying(): boolean {
    return this.#timer !== 0;
  }

  /** The rate the images ask for, or 10 a second. */
  setFrameTime(frameTimeMs: number | undefined): void {
    this.framesPerSecond = frameTimeMs ? Math.min(60, Math.max(1, Math.round(1000 / frameTimeMs))) : 10;
  }

  start(): void {
    this.stop();
    this.#timer = window.setInterval(() => {
      if (this.#isReady()) this.#next();
    }, 1000 / this.framesPerSecond);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = 0;
  }
}
