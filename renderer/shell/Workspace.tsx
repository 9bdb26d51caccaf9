import { lazy, Suspense, useCallback, useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { OutputOf } from '../api/contractClient.ts';
import { useCan } from '../api/session.tsx';
import { ErrorBoundary } from '../components/ErrorBoundary.tsx';
import { useKeys } from '../components/keys.ts';
import { useConflictStore } from '../features/exchange/conflictStore.ts';
import { ImportDropTarget } from '../features/imports/ImportDropTarget.tsx';
import { ImportProvider, useImport } from '../features/imports/ImportProvider.tsx';
import { PatientsScreen } from '../features/patients/PatientsScreen.tsx';
import { IdleWatch } from '../features/security/IdleWatch.tsx';
import { RenewRecoveryKeyDialog } from '../features/security/RenewRecoveryKeyDialog.tsx';
import type { LockReason } from '../features/security/SignIn.tsx';
import { WorklistScreen } from '../features/worklist/WorklistScreen.tsx';
import { CommandPalette } from './CommandPalette.tsx';
import { KeysDialog } from './KeysDialog.tsx';
import { followHistory, useNavigation } from './navigation.ts';
import { Rail } from './Rail.tsx';
import { prepareReadingRoom, ReadingRoomScreen } from './ReadingRoomScreen.tsx';
import { SendPlace } from './SendPlace.tsx';
import { Splash } from './Splash.tsx';
import { StandingNotices } from './StandingNotices.tsx';
import { StatusLine } from './StatusLine.tsx';
import { useShellStore } from './shellStore.ts';
import { TopBar } from './TopBar.tsx';

const SettingsScreen = lazy(() => import('./SettingsPages.tsx'));
const ExchangeScreen = lazy(() => import('../features/exchange/ExchangeScreen.tsx'));

export type SystemStatus = OutputOf<'system.status'>;

export interface WorkspaceProps {
  readonly status: SystemStatus;
  readonly onLock: (reason: LockReason) => Promise<void>;
}

/** The signed-in window: rail, top bar, screen, status line. Everything in here is unmounted by a lock. */
export function Workspace(props: WorkspaceProps) {
  return (
    <ImportProvider>
      <Frame {...props} />
    </ImportProvider>
  );
}

function Frame({ status, onLock }: WorkspaceProps) {
  const { t } = useTranslation('shell');
  const route = useNavigation((state) => state.route);
  const go = useNavigation((state) => state.go);
  const lastStudyUid = useNavigation((state) => state.lastStudyUid);
  const setPalette = useShellStore((state) => state.setPaletteOpen);
  const setKeys = useShellStore((state) => state.setKeysOpen);
  const renewKeyOpen = useShellStore((state) => state.renewKeyOpen);
  const setRenewKeyOpen = useShellStore((state) => state.setRenewKeyOpen);
  const canImport = useCan('studies.import');
  const canRead = useCan('studies.read');
  const canSend = useCan('exchange.send');
  const setSending = useShellStore((state) => state.setSending);
  const showConflicts = useConflictStore((state) => state.showStudy);
  const { openMenu } = useImport();
  const [locking, setLocking] = useState(false);
  useEffect(followHistory, []);
  useEffect(() => (canRead ? prepareReadingRoom() : undefined), [canRead]);

  const lock = useCallback(
    (reason: LockReason) => {
      setLocking(true);
      void onLock(reason);
    },
    [onLock],
  );
  const openStudy = useCallback((studyUid: string) => go({ screen: 'reading', studyUid }), [go]);
  const sendStudy = useCallback((studyUid: string) => setSending({ studyUid, reportId: null }), [setSending]);
  const openConflicts = useCallback(
    (studyUid: string | null) => {
      showConflicts(studyUid);
      go({ screen: 'exchange', place: 'conflicts' });
    },
    [go, showConflicts],
  );
  const openPatient = useCallback((patientId: string) => go({ screen: 'patients', patientId }), [go]);

  const group = t('keys.everywhere');
  useKeys([
    { id: 'palette', keys: ['mod+k'], label: t('keys.palette'), group, inFields: true, run: () => setPalette(true) },
    { id: 'keys', keys: ['?'], label: t('keys.help'), group, run: () => setKeys(true) },
    { id: 'lock', keys: ['mod+alt+l'], label: t('keys.lock'), group, inFields: true, run: () => lock('asked') },
    {
      id: 'import',
      keys: ['i'],
      label: t('keys.import'),
      group,
      // In the reading room I inverts the picture.
      isHidden: !canImport || route.screen === 'reading',
      when: () => canImport && route.screen !== 'reading',
      run: openMenu,
    },
    { id: 'goWorklist', keys: ['alt+1'], label: t('rail.worklist'), group, run: () => go({ screen: 'worklist' }) },
    {
      id: 'goPatients',
      keys: ['alt+2'],
      label: t('rail.patients'),
      group,
      run: () => go({ screen: 'patients', patientId: null }),
    },
    {
      id: 'goReading',
      keys: ['alt+3'],
      label: t('rail.reading'),
      group,
      isHidden: !canRead,
      when: () => canRead,
      run: () => go({ screen: 'reading', studyUid: lastStudyUid }),
    },
    {
      id: 'goExchange',
      keys: ['alt+4'],
      label: t('rail.exchange'),
      group,
      isHidden: !canRead,
      when: () => canRead,
      run: () => go({ screen: 'exchange', place: 'queues' }),
    },
  ]);
  if (locking) return null;

  return (
    <ImportDropTarget>
      <div className="frame">
        <TopBar onLock={() => lock('asked')} status={status} />
        <Rail />
        <main className="screen" id="screen">
          <StandingNotices status={status} />
          <ErrorBoundary resetKey={JSON.stringify(route)}>
            <Suspense fallback={<Splash text={t('loading')} />}>
              {route.screen === 'worklist' ? (
                <WorklistScreen
                  onRead={openStudy}
                  onPatient={openPatient}
                  onImport={openMenu}
                  onSend={canSend ? sendStudy : null}
                  onConflict={openConflicts}
                />
              ) : null}
              {route.screen === 'patients' ? (
                <PatientsScreen
                  patientId={route.patientId}
                  onPatient={openPatient}
                  onList={() => go({ screen: 'patients', patientId: null })}
                  onRead={openStudy}
                />
              ) : null}
              {route.screen === 'reading' ? (
                <ReadingRoomScreen
                  studyUid={route.studyUid}
                  onClose={() => go({ screen: 'worklist' })}
                  onSend={canSend ? sendStudy : null}
                  onConflict={openConflicts}
                />
              ) : null}
              {route.screen === 'exchange' ? (
                <ExchangeScreen
                  place={route.place}
                  onPlace={(place) => go({ screen: 'exchange', place })}
                  onRead={openStudy}
                  onConflicts={() => openConflicts(null)}
                />
              ) : null}
              {route.screen === 'settings' ? <SettingsScreen section={route.section} status={status} /> : null}
            </Suspense>
          </ErrorBoundary>
        </main>
        <StatusLine />
        <CommandPalette onLock={() => lock('asked')} />
        <KeysDialog />
        <SendPlace />
        <RenewRecoveryKeyDialog open={renewKeyOpen} siteName={status.siteName} onClose={() => setRenewKeyOpen(false)} />
        <IdleWatch onIdle={() => lock('idle')} />
      </div>
    </ImportDropTarget>
  );
}
