import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { signInDelayMs } from '../../app/domains/security/securityRules.ts';
import { Failure } from '../../app/shared/failure.ts';
import { storageFailureOf } from '../database/openDatabase.ts';
import { nameKeyOf } from './keyring.ts';

/** A refused attempt made while the store was sealed, waiting for an open store to take it into its audit. */
export interface RefusedAttempt {
  readonly at: number;
  /** Known names only: what was typed into a name field may be a password. */
  readonly operatorName: string | null;
  readonly code: string;
}

interface AttemptsFile {
  readonly names: Readonly<Record<string, { readonly failures: number; readonly lastAt: number }>>;
  readonly refused: readonly RefusedAttempt[];
  /** Refused attempts that no longer fit. */
  readonly dropped: number;
}

const keptNames = 200;
const keptRefusals = 500;
const unknownName = '*';

/**
 * Wrong passwords in a row, per operator name, kept across restarts in a small file beside the keyring: the database is
 * sealed when they happen. All unknown names share one count. It slows guessing at this program down; whoever copies
 * the folder faces argon2id instead.
 */
export interface SignInAttempts {
  /** Counts the attempt as failed until `succeeded`, so that many at once gain nothing. @throws Failure('security.tooManyAttempts') */
  begin(operatorName: string): void;
  succeeded(operatorName: string): void;
  /** Keeps a refusal for the audit of the store, once it opens. */
  keepRefusal(operatorName: string, code: string): void;
  /** Gives the kept refusals and forgets them. */
  takeRefusals(): { refused: readonly RefusedAttempt[]; dropped: number };
}

export interface AttemptsParts {
  readonly path: string;
  nowMs(): number;
  isKnown(operatorName: string): boolean;
}

export function openSignInAttempts({ path, nowMs, isKnown }: AttemptsParts): SignInAttempts {
  const nothing: AttemptsFile = { names: {}, refused: [], dropped: 0 };

  function read(): AttemptsFile {
    if (!existsSync(path)) return nothing;
    try {
      const file = JSON.parse(readFileSync(path, 'utf8')) as AttemptsFile;
      return { names: file.names ?? {}, refused: file.refused ?? [], dropped: file.dropped ?? 0 };
    } catch {
      return nothing; // A damaged counter must not lock a clinic out; argon2id still stands before the key.
    }
  }

  function write(file: AttemptsFile): void {
    const temporary = `${path}.new`;
    try {
      const descriptor = openSync(temporary, 'w', 0o600);
      try {
        writeSync(descriptor, JSON.stringify(file));
        fsyncSync(descriptor);
      } finally {
        closeSync(descriptor);
      }
      renameSync(temporary, path);
    } catch (error) {
      throw storageFailureOf(error);
    }
  }

  const keyOf = (operatorName: string): string => (isKnown(operatorName) ? nameKeyOf(operatorName) : unknownName);

  return {
    begin(operatorName) {
      const file = read();
      const key = keyOf(operatorName);
      const { failures, lastAt } = file.names[key] ?? { failures: 0, lastAt: 0 };
      // A clock set back must not stretch the wait beyond its full length.
      const waitedMs = Math.max(0, nowMs() - lastAt);
      const leftMs = signInDelayMs(failures) - (nowMs() < lastAt ? 0 : waitedMs);
      if (leftMs > 0) {
        throw new Failure('security.tooManyAttempts', 'too many wrong passwords', { retryAfterMs: leftMs });
      }
      const others = Object.entries(file.names).filter(([name]) => name !== key);
      const names = Object.fromEntries([
        ...others.slice(-keptNames),
        [key, { failures: failures + 1, lastAt: nowMs() }],
      ]);
      write({ ...file, names });
    },
    succeeded(operatorName) {
      const file = read();
      const key = keyOf(operatorName);
      if (!(key in file.names)) return;
      write({ ...file, names: Object.fromEntries(Object.entries(file.names).filter(([name]) => name !== key)) });
    },
    keepRefusal(operatorName, code) {
      const file = read();
      const refusal = { at: nowMs(), operatorName: isKnown(operatorName) ? operatorName : null, code };
      if (file.refused.length >= keptRefusals) write({ ...file, dropped: file.dropped + 1 });
      else write({ ...file, refused: [...file.refused, refusal] });
    },
    takeRefusals() {
      const file = read();
      const taken = { refused: file.refused, dropped: file.dropped };
      if (taken.refused.length > 0 || taken.dropped > 0) write({ ...file, refused: [], dropped: 0 });
      return taken;
    },
  };
}
