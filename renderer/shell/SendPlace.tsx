import { lazy, Suspense } from 'react';
import { useNavigation } from './navigation.ts';
import { useShellStore } from './shellStore.ts';

const SendDialog = lazy(() => import('../features/exchange/SendDialog.tsx'));

/** The dialog that sends a study or a report, from whichever screen it was asked for. */
export function SendPlace() {
  const wish = useShellStore((state) => state.sending);
  const setSending = useShellStore((state) => state.setSending);
  const go = useNavigation((state) => state.go);
  if (!wish) return null;
  return (
    <Suspense fallback={null}>
      <SendDialog
        key={`${wish.studyUid} ${wish.reportId}`}
        wish={wish}
        onClose={() => setSending(null)}
        onNodes={() => {
          setSending(null);
          go({ screen: 'exchange', place: 'nodes' });
        }}
      />
    </Suspense>
  );
}
