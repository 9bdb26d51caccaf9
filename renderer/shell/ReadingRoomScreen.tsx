import { IconFocusCentered } from '@tabler/icons-react';
import { lazy } from 'react';
import { useTranslation } from 'react-i18next';
import { Button } from '../components/Button.tsx';
import { EmptyState } from '../components/EmptyState.tsx';

const loadReadingRoom = () => import('../features/imaging/ReadingRoom.tsx');
const loadReportPanel = () => import('../features/reports/ReportPanel.tsx');
const ReadingRoom = lazy(loadReadingRoom);
const ReportPanel = lazy(loadReportPanel);

/**
 * Fetches and compiles what opening a study needs while nobody waits for it: most of the way to a first picture is
 * that (measured). Answers how to call it off.
 */
export function prepareReadingRoom(): () => void {
  const request = requestIdleCallback(() => {
    // Who opens a study asks again, and is told when it fails.
    void Promise.allSettled([loadReadingRoom(), loadReportPanel()]);
  });
  return () => cancelIdleCallback(request);
}

/** Puts the report beside the pictures: two features that do not know each other meet here. */
export function ReadingRoomScreen({ studyUid, onClose }: { studyUid: string | null; onClose: () => void }) {
  const { t } = useTranslation('shell');
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
    <ReadingRoom
      key={studyUid}
      studyUid={studyUid}
      onClose={onClose}
      renderReportPanel={(context) => <ReportPanel {...context} />}
    />
  );
}
