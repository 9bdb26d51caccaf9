import { Menu } from '@mantine/core';
import {
  IconInfoCircle,
  IconKey,
  IconKeyboard,
  IconLanguage,
  IconLock,
  IconMoon,
  IconSearch,
  IconSun,
} from '@tabler/icons-react';
import { useQueryClient } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { demonstration } from '../../app/domains/system/demonstration.ts';
import { queryKeyOf, useCommandOf } from '../api/queries.ts';
import { useSession } from '../api/session.tsx';
import { IconButton } from '../components/Button.tsx';
import { Chip } from '../components/Chip.tsx';
import { useFailureText } from '../components/FailureNotice.tsx';
import { Kbd } from '../components/Kbd.tsx';
import { useToast } from '../components/Toast.tsx';
import { SyncState } from '../features/exchange/SyncState.tsx';
import { useImport } from '../features/imports/ImportProvider.tsx';
import { JobsTray } from '../features/jobs/JobsTray.tsx';
import { ChangePasswordDialog } from '../features/security/ChangePasswordDialog.tsx';
import { changeLanguage, type WindowLanguage } from '../i18n/i18nSetup.ts';
import { useNavigation } from './navigation.ts';
import { useShellStore } from './shellStore.ts';
import { applyTheme, type ThemeName, useTheme } from './theme.ts';
import type { SystemStatus } from './Workspace.tsx';

/** Two letters that stand for a person. */
export function initialsOf(fullName: string): string {
  const words = fullName
    .split(/[\s.-]+/u)
    .filter((word) => /\p{L}/u.test(word) && !/^(dr|pr|mme|mr|m|mrs|ms)$/iu.test(word));
  const first = words[0]?.[0] ?? '?';
  const last = words.length > 1 ? (words[words.length - 1]?.[0] ?? '') : '';
  return (first + last).toUpperCase();
}

/** Search, background work, and the person at the machine. */
export function TopBar({ onLock, status }: { onLock: () => void; status: SystemStatus }) {
  const { t } = useTranslation('shell');
  const session = useSession();
  const setPaletteOpen = useShellStore((state) => state.setPaletteOpen);
  const { showSummary } = useImport();
  const go = useNavigation((state) => state.go);
  return (
    <header className="top">
      <div className="brand" aria-hidden>
        S
      </div>
      <button type="button" className="search" onClick={() => setPaletteOpen(true)}>
        <IconSearch size={14} stroke={1.8} aria-hidden />
        <span>{t('search.placeholder')}</span>
        <Kbd keys="mod+k" />
      </button>
      <div className="spacer" />
      {status.sample ? (
        <Chip tone="warning" title={t('sample.what')}>
          {t('sample.chip', { password: demonstration.password })}
        </Chip>
      ) : null}
      <SyncState onOpen={() => go({ screen: 'exchange', place: 'queues' })} />
      <JobsTray onSummary={showSummary} />
      <span className="quiet top-operator" title={session.operatorName}>
        {session.fullName}
      </span>
      <OperatorMenu onLock={onLock} />
      <IconButton
        label={t('operator.lock')}
        kbd="mod+alt+l"
        icon={<IconLock size={17} stroke={1.6} />}
        onClick={onLock}
      />
    </header>
  );
}

function OperatorMenu({ onLock }: { onLock: () => void }) {
  const { t, i18n } = useTranslation('shell');
  const session = useSession();
  const theme = useTheme();
  const toast = useToast();
  const failureText = useFailureText();
  const queryClient = useQueryClient();
  const go = useNavigation((state) => state.go);
  const setKeysOpen = useShellStore((state) => state.setKeysOpen);
  const passwordOpen = useShellStore((state) => state.passwordOpen);
  const setPasswordOpen = useShellStore((state) => state.setPasswordOpen);
  const save = useCommandOf('security.savePreferences');

  // The window changes at once; the host keeps it for the next sign-in.
  const prefer = (wish: { language?: WindowLanguage; theme?: ThemeName }): void => {
    if (wish.language) void changeLanguage(wish.language);
    if (wish.theme) applyTheme(wish.theme);
    save.mutate(wish, {
      onSuccess: (next) => queryClient.setQueryData(queryKeyOf('security.session', undefined), next),
      onError: (failure) => toast({ tone: 'danger', text: failureText(failure) }),
    });
  };
  const other: WindowLanguage = i18n.language === 'fr' ? 'en' : 'fr';
  const otherTheme: ThemeName = theme === 'reading' ? 'clinic' : 'reading';
  const size = { size: 16, stroke: 1.6 } as const;
  return (
    <>
      <Menu position="bottom-end" width={260} shadow="none" trapFocus>
        <Menu.Target>
          <button type="button" className="avatar" aria-label={t('operator.menu', { name: session.fullName })}>
            {initialsOf(session.fullName)}
          </button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Label>
            {session.fullName} · {session.roles.map((role) => t(`roles.${role}`)).join(', ')}
          </Menu.Label>
          <Menu.Item leftSection={<IconLanguage {...size} />} onClick={() => prefer({ language: other })} lang={other}>
            {other === 'fr' ? 'Passer en français' : 'Switch to English'}
          </Menu.Item>
          <Menu.Item
            leftSection={otherTheme === 'clinic' ? <IconSun {...size} /> : <IconMoon {...size} />}
            onClick={() => prefer({ theme: otherTheme })}
          >
            {otherTheme === 'clinic' ? t('operator.toClinic') : t('operator.toReading')}
          </Menu.Item>
          <Menu.Divider />
          <Menu.Item leftSection={<IconKey {...size} />} onClick={() => setPasswordOpen(true)}>
            {t('operator.password')}
          </Menu.Item>
          <Menu.Item
            leftSection={<IconKeyboard {...size} />}
            rightSection={<Kbd keys="?" />}
            onClick={() => setKeysOpen(true)}
          >
            {t('operator.keys')}
          </Menu.Item>
          <Menu.Item
            leftSection={<IconInfoCircle {...size} />}
            onClick={() => go({ screen: 'settings', section: 'about' })}
          >
            {t('operator.about')}
          </Menu.Item>
          <Menu.Divider />
          <Menu.Item leftSection={<IconLock {...size} />} rightSection={<Kbd keys="mod+alt+l" />} onClick={onLock}>
            {t('operator.lock')}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <ChangePasswordDialog open={passwordOpen} onClose={() => setPasswordOpen(false)} />
    </>
  );
}
