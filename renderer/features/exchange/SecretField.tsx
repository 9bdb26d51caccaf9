import { useId, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { Button } from '../../components/Button.tsx';
import { PasswordField, TextAreaField } from '../../components/Field.tsx';

interface SecretFieldProps {
  readonly label: string;
  /** Null: nothing was typed, what is stored stays. */
  readonly value: string | null;
  readonly isStored: boolean;
  readonly error?: string | undefined;
  readonly onChange: (value: string | null) => void;
}

/** Says whether a secret is kept, and lets it be replaced or taken away; it is never shown again. */
function StoredMark({ value, isStored, onChange }: Pick<SecretFieldProps, 'value' | 'isStored' | 'onChange'>) {
  const { t } = useTranslation('exchange');
  if (!isStored) return null;
  return (
    <span className="exchange-stored">
      {value === '' ? t('secret.willGo') : value === null ? t('secret.stored') : t('secret.willChange')}
      {value === null ? (
        <Button size="s" variant="ghost" onClick={() => onChange('')}>
          {t('secret.remove')}
        </Button>
      ) : (
        <Button size="s" variant="ghost" onClick={() => onChange(null)}>
          {t('secret.keep')}
        </Button>
      )}
    </span>
  );
}

export function SecretField({ label, value, isStored, onChange }: SecretFieldProps) {
  const { t } = useTranslation('exchange');
  return (
    <div className="exchange-secret">
      <PasswordField
        label={label}
        placeholder={isStored && value === null ? t('secret.placeholder') : ''}
        value={value ?? ''}
        onChange={(text) => onChange(text === '' ? null : text)}
        autoComplete="new-password"
      />
      <StoredMark value={value} isStored={isStored} onChange={onChange} />
    </div>
  );
}

interface PemFieldProps {
  readonly label: string;
  readonly hint?: string;
  readonly error?: string | undefined;
  readonly value: string;
  readonly onChange: (value: string) => void;
}

/** No certificate is longer; a wrong file must not be read whole. */
const longestBytes = 64 * 1024;

/** A certificate or key in PEM form, pasted or taken from a file of the person's own computer. */
export function PemField({ label, hint, error, value, onChange }: PemFieldProps) {
  const { t } = useTranslation('exchange');
  const input = useRef<HTMLInputElement>(null);
  const id = useId();
  return (
    <div className="exchange-pem">
      <TextAreaField
        label={label}
        hint={hint}
        error={error}
        value={value}
        onChange={onChange}
        rows={3}
        maxLength={longestBytes}
      />
      <input
        ref={input}
        id={id}
        type="file"
        accept=".pem,.crt,.cer,.key"
        hidden
        onChange={(event) => {
          const [file] = event.target.files ?? [];
          event.target.value = '';
          // What is no PEM text is shown as it is, and the field says so.
          if (file) void file.slice(0, longestBytes).text().then(onChange);
        }}
      />
      <Button size="s" onClick={() => input.current?.click()}>
        {t('secret.fromFile')}
      </Button>
    </div>
  );
}

/** A private key: as a secret, and by file as a certificate. */
export function KeyField({ label, value, isStored, error, onChange }: SecretFieldProps) {
  const { t } = useTranslation('exchange');
  return (
    <div className="exchange-secret">
      <PemField
        label={label}
        error={error}
        hint={isStored && value === null ? t('secret.placeholder') : t('secret.noPassword')}
        value={value ?? ''}
        onChange={(text) => onChange(text.trim() === '' ? null : text)}
      />
      <StoredMark value={value} isStored={isStored} onChange={onChange} />
    </div>
  );
}
