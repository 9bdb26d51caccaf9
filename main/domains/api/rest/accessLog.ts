import type { OpenStore } from '../../../core.ts';
import type { AuditSubject, Author } from '../../../database/writeGate.ts';

/** What programs looked at, in the audit: one entry for each study and token, not one for each of its frames. */
export interface AccessLog {
  /**
   * Writes an entry unless there was the same one a moment ago: what a program does again and again is said once, then
   * again when that moment is over, with how often it was meanwhile.
   *
   * @throws when it can't be written: then nothing is given out
   */
  note(entry: {
    readonly author: Author;
    readonly action: string;
    readonly outcome: 'success' | 'refused';
    readonly subject?: AuditSubject;
    readonly detail?: Readonly<Record<string, string>>;
  }): void;
  /** Writes how often what was said once happened again, one entry for each caller and kind. */
  close(): void;
}

interface Noted {
  readonly author: Author;
  readonly action: string;
  readonly outcome: 'success' | 'refused';
  readonly atMs: number;
  again: number;
}

const quietMs = 10 * 60_000;
const mostKeys = 10_000;

/**
 * @param beforeEntry called before an entry is written, to refuse it: each is flushed to the disk on the window's thread
 */
export function openAccessLog(
  store: OpenStore,
  nowMs: () => number = () => performance.now(),
  beforeEntry: (author: Author) => void = () => undefined,
): AccessLog {
  const noted = new Map<string, Noted>();
  return {
    note({ author, action, outcome, subject, detail = {} }) {
      const key = JSON.stringify([author.operatorId, action, outcome, subject?.id, detail]);
      const before = noted.get(key);
      if (before && nowMs() - before.atMs < quietMs) {
        before.again += 1;
        return;
      }
      beforeEntry(author);
      const again = before?.again ?? 0;
      store.gate.record(author, action, outcome, subject, { ...detail, ...(again > 0 ? { again } : {}) });
      noted.delete(key);
      noted.set(key, { author, action, outcome, atMs: nowMs(), again: 0 });
      if (noted.size <= mostKeys) return;
      const [eldest] = noted.keys();
      if (eldest !== undefined) noted.delete(eldest);
    },
    close() {
      const sums = new Map<string, Noted>();
      for (const { author, action, outcome, atMs, again } of noted.values()) {
        if (again === 0) continue;
        const key = JSON.stringify([author.operatorId, action, outcome]);
        const sum = sums.get(key) ?? { author, action, outcome, atMs, again: 0 };
        sum.again += again;
        sums.set(key, sum);
      }
      noted.clear();
      for (const { author, action, outcome, again } of sums.values())
        store.gate.record(author, action, outcome, undefined, { again });
    },
  };
}
