import { Menu } from '@mantine/core';
import { IconDots, IconUserPlus } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Operator } from '../../../app/domains/security/securitySchema.ts';
import { useQueryOf } from '../../api/queries.ts';
import { Button } from '../../components/Button.tsx';
import { Chip } from '../../components/Chip.tsx';
import { FailureNotice } from '../../components/FailureNotice.tsx';
import { Skeleton } from '../../components/Skeleton.tsx';
import { useFormats } from '../../i18n/formats.ts';
import {
  CreateOperatorDialog,
  DisableDialog,
  EnableDialog,
  ResetPasswordDialog,
  RolesDialog,
} from './OperatorDialogs.tsx';
import './settings.css';

type Doing = { readonly what: 'roles' | 'password' | 'disable' | 'enable'; readonly operator: Operator };

/** Who may sign in, and as what. Nobody is deleted: what a person did stays theirs. */
export function OperatorsSettings() {
  const { t } = useTranslation('settings');
  const formats = useFormats();
  const operators = useQueryOf('security.listOperators', undefined);
  const [creating, setCreating] = useState(false);
  const [doing, setDoing] = useState<Doing | null>(null);
  const close = (): void => setDoing(null);
  if (operators.error) return <FailureNotice failure={operators.error} retry={() => void operators.refetch()} />;
  return (
    <section className="settings-section settings-wide">
      <div className="settings-bar">
        <h2>{t('operators.title')}</h2>
        <span className="spacer" />
        <Button icon={<IconUserPlus size={16} stroke={1.6} />} onClick={() => setCreating(true)}>
          {t('operators.create')}
        </Button>
      </div>
      {operators.data ? null : <Skeleton height={96} />}
      <table className="list-table">
        <thead>
          <tr>
            <th scope="col">{t('operators.fullName')}</th>
            <th scope="col">{t('operators.operatorName')}</th>
            <th scope="col">{t('operators.roles')}</th>
            <th scope="col">{t('operators.lastSignIn')}</th>
            <th scope="col">{t('operators.state')}</th>
            <th scope="col">
              <span className="visually-hidden">{t('operators.actions')}</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {(operators.data ?? []).map((operator) => (
            <tr key={operator.operatorId} className={operator.disabled ? 'settings-off' : ''}>
              <td>{operator.fullName}</td>
              <td>{operator.operatorName}</td>
              <td>{operator.roles.map((role) => t(`roles.${role}`)).join(', ')}</td>
              <td>{operator.lastSignInAt === null ? t('operators.never') : formats.dateTime(operator.lastSignInAt)}</td>
              <td>
                {operator.disabled ? (
                  <Chip tone="warning" size="s">
                    {t('operators.disabled')}
                  </Chip>
                ) : (
                  t('operators.enabled')
                )}
              </td>
              <td className="num">
                <Menu position="bottom-end" width={220} shadow="none">
                  <Menu.Target>
                    <button
                      type="button"
                      className="btn ghost s icon"
                      aria-label={t('operators.actionsFor', { name: operator.fullName })}
                    >
                      <IconDots size={16} stroke={1.6} />
                    </button>
                  </Menu.Target>
                  <Menu.Dropdown>
                    <Menu.Item onClick={() => setDoing({ what: 'roles', operator })}>
                      {t('operators.setRoles')}
                    </Menu.Item>
                    <Menu.Item onClick={() => setDoing({ what: 'password', operator })}>
                      {t('operators.resetPassword')}
                    </Menu.Item>
                    <Menu.Item onClick={() => setDoing({ what: operator.disabled ? 'enable' : 'disable', operator })}>
                      {operator.disabled ? t('operators.enable') : t('operators.disable')}
                    </Menu.Item>
                  </Menu.Dropdown>
                </Menu>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <CreateOperatorDialog open={creating} onClose={() => setCreating(false)} />
      <RolesDialog operator={doing?.what === 'roles' ? doing.operator : null} onClose={close} />
      <ResetPasswordDialog operator={doing?.what === 'password' ? doing.operator : null} onClose={close} />
      <DisableDialog operator={doing?.what === 'disable' ? doing.operator : null} onClose={close} />
      <EnableDialog operator={doing?.what === 'enable' ? doing.operator : null} onClose={close} />
    </section>
  );
}
