import { createContext, type ReactNode, useContext } from 'react';
import type { Permission } from '../../app/domains/security/securityRules.ts';
import type { SessionView } from '../../app/domains/security/securitySchema.ts';

const SessionContext = createContext<SessionView | null>(null);

export function SessionProvider({ session, children }: { session: SessionView; children: ReactNode }) {
  return <SessionContext.Provider value={session}>{children}</SessionContext.Provider>;
}

/** The operator signed in at this window. @throws outside the workspace, which exists only while somebody is signed in */
export function useSession(): SessionView {
  const session = useContext(SessionContext);
  if (!session) throw new Error('useSession outside the workspace');
  return session;
}

/** Whether to offer something. The host decides again when it is asked. */
export function useCan(permission: Permission): boolean {
  return useSession().permissions.includes(permission);
}
