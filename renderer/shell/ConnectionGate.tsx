import { IconPlugConnectedX } from '@tabler/icons-react';
import { type ReactNode, useCallback, useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { ApiProvider } from '../api/ApiProvider.tsx';
import { asFailure } from '../api/asFailure.ts';
import { type Connection, connect } from '../api/connection.ts';
import { runLockCallbacks } from '../api/lockRegistry.ts';
import { Button } from '../components/Button.tsx';
import { EmptyState } from '../components/EmptyState.tsx';
import { useFailureText } from '../components/FailureNotice.tsx';
import { Notice } from '../components/Notice.tsx';
import { Splash } from './Splash.tsx';

type ConnectionState = Connection['state'];

/**
 * Connects, shows what a person needs to know about the connection, and nothing of the window before there is one.
 * While it is lost what is on the screen stays readable under a banner; nothing can be written.
 */
export function ConnectionGate({ children }: { children: ReactNode }) {
  const { t } = useTranslation('shell');
  const failureText = useFailureText();
  const [connection, setConnection] = useState<Connection | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  const [state, setState] = useState<ConnectionState>('open');
  const [attempt, setAttempt] = useState(0);

  // biome-ignore lint/correctness/useExhaustiveDependencies: another attempt connects again
  useEffect(() => {
    let gone = false;
    let opened: Connection | undefined;
    let stop: (() => void) | undefined;
    setFailure(null);
    connect().then(
      (made) => {
        if (gone) {
          made.close();
          return;
        }
        opened = made;
        stop = made.onState(() => setState(made.state));
        setState(made.state);
        setConnection(made);
      },
      (error: unknown) => {
        if (!gone) setFailure(asFailure(error));
      },
    );
    return () => {
      gone = true;
      stop?.();
      opened?.close();
      setConnection(null);
    };
  }, [attempt]);

  // Nobody will lock a window that has been closed: what it kept outside React goes now.
  useEffect(() => {
    if (state === 'ended') runLockCallbacks();
  }, [state]);

  const again = useCallback(() => setAttempt((count) => count + 1), []);

  if (failure)
    return (
      <main className="full-page">
        <EmptyState
          icon={<IconPlugConnectedX size={36} stroke={1.4} aria-hidden />}
          title={t('connection.failed')}
          actions={
            <Button variant="primary" onClick={again}>
              {t('connection.again')}
            </Button>
          }
        >
          {failureText(failure)}
        </EmptyState>
      </main>
    );
  if (!connection) return <Splash text={t('connection.connecting')} />;
  if (state === 'ended')
    return (
      <main className="full-page">
        <EmptyState
          icon={<IconPlugConnectedX size={36} stroke={1.4} aria-hidden />}
          title={t('connection.ended')}
          actions={
            <Button variant="primary" onClick={again}>
              {t('connection.again')}
            </Button>
          }
        >
          {t('connection.endedWhat')}
        </EmptyState>
      </main>
    );
  return (
    <ApiProvider connection={connection}>
      <div className="window">
        {state === 'lost' ? (
          <Notice
            severity="unsafe"
            title={t('connection.lost')}
            action={<Button onClick={() => connection.retryNow()}>{t('connection.now')}</Button>}
          >
            {t('connection.lostWhat')}
          </Notice>
        ) : null}
        <div className="window-body">{children}</div>
      </div>
    </ApiProvider>
  );
}
