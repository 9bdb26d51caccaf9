import type { Report, ReportSection } from '../../../app/domains/reports/reportSchema.ts';
import { Failure } from '../../../app/shared/failure.ts';

/** Longest time typed text stays only in the window, in milliseconds. */
export const saveIntervalMs = 2000;
/** Wait before a save that failed is tried again, in milliseconds. */
const retryMs = 4000;

export interface DraftContent {
  readonly sections: ReportSection[];
  readonly keyImages: Report['keyImages'];
}

export type DraftSaveState =
  | { readonly kind: 'saved'; readonly at: number }
  | { readonly kind: 'unsaved' }
  | { readonly kind: 'saving' }
  | { readonly kind: 'failed'; readonly failure: Failure }
  /** The host holds a newer version that this window has not seen. Nothing is overwritten until a person chooses. */
  | { readonly kind: 'conflict' };

/**
 * Sends a draft's content to the host within two seconds of a change, one save at a time, and says how that went.
 * Framework free, so that its timing can be tested with a clock of ours.
 */
export class DraftSaver {
  #version: number;
  #content: DraftContent | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #running: Promise<void> | null = null;
  #state: DraftSaveState;
  #closed = false;
  readonly #save: (baseVersion: number, content: DraftContent) => Promise<Report>;
  readonly #tell: (state: DraftSaveState) => void;

  constructor(
    start: { version: number; savedAt: number },
    save: (baseVersion: number, content: DraftContent) => Promise<Report>,
    tell: (state: DraftSaveState) => void,
  ) {
    this.#version = start.version;
    this.#state = { kind: 'saved', at: start.savedAt };
    this.#save = save;
    this.#tell = tell;
  }

  get version(): number {
    return this.#version;
  }

  get state(): DraftSaveState {
    return this.#state;
  }

  /** Takes the newest content; the save follows within `saveIntervalMs`. */
  change(content: DraftContent): void {
    this.#content = content;
    if (this.#state.kind === 'conflict') return;
    if (this.#state.kind !== 'saving') this.#set({ kind: 'unsaved' });
    this.#timer ??= setTimeout(() => void this.#run(), saveIntervalMs);
  }

  /** Saves what is unsaved now. Resolves when the host holds it; rejects with why not. */
  async flush(): Promise<number> {
    while (this.#running !== null || this.#content !== null) {
      if (this.#state.kind === 'conflict') throw new Failure('reports.draftChanged', 'the draft changed elsewhere');
      await (this.#running ?? this.#run());
      if (this.#state.kind === 'failed') throw this.#state.failure;
    }
    return this.#version;
  }

  /** After a conflict: writes this window's text as the next version after the host's. Both stay in the report's history. */
  async keepMine(hostVersion: number): Promise<void> {
    this.#version = hostVersion;
    this.#set({ kind: 'unsaved' });
    await this.flush();
  }

  /** Sends what is left and stops. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#content !== null && this.#state.kind !== 'conflict') void this.#run();
  }

  #set(state: DraftSaveState): void {
    this.#state = state;
    this.#tell(state);
  }

  #run(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#running ??= this.#send().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  async #send(): Promise<void> {
    const content = this.#content;
    if (content === null) return;
    this.#content = null;
    this.#set({ kind: 'saving' });
    try {
      const saved = await this.#save(this.#version, content);
      this.#version = saved.version;
      if (this.#content === null) this.#set({ kind: 'saved', at: saved.savedAt });
      else {
        this.#set({ kind: 'unsaved' });
        // After `close` nobody types any more, and the session may be about to end.
        this.#timer ??= setTimeout(() => void this.#run(), this.#closed ? 0 : saveIntervalMs);
      }
    } catch (error) {
      // What could not be saved stays here, unless newer text already took its place.
      this.#content ??= content;
      const failure = error instanceof Failure ? error : new Failure('internal', 'the draft could not be saved');
      if (failure.code === 'reports.draftChanged') {
        this.#set({ kind: 'conflict' });
        return;
      }
      this.#set({ kind: 'failed', failure });
      if (!this.#closed) this.#timer ??= setTimeout(() => void this.#run(), retryMs);
    }
  }
}
