import type { Permission, Role } from '../../../app/domains/security/securityRules.ts';
import type { Operator } from '../../../app/domains/security/securitySchema.ts';
import type { Session } from '../../core.ts';
import type { Clock } from '../../platform/platform.ts';

export type SessionEnd = 'asked' | 'idle' | 'suspend' | 'closed' | 'replaced' | 'disabled' | 'passwordReset';

/** Who is signed in on which connection. In memory only: a restart ends every session. */
export interface SessionRegistry {
  create(connectionId: string, operator: Pick<Operator, 'operatorId' | 'operatorName' | 'roles'>): Session;
  /** Lets a token in: it never idles, and may do what it was granted and nothing else. */
  admit(connectionId: string, author: TokenHolder, grants: readonly Permission[]): void;
  /** Null when nobody is signed in there, or was idle for too long (which ends the session). */
  get(connectionId: string): Session | null;
  end(connectionId: string, reason: SessionEnd): void;
  endOperator(operatorId: string, reason: SessionEnd, exceptConnectionId?: string): void;
  /** Roles count from the next call on. */
  changeRoles(operatorId: string, roles: readonly Role[]): void;
  /** A person is there. */
  touch(connectionId: string): void;
  setIdleMinutes(minutes: number): void;
  readonly idleMinutes: number;
  onEnd(listener: (connectionId: string, reason: SessionEnd, session: Session) => void): () => void;
  close(): void;
}

/** A token as the author of what it does. */
export interface TokenHolder {
  readonly operatorId: string;
  readonly operatorName: string;
}

interface Held {
  session: Session;
  touchedAt: number;
}

const sweepMs = 5000;

export function openSessionRegistry(clock: Clock): SessionRegistry {
  const held = new Map<string, Held>();
  const listeners = new Set<(connectionId: string, reason: SessionEnd, session: Session) => void>();
  let idleMinutes = 10;

  function end(connectionId: string, reason: SessionEnd): void {
    const found = held.get(connectionId);
    if (!found) return;
    held.delete(connectionId);
    for (const listener of listeners) listener(connectionId, reason, found.session);
  }

  function isIdle(entry: Held): boolean {
    // A program has no hands to be away from the keyboard: its token expires, or is revoked.
    if (entry.session.grants) return false;
    const nowMs = clock.nowMs();
    // A clock set back starts the count again rather than holding a session open for the difference.
    if (nowMs < entry.touchedAt) entry.touchedAt = nowMs;
    return nowMs - entry.touchedAt >= idleMinutes * 60_000;
  }

  const sweep = setInterval(() => {
    for (const [connectionId, entry] of [...held]) if (isIdle(entry)) end(connectionId, 'idle');
  }, sweepMs);
  sweep.unref();

  return {
    create(connectionId, { operatorId, operatorName, roles }) {
      end(connectionId, 'replaced');
      const session: Session = { operatorId, operatorName, roles, signedInAt: clock.nowMs() };
      held.set(connectionId, { session, touchedAt: clock.nowMs() });
      return session;
    },
    admit(connectionId, { operatorId, operatorName }, grants) {
      const nowMs = clock.nowMs();
      const session: Session = { operatorId, operatorName, roles: [], signedInAt: nowMs, grants };
      held.set(connectionId, { session, touchedAt: nowMs });
    },
    get(connectionId) {
      const found = held.get(connectionId);
      if (!found) return null;
      if (isIdle(found)) {
        end(connectionId, 'idle');
        return null;
      }
      return found.session;
    },
    end,
    endOperator(operatorId, reason, exceptConnectionId) {
      for (const [connectionId, { session }] of [...held]) {
        if (session.operatorId === operatorId && connectionId !== exceptConnectionId) end(connectionId, reason);
      }
    },
    changeRoles(operatorId, roles) {
      for (const entry of held.values()) {
        if (entry.session.operatorId === operatorId) entry.session = { ...entry.session, roles };
      }
    },
    touch(connectionId) {
      const found = held.get(connectionId);
      if (found) found.touchedAt = clock.nowMs();
    },
    setIdleMinutes(minutes) {
      idleMinutes = minutes;
    },
    get idleMinutes() {
      return idleMinutes;
    },
    onEnd(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close() {
      clearInterval(sweep);
      listeners.clear();
      held.clear();
    },
  };
}
