import { useQueryClient } from '@tanstack/react-query';
import { useCallback, useEffect, useRef, useState } from 'react';
import { flushSync } from 'react-dom';
import { useTranslation } from 'react-i18next';
import type { SessionView } from '../../app/domains/security/securitySchema.ts';
import { queryKeyOf, useCommandOf, useQueryOf } from '../api/queries.ts';
import { SessionProvider } from '../api/session.tsx';
import { Button } from '../components/Button.tsx';
import { EmptyState } from '../components/EmptyState.tsx';
import { useFailureText } from '../components/FailureNotice.tsx';
import { stopAllUploads } from '../features/imports/uploads.ts';
import { FirstRun } from '../features/security/FirstRun.tsx';
import { RecoveryKeyPage } from '../features/security/RecoveryKeyPage.tsx';
import { type LockReason, SignIn } from '../features/security/SignIn.tsx';
import { changeLanguage } from '../i18n/i18nSetup.ts';
import { forgetEverything } from './lockWindow.ts';
import { SampleEntry } from './SampleEntry.tsx';
import { Splash } from './Splash.tsx';
import { applyTheme } from './theme.ts';
import { Workspace } from './Workspace.tsx';

/** Decides what may be seen: first run, sign-in, or the workspace of whoever is signed in. */
export function Entry() {
  const { t } = useTranslation('shell');
  const failureText = useFailureText();
  const queryClient = useQueryClient();
  const status = useQueryOf('system.status', undefined);
  const session = useQueryOf('security.session', undefined);
  const signOut = useCommandOf('security.signOut');
  const [locked, setLocked] = useState<LockReason | null>(null);
  const [recoveryKey, setRecoveryKey] = useState<string | null>(null);
  const present = session.data ?? null;
  const hadSession = useRef(false);
  /** Counts entries and locks, so that a slow sign-out cannot end the session that followed it. */
  const turn = useRef(0);
  const signOutAsync = signOut.mutateAsync;

  const setSession = useCallback(
    (next: SessionView | null) => queryClient.setQueryData(queryKeyOf('security.session', undefined), next),
    [queryClient],
  );

  const lock = useCallback(
    async (reason: LockReason) => {
      // First out of sight, then out of memory, then the host is told; a host that cannot be told changes nothing here.
      turn.current += 1;
      const mine = turn.current;
      flushSync(() => setLocked(reason));
      await stopAllUploads();
      await forgetEverything(queryClient);
      try {
        await signOutAsync({ reason: reason === 'idle' ? 'idle' : 'asked' });
      } catch (error) {
        console.warn('sign-out did not reach the host', error instanceof Error ? error.name : '');
      }
      if (turn.current === mine) setSession(null);
    },
    [queryClient, setSession, signOutAsync],
  );

  const enter = useCallback(
    async (next: SessionView) => {
      turn.current += 1;
      await queryClient.invalidateQueries({ queryKey: ['system.status'] });
      setSession(next);
      setLocked(null);
    },
    [queryClient, setSession],
  );

  // The host ended the session (idle there, operator disabled, store closed): the same forgetting as a lock.
  useEffect(() => {
    if (present) hadSession.current = true;
    else if (hadSession.current && session.isSuccess) {
      hadSession.current = false;
      setLocked((reason) => reason ?? 'ended');
      void forgetEverything(queryClient);
    }
  }, [present, session.isSuccess, queryClient]);

  // The demonstration operator of a sample store has no wishes: the tour goes on as this window was.
  const wishes = status.data?.sample ? null : present;
  const language = wishes?.language;
  const theme = wishes?.theme;
  useEffect(() => {
    if (language) void changeLanguage(language);
  }, [language]);
  useEffect(() => {
    if (theme) applyTheme(theme);
  }, [theme]);

  const failure = status.error ?? session.error;
  if (failure && !present)
    return (
      <main className="full-page">
        <EmptyState
          title={t('connection.failed')}
          actions={
            <Button
              variant="primary"
              onClick={() => {
                void status.refetch();
                void session.refetch();
              }}
            >
              {t('connection.again')}
            </Button>
          }
        >
          {failureText(failure)}
        </EmptyState>
      </main>
    );
  if (!status.data || session.isPending) return <Splash text={t('connection.opening')} />;
  if (recoveryKey && present && !locked)
    return (
      <SessionProvider session={present}>
        <RecoveryKeyPage
          recoveryKey={recoveryKey}
          siteName={status.data.siteName}
          onKept={() => setRecoveryKey(null)}
        />
      </SessionProvider>
    );
  if (present && !locked)
    return (
      <SessionProvider session={present}>
        <Workspace status={status.data} onLock={lock} />
      </SessionProvider>
    );
  if (status.data.sample) return <SampleEntry automatic={locked === null} onEntered={() => setLocked(null)} />;
  if (status.data.phase === 'empty')
    return (
      <FirstRun
        version={status.data.version}
        onCreated={(result) => {
          setRecoveryKey(result.recoveryKey);
          void enter(result.session);
        }}
      />
    );
  return (
    <SignIn
      siteName={status.data.siteName}
      sealed={status.data.phase === 'sealed'}
      clockSetBackByMs={status.data.clockSetBackByMs}
      unattended={status.data.unattended}
      lockReason={locked}
      onEntered={(next) => void enter(next)}
    />
  );
}
