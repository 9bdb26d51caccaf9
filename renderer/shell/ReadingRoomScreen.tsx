import { IconFocusCentered } from '@tabler/icons-react';
import { type ComponentProps, type ComponentType, lazy, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Button } from '../components/Button.tsx';
import { EmptyState } from '../components/EmptyState.tsx';

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

/** Puts the report beside the pictures: two features that do not know each other meet here. */
export function ReadingRoomScreen({ studyUid, onClose }: { studyUid: string | null; onClose: () => void }) {
  const { t } = useTranslation('shell');
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
      renderReportPanel={(context) => <Panel {...context} />}
    />
  );
}
