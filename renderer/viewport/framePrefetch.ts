import type { FrameLibrary, Urgency } from './frameLibrary.ts';

/** How far around the eye frames are wanted before the rest. */
const nearReach = 12;

/**
 * Loads a series, the frame under the eye by itself and then outwards from it. The library decides how many at a time; what is near goes first and is asked for
 * again when the eye moves on.
 */
export class FramePrefetch {
  #imageIds: readonly string[] = [];
  #own: ReadonlySet<string> = new Set();
  #generation = 0;
  #loaded = new Set<string>();
  readonly #library: FrameLibrary;
  readonly #progress: () => void;
  #lastProgress = 0;
  #limit = 0;
  #at = 0;

  constructor(library: FrameLibrary, progress: () => void) {
    this.#library = library;
    this.#progress = progress;
  }

  /** Frames here; all of them once as many are here as fit in memory. */
  get loadedCount(): number {
    return this.#loaded.size >= this.#limit ? this.#imageIds.length : this.#loaded.size;
  }

  start(imageIds: readonly string[], at: number): void {
    this.#generation += 1;
    this.#imageIds = imageIds;
    this.#own = new Set(imageIds);
    this.#loaded = new Set(imageIds.filter((imageId) => this.#library.isLoaded(imageId)));
    const generation = this.#generation;
    // More than fits would push out the frames around the eye.
    this.#limit = Math.min(imageIds.length, this.#library.roomFor(imageIds[at]));
    const [eye, ...rest] = outwards(imageIds, at).slice(0, this.#limit);
    const loadRest = () => {
      if (generation !== this.#generation) return;
      for (const imageId of rest) void this.#load(imageId, 'ahead', generation);
      this.moveTo(this.#at);
    };
    this.#at = at;
    if (eye === undefined || this.#library.isLoaded(eye)) {
      if (eye !== undefined) void this.#load(eye, 'seen', generation);
      loadRest();
    } else {
      // The picture a person waits for shares neither the line nor the host with the ones beside it.
      void this.#load(eye, 'seen', generation).finally(loadRest);
    }
  }

  /** The eye is at this frame now. The frame itself has a request of its own, first in line. */
  moveTo(at: number): void {
    this.#at = at;
    const near = this.#imageIds.slice(Math.max(0, at - nearReach), at + nearReach + 1);
    this.#library.reorder(this.#own, new Set(near));
    for (const imageId of near) void this.#load(imageId, 'near', this.#generation);
  }

  stop(): void {
    this.#generation += 1;
    this.#imageIds = [];
    this.#loaded = new Set();
  }

  #load(imageId: string, urgency: Urgency, generation: number): Promise<void> {
    if (this.#library.isLoaded(imageId)) {
      if (generation === this.#generation) this.#loaded.add(imageId);
      return Promise.resolve();
    }
    return this.#library.load(imageId, urgency).then(
      () => this.#arrived(imageId, generation),
      // The reason is told when somebody looks at the frame.
      () => undefined,
    );
  }

  #arrived(imageId: string, generation: number): void {
    if (generation !== this.#generation) return;
    this.#loaded.add(imageId);
    const isLast = this.#loaded.size === this.#limit;
    const now = performance.now();
    if (!isLast && now - this.#lastProgress < 200) return;
    this.#lastProgress = now;
    this.#progress();
  }
}

function outwards<T>(items: readonly T[], at: number): T[] {
  const ordered: T[] = [];
  for (let distance = 0; distance < items.length; distance += 1) {
    if (at + distance < items.length) ordered.push(items[at + distance]!);
    if (distance > 0 && at - distance >= 0) ordered.push(items[at - distance]!);
  }
  return ordered;
}
