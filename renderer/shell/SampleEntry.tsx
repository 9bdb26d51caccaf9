import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { useCommandOf } from '../api/queries.ts';
import { Button } from '../components/Button.tsx';
import { EmptyState } from '../components/EmptyState.tsx';
import { useFailureText } from '../components/FailureNotice.tsx';
import { Splash } from './Splash.tsx';

/** The door of a throw-away store of sample studies: no questions on the way in, one button after a lock. */
export function SampleEntry({ automatic, onEntered }: { automatic: boolean; onEntered: () => void }) {
  const { t } = useTranslation('shell');
  const failureText = useFailureText();
  const queryClient = useQueryClient();
  const open = useCommandOf('system.openSample');
  const asked = useRef(false);
  const enter = (): void =>
    open.mutate(undefined, {
      onSuccess: () => {
        onEntered();
        void queryClient.invalidateQueries({ queryKey: ['security.session'] });
        void queryClient.invalidateQueries({ queryKey: ['system.status'] });
      },
    });
  const enterLatest = useRef(enter);
  enterLatest.current = enter;
  useEffect(() => {
    if (!automatic || asked.current) return;
    asked.current = true;
    enterLatest.current();
  }, [automatic]);
  if (automatic && !open.error) return <Splash text={t('sample.opening')} />;
  return (
    <main className="full-page">
      <EmptyState
        title={t('sample.title')}
        actions={
          <Button variant="primary" onClick={enter} loading={open.isPending}>
            {t('sample.enter')}
          </Button>
        }
      >
        {open.error ? failureText(open.error) : t('sample.what')}
      </EmptyState>
    </main>
  );
}
