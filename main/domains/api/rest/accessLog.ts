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
}

const quietMs = 10 * 60_000;
const mostKeys = 10_000;

export function openAccessLog(store: OpenStore, nowMs: () => number = () => performance.now()): AccessLog {
  const noted = new Map<string, { atMs: number; again: number }>();
  return {
    note({ author, action, outcome, subject, detail = {} }) {
      const key = JSON.stringify([author.operatorId, action, outcome, subject?.id, detail]);
      const before = noted.get(key);
      if (before && nowMs() - before.atMs < quietMs) {
        before.again += 1;
        return;
      }
      const again = before?.again ?? 0;
      store.gate.record(author, action, outcome, subject, { ...detail, ...(again > 0 ? { again } : {}) });
      noted.delete(key);
      noted.set(key, { atMs: nowMs(), again: 0 });
      if (noted.size <= mostKeys) return;
      const [eldest] = noted.keys();
      if (eldest !== undefined) noted.delete(eldest);
    },
  };
}
