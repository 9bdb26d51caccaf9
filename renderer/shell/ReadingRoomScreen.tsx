import { IconFocusCentered } from '@tabler/icons-react';
import { type ComponentProps, type ComponentType, lazy, Suspense, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Button } from '../components/Button.tsx';
import { EmptyState } from '../components/EmptyState.tsx';
import { useNavigation } from './navigation.ts';
import { useShellStore } from './shellStore.ts';

const DeliveryReceipts = lazy(() => import('../features/exchange/DeliveryReceipts.tsx'));

const loadReadingRoom = () => import('../features/imaging/ReadingRoom.tsx');
const loadReportPanel = () => import('../features/reports/ReportPanel.tsx');
type Room = Awaited<ReturnType<typeof loadReadingRoom>>['default'];
type Panel = Awaited<ReturnType<typeof loadReportPanel>>['default'];

/**
 * The two, themselves once they are loaded: React shows the stand-in of a lazy component even when its code has long
 * been there, and leaves it standing for 300 ms (it throttles reveals), in which nobody sees a picture.
 */
const parts: { Room: ComponentType<ComponentProps<Room>>; Panel: ComponentType<ComponentProps<Panel>> } = {
  Room: lazy(loadReadingRoom),
  Panel: lazy(loadReportPanel),
};

/** What the screen that is shown now has, the next one will have: in CSS pixels. */
function screenSize(): { width: number; height: number } {
  const screen = document.querySelector('#screen > :not(.standing)');
  return { width: screen?.clientWidth ?? window.innerWidth, height: screen?.clientHeight ?? window.innerHeight };
}

/**
 * Fetches, compiles and starts what opening a study needs while nobody waits for it: most of the way to a first picture
 * is that (measured). Answers how to call it off.
 */
export function prepareReadingRoom(): () => void {
  let isCalledOff = false;
  let stopDrawing: (() => void) | undefined;
  const request = requestIdleCallback(() => {
    // Who opens a study asks again, and is told when it fails.
    void Promise.allSettled([loadReadingRoom(), loadReportPanel()]).then(([room, panel]) => {
      if (room.status === 'fulfilled') parts.Room = room.value.default;
      if (panel.status === 'fulfilled') parts.Panel = panel.value.default;
      if (!isCalledOff && room.status === 'fulfilled') stopDrawing = room.value.prepareGraphics(screenSize);
    });
  });
  return () => {
    isCalledOff = true;
    cancelIdleCallback(request);
    stopDrawing?.();
  };
}

interface ReadingRoomScreenProps {
  readonly studyUid: string | null;
  readonly onClose: () => void;
  /** To what contradicts itself in a study. */
  readonly onConflict: (studyUid: string) => void;
  /** Null: this operator sends nothing. */
  readonly onSend: ((studyUid: string) => void) | null;
}

/** Puts the report and its receipts beside the pictures: features that do not know each other meet here. */
export function ReadingRoomScreen({ studyUid, onClose, onConflict, onSend }: ReadingRoomScreenProps) {
  const { t } = useTranslation('shell');
  const go = useNavigation((state) => state.go);
  const setSending = useShellStore((state) => state.setSending);
  // Chosen once: another component in its place would be another room, and what is typed in it lost.
  const [{ Room, Panel }] = useState(() => ({ ...parts }));
  if (!studyUid)
    return (
      <EmptyState
        icon={<IconFocusCentered size={36} stroke={1.2} aria-hidden />}
        title={t('reading.none')}
        actions={
          <Button variant="primary" onClick={onClose}>
            {t('reading.toWorklist')}
          </Button>
        }
      >
        {t('reading.noneWhat')}
      </EmptyState>
    );
  return (
    <Room
      key={studyUid}
      studyUid={studyUid}
      onClose={onClose}
      onConflict={() => onConflict(studyUid)}
      onSend={onSend ? () => onSend(studyUid) : null}
      renderReportPanel={(context) => (
        <Panel
          {...context}
          renderReceipts={(reportId) => (
            <Suspense fallback={null}>
              <DeliveryReceipts
                studyUid={context.studyUid}
                reportId={reportId}
                onSend={() => setSending({ studyUid: context.studyUid, reportId })}
                onQueues={() => go({ screen: 'exchange', place: 'queues' })}
              />
            </Suspense>
          )}
        />
      )}
    />
  );
}
