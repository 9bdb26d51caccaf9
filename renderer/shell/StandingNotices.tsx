import { useTranslation } from 'react-i18next';
import { useCommandOf, useQueryOf } from '../api/queries.ts';
import { useCan } from '../api/session.tsx';
import { Button } from '../components/Button.tsx';
import { Notice } from '../components/Notice.tsx';
import { useFormats } from '../i18n/formats.ts';
import { useShellStore } from './shellStore.ts';
import type { SystemStatus } from './Workspace.tsx';

/** Below this the next study may not fit, and a full disk stops signing in too: said above every screen. */
const scarceBytes = 1e9;

/** What stays true until somebody sees to it, above whatever screen is open. */
export function StandingNotices({ status }: { status: SystemStatus }) {
  const { t } = useTranslation('shell');
  const formats = useFormats();
  const manages = useCan('storage.manage');
  const storage = useQueryOf('storage.status', undefined, { keepPrevious: true });
  const setRenewKeyOpen = useShellStore((state) => state.setRenewKeyOpen);
  const confirm = useCommandOf('security.confirmRecoveryKey');
  return (
    <div className="standing">
      {status.clockSetBackByMs > 0 ? (
        <Notice severity="caution" title={t('clock.title')}>
          {t('clock.text', { duration: formats.duration(status.clockSetBackByMs / 1000) })}
        </Notice>
      ) : null}
      {storage.data && storage.data.freeBytes < scarceBytes ? (
        <Notice severity="block" title={t('status.lowSpace', { bytes: formats.bytes(storage.data.freeBytes) })}>
          {t('disk.text')}
        </Notice>
      ) : null}
      {manages && !status.sample && storage.data && !storage.data.recoveryKeyConfirmed ? (
        <Notice
          severity="caution"
          title={t('recovery.title')}
          action={
            <>
              <Button size="s" onClick={() => setRenewKeyOpen(true)}>
                {t('recovery.renew')}
              </Button>
              <Button
                size="s"
                loading={confirm.isPending}
                onClick={() => confirm.mutate(undefined, { onSuccess: () => void storage.refetch() })}
              >
                {t('recovery.kept')}
              </Button>
            </>
          }
        >
          {t('recovery.text')}
        </Notice>
      ) : null}
    </div>
  );
}
