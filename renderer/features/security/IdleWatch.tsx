import { useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useApi } from '../../api/ApiProvider.tsx';
import { useSession } from '../../api/session.tsx';
import { Button } from '../../components/Button.tsx';
import { Dialog } from '../../components/Dialog.tsx';
import { useFormats } from '../../i18n/formats.ts';
import { idleStateAt } from './idleClock.ts';

/** The host keeps its own idle limit; it is told at most this often that a person is there. */
const touchEveryMs = 30_000;
const events = ['pointerdown', 'pointermove', 'keydown', 'wheel', 'touchstart'] as const;

/** Locks the window when nobody is there, with a minute's warning. */
export function IdleWatch({ onIdle }: { onIdle: () => void }) {
  const { t } = useTranslation('security');
  const formats = useFormats();
  const { idleMinutes } = useSession();
  const { client } = useApi();
  const lastInput = useRef(Date.now());
  const lastTouch = useRef(0);
  const [remaining, setRemaining] = useState<number | null>(null);
  const idleLatest = useRef(onIdle);
  idleLatest.current = onIdle;

  useEffect(() => {
    let done = false;
    const look = (): void => {
      if (done) return;
      const state = idleStateAt(lastInput.current, Date.now(), idleMinutes);
      if (state.expired) {
        done = true;
        idleLatest.current();
        return;
      }
      setRemaining(state.warn ? Math.ceil(state.remainingMs / 1000) : null);
    };
    const noticed = (): void => {
      const now = Date.now();
      // Waking up after the limit: the first movement must not rescue the session.
      if (idleStateAt(lastInput.current, now, idleMinutes).expired) {
        look();
        return;
      }
      lastInput.current = now;
      if (now - lastTouch.current < touchEveryMs) return;
      lastTouch.current = now;
      client.security.touch().catch((error: unknown) => {
        // The connection banner says when the host is away; the host ends the session by its own clock.
        console.warn('touch did not reach the host', error instanceof Error ? error.name : '');
      });
    };
    for (const name of events) window.addEventListener(name, noticed, { capture: true, passive: true });
    document.addEventListener('visibilitychange', look);
    const timer = setInterval(look, 1000);
    return () => {
      done = true;
      clearInterval(timer);
      document.removeEventListener('visibilitychange', look);
      for (const name of events) window.removeEventListener(name, noticed, { capture: true });
    };
  }, [client, idleMinutes]);

  return (
    <Dialog
      open={remaining !== null}
      onClose={() => setRemaining(null)}
      title={t('idle.title')}
      size="s"
      footer={
        <Button variant="primary" data-autofocus onClick={() => setRemaining(null)}>
          {t('idle.stay')}
        </Button>
      }
    >
      <p role="timer" aria-live="off">
        {t('idle.text', { duration: formats.duration(remaining ?? 0) })}
      </p>
    </Dialog>
  );
}
