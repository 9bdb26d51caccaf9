import type { Annotation } from '../../../app/domains/imaging/imagingSchema.ts';

/** What the journal asks of the host; both reject with a Failure. */
export interface AnnotationHost {
  list(studyUid: string): Promise<readonly Annotation[]>;
  save(input: SaveInput): Promise<Annotation>;
}

export type SaveInput = Omit<Annotation, 'version' | 'author' | 'at'> & { readonly baseVersion: number };
/** An annotation's content, without what the host adds. */
export type AnnotationContent = Omit<Annotation, 'version' | 'author' | 'at'>;

export interface JournalEntry {
  /** As the person left it, saved or not. */
  readonly content: AnnotationContent;
  /** The newest version the host has; undefined while it has none. */
  readonly saved: Annotation | undefined;
  readonly isSaved: boolean;
  /** Why the last attempt failed. */
  readonly failure: unknown;
}

export interface JournalState {
  readonly entries: readonly JournalEntry[];
  readonly unsavedCount: number;
  /** When the host last confirmed something, epoch ms. */
  readonly savedAt: number | undefined;
  readonly canUndo: boolean;
  readonly canRedo: boolean;
  /** An unsaved annotation met a newer version of another author: both were kept. */
  readonly keptBoth: boolean;
}

interface Step {
  readonly annotationId: string;
  readonly before: AnnotationContent | undefined;
  readonly after: AnnotationContent;
}

interface Held {
  content: AnnotationContent;
  saved: Annotation | undefined;
  failure: unknown;
  /** Counts changes, so that a late answer does not mark a newer change as saved. */
  change: number;
  savedChange: number;
}

const retryDelaysMs = [1000, 2000, 5000, 10_000, 30_000];

/**
 * The annotations of one study, as a person changes them. Every finished gesture is a new version on the host; undo and
 * redo append versions too; deleting archives. What the host did not take stays here, shown as unsaved, and is tried again.
 */
export class AnnotationJournal {
  readonly studyUid: string;
  readonly #host: AnnotationHost;
  readonly #makeId: () => string;
  readonly #held = new Map<string, Held>();
  readonly #listeners = new Set<() => void>();
  #undo: Step[] = [];
  #redo: Step[] = [];
  #savedAt: number | undefined;
  #keptBoth = false;
  #isSaving = false;
  #attempts = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isClosed = false;
  #state: JournalState = {
    entries: [],
    unsavedCount: 0,
    savedAt: undefined,
    canUndo: false,
    canRedo: false,
    keptBoth: false,
  };

  constructor(studyUid: string, host: AnnotationHost, makeId: () => string) {
    this.studyUid = studyUid;
    this.#host = host;
    this.#makeId = makeId;
  }

  getState = (): JournalState => this.#state;

  watch = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Takes over what the host has; what is unsaved here stays as the person left it. @throws Failure */
  async load(): Promise<void> {
    this.takeOver(await this.#host.list(this.studyUid));
  }

  /** What the host has now, told by a change in another window; what is unsaved here stays as the person left it. */
  takeOver(annotations: readonly Annotation[]): void {
    if (this.#isClosed) return;
    for (const annotation of annotations) {
      const held = this.#held.get(annotation.annotationId);
      if (held && held.change !== held.savedChange) continue;
      if (held?.saved && held.saved.version > annotation.version) continue;
      this.#held.set(annotation.annotationId, {
        content: contentOf(annotation),
        saved: annotation,
        failure: undefined,
        change: 0,
        savedChange: 0,
      });
    }
    this.#publish();
  }

  /** A finished gesture, a new label, an archiving: one step that can be undone, saved at once. */
  put(content: AnnotationContent): void {
    const before = this.#held.get(content.annotationId)?.content;
    this.#undo.push({ annotationId: content.annotationId, before, after: content });
    this.#redo = [];
    this.#change(content);
  }

  archive(annotationId: string): void {
    const held = this.#held.get(annotationId);
    if (held && !held.content.archived) this.put({ ...held.content, archived: true });
  }

  undo(): void {
    const step = this.#undo.pop();
    if (!step) return;
    this.#redo.push(step);
    // What did not exist before is archived: nothing is ever deleted.
    this.#change(step.before ?? { ...step.after, archived: true });
  }

  redo(): void {
    const step = this.#redo.pop();
    if (!step) return;
    this.#undo.push(step);
    this.#change(step.after);
  }

  /** Tries again what the host did not take. */
  retry(): void {
    this.#attempts = 0;
    this.#saveNext();
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#listeners.clear();
  }

  #change(content: AnnotationContent): void {
    const held = this.#held.get(content.annotationId);
    if (held) {
      held.content = content;
      held.change += 1;
      held.failure = undefined;
    } else
      this.#held.set(content.annotationId, {
        content,
        saved: undefined,
        failure: undefined,
        change: 1,
        savedChange: 0,
      });
    this.#attempts = 0;
    this.#publish();
    this.#saveNext();
  }

  #saveNext(): void {
    if (this.#isSaving || this.#isClosed) return;
    const held = [...this.#held.values()].find((each) => each.change !== each.savedChange);
    if (!held) return;
    clearTimeout(this.#timer);
    this.#isSaving = true;
    void this.#save(held).finally(() => {
      this.#isSaving = false;
      if (!this.#isClosed && held.failure === undefined) this.#saveNext();
    });
  }

  async #save(held: Held): Promise<void> {
    const { change, content } = held;
    try {
      const saved = await this.#host.save({ ...content, baseVersion: held.saved?.version ?? 0 });
      if (this.#isClosed) return;
      held.saved = saved;
      held.savedChange = change;
      held.failure = undefined;
      this.#savedAt = saved.at;
      this.#attempts = 0;
    } catch (error) {
      if (this.#isClosed) return;
      if (isChangedMeanwhile(error)) this.#keepBoth(held);
      else {
        held.failure = error;
        const delay = retryDelaysMs[Math.min(this.#attempts, retryDelaysMs.length - 1)];
        this.#attempts += 1;
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => {
          for (const each of this.#held.values()) each.failure = undefined;
          this.#saveNext();
        }, delay);
      }
    }
    this.#publish();
  }

  /** Somebody else's version stays under the old id; this person's goes on under a new one. */
  #keepBoth(held: Held): void {
    const mine = { ...held.content, annotationId: this.#makeId() };
    this.#held.delete(held.content.annotationId);
    this.#held.set(mine.annotationId, {
      content: mine,
      saved: undefined,
      failure: undefined,
      change: 1,
      savedChange: 0,
    });
    this.#undo = [];
    this.#redo = [];
    this.#keptBoth = true;
    void this.load().catch(() => this.#publish());
  }

  #publish(): void {
    const entries = [...this.#held.values()].map(
      (held): JournalEntry => ({
        content: held.content,
        saved: held.saved,
        isSaved: held.change === held.savedChange,
        failure: held.failure,
      }),
    );
    this.#state = {
      entries,
      unsavedCount: entries.filter((entry) => !entry.isSaved).length,
      savedAt: this.#savedAt,
      canUndo: this.#undo.length > 0,
      canRedo: this.#redo.length > 0,
      keptBoth: this.#keptBoth,
    };
    for (const listener of [...this.#listeners]) listener();
  }
}

function contentOf({ version: _version, author: _author, at: _at, ...content }: Annotation): AnnotationContent {
  return content;
}

function isChangedMeanwhile(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'imaging.annotationChanged';
}
