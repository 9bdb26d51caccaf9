import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { minimumPasswordLength } from '../../../app/domains/security/securityRules.ts';
import { PasswordField } from '../../components/Field.tsx';
import { passwordProblem } from './passwordRules.ts';

export interface NewPassword {
  readonly password: string;
  readonly again: string;
}

/** A new password twice. Problems are said once the person has left the field, not while typing. */
export function NewPasswordFields({
  value,
  onChange,
  label,
}: {
  value: NewPassword;
  onChange: (value: NewPassword) => void;
  label?: string;
}) {
  const { t } = useTranslation('security');
  const [leftFirst, setLeftFirst] = useState(false);
  const [leftSecond, setLeftSecond] = useState(false);
  const problem = passwordProblem(value.password, value.again);
  return (
    <>
      <PasswordField
        label={label ?? t('password.new')}
        autoComplete="new-password"
        value={value.password}
        onChange={(password) => onChange({ ...value, password })}
        onBlur={() => setLeftFirst(value.password !== '')}
        hint={t('password.hint', { count: minimumPasswordLength })}
        error={
          leftFirst && problem === 'tooShort' ? t('password.tooShort', { count: minimumPasswordLength }) : undefined
        }
      />
      <PasswordField
        label={t('password.again')}
        autoComplete="new-password"
        value={value.again}
        onChange={(again) => onChange({ ...value, again })}
        onBlur={() => setLeftSecond(value.again !== '')}
        error={leftSecond && problem === 'differs' ? t('password.differs') : undefined}
      />
    </>
  );
}
