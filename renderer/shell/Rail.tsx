import { Tooltip } from '@mantine/core';
import { IconArrowsExchange, IconFocusCentered, IconMenu2, IconSettings, IconUsers } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useCan } from '../api/session.tsx';
import { type Route, useNavigation } from './navigation.ts';

interface PlaceProps {
  readonly label: string;
  readonly icon: ReactNode;
  readonly on: boolean;
  readonly to: Route;
}

function Place({ label, icon, on, to }: PlaceProps) {
  const go = useNavigation((state) => state.go);
  return (
    <Tooltip label={label} position="right" openDelay={250} disabled={on}>
      <button
        type="button"
        className={on ? 'rail-place on' : 'rail-place'}
        aria-label={label}
        aria-current={on ? 'page' : undefined}
        onClick={() => go(to)}
      >
        {icon}
      </button>
    </Tooltip>
  );
}

/** Where a person can go. Places of later issues are not shown. */
export function Rail() {
  const { t } = useTranslation('shell');
  const screen = useNavigation((state) => state.route.screen);
  const lastStudyUid = useNavigation((state) => state.lastStudyUid);
  const canRead = useCan('studies.read');
  return (
    <nav className="rail" aria-label={t('rail.label')}>
      {canRead ? (
        <Place
          label={t('rail.worklist')}
          icon={<IconMenu2 size={19} stroke={1.6} />}
          on={screen === 'worklist'}
          to={{ screen: 'worklist' }}
        />
      ) : null}
      <Place
        label={t('rail.patients')}
        icon={<IconUsers size={19} stroke={1.6} />}
        on={screen === 'patients'}
        to={{ screen: 'patients', patientId: null }}
      />
      {canRead ? (
        <Place
          label={t('rail.reading')}
          icon={<IconFocusCentered size={19} stroke={1.6} />}
          on={screen === 'reading'}
          to={{ screen: 'reading', studyUid: lastStudyUid }}
        />
      ) : null}
      {canRead ? (
        <Place
          label={t('rail.exchange')}
          icon={<IconArrowsExchange size={19} stroke={1.6} />}
          on={screen === 'exchange'}
          to={{ screen: 'exchange', place: 'queues' }}
        />
      ) : null}
      <span className="spacer" />
      <Place
        label={t('rail.settings')}
        icon={<IconSettings size={19} stroke={1.6} />}
        on={screen === 'settings'}
        to={{ screen: 'settings', section: 'security' }}
      />
    </nav>
  );
}
