import { Menu } from '@mantine/core';
import { IconUserCheck, IconUserOff } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useCommandOf, useQueryOf } from '../../api/queries.ts';
import { useCan, useSession } from '../../api/session.tsx';
import { Button } from '../../components/Button.tsx';
import { useFailureText } from '../../components/FailureNotice.tsx';
import { useToast } from '../../components/Toast.tsx';

/** Hands a study to an operator, or back to nobody. */
export function AssignMenu({ studyUid }: { studyUid: string }) {
  const { t } = useTranslation('worklist');
  const session = useSession();
  const allowed = useCan('worklist.assign');
  const [open, setOpen] = useState(false);
  const colleagues = useQueryOf('security.listColleagues', undefined, { enabled: allowed && open });
  const assign = useCommandOf('worklist.assign');
  const toast = useToast();
  const failureText = useFailureText();
  if (!allowed) return null;
  const give = (operatorName: string | null): void =>
    assign.mutate(
      { studyUid, operatorName },
      {
        onSuccess: () =>
          toast({ tone: 'done', text: operatorName ? t('assign.done', { operatorName }) : t('assign.undone') }),
        onError: (failure) => toast({ tone: 'danger', text: failureText(failure) }),
      },
    );
  return (
    <Menu opened={open} onChange={setOpen} position="top-end" width={240} shadow="none">
      <Menu.Target>
        <Button loading={assign.isPending}>{t('assign.button')}</Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item leftSection={<IconUserCheck size={16} stroke={1.6} />} onClick={() => give(session.operatorName)}>
          {t('assign.me')}
        </Menu.Item>
        {(colleagues.data ?? [])
          .filter((each) => each.operatorName !== session.operatorName)
          .map((each) => (
            <Menu.Item key={each.operatorName} onClick={() => give(each.operatorName)}>
              {each.fullName}
            </Menu.Item>
          ))}
        <Menu.Divider />
        <Menu.Item leftSection={<IconUserOff size={16} stroke={1.6} />} onClick={() => give(null)}>
          {t('assign.nobody')}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
