import { IconCopy } from '@tabler/icons-react';
import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { type TokenScope, tokenScopes, usualTokenDays } from '../../../app/domains/api/apiRules.ts';
import type { ApiState } from '../../../app/domains/api/apiSchema.ts';
import { useCommandOf } from '../../api/queries.ts';
import { Button, IconButton } from '../../components/Button.tsx';
import { Dialog } from '../../components/Dialog.tsx';
import { FailureNotice } from '../../components/FailureNotice.tsx';
import { CheckField, SelectField, TextField } from '../../components/Field.tsx';
import { Notice } from '../../components/Notice.tsx';
import { useToast } from '../../components/Toast.tsx';
import { addressOf } from './accessAddress.ts';

const daysOf = { month: 30, year: usualTokenDays, none: null } as const;
type Life = keyof typeof daysOf;
const dayMs = 86_400_000;

interface NewTokenProps {
  readonly state: ApiState;
  readonly onClose: () => void;
}

/** Makes a token, then shows it this once. */
export function NewTokenDialog({ state, onClose }: NewTokenProps) {
  const { t } = useTranslation('api');
  const create = useCommandOf('api.createToken');
  const [made, setMade] = useState<{ readonly name: string; readonly secret: string } | null>(null);
  return (
    <Dialog
      open
      onClose={onClose}
      // A stray click must not take away what is never shown again.
      severity={made ? 'block' : 'normal'}
      size={made ? 'l' : 'm'}
      title={made ? t('newToken.made', { name: made.name }) : t('newToken.title')}
    >
      {made ? (
        <MadeToken state={state} secret={made.secret} onClose={onClose} />
      ) : (
        <NewTokenForm
          create={create}
          onClose={onClose}
          onMade={(name, secret) => {
            // Not left in the memory of the command either.
            create.reset();
            setMade({ name, secret });
          }}
        />
      )}
    </Dialog>
  );
}

interface FormProps {
  readonly create: ReturnType<typeof useCommandOf<'api.createToken'>>;
  readonly onClose: () => void;
  readonly onMade: (name: string, secret: string) => void;
}

function NewTokenForm({ create, onClose, onMade }: FormProps) {
  const { t } = useTranslation('api');
  const [name, setName] = useState('');
  const [scopes, setScopes] = useState<readonly TokenScope[]>([]);
  const [life, setLife] = useState<Life>('year');
  const isReady = name.trim() !== '' && scopes.length > 0;
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (!isReady || create.isPending) return;
    const days = daysOf[life];
    create.mutate(
      {
        name: name.trim(),
        scopes: tokenScopes.filter((scope) => scopes.includes(scope)),
        expiresAt: days === null ? null : Date.now() + days * dayMs,
      },
      { onSuccess: ({ token, secret }) => onMade(token.name, secret) },
    );
  };
  return (
    <form className="access-form" onSubmit={submit}>
      <TextField
        label={t('newToken.name')}
        hint={t('newToken.nameHint')}
        value={name}
        onChange={setName}
        maxLength={48}
        data-autofocus
      />
      <fieldset className="access-set">
        <legend className="label">{t('newToken.scopes')}</legend>
        {tokenScopes.map((scope) => (
          <CheckField
            key={scope}
            label={
              <>
                {t(`scope.${scope}`)} <span className="field-hint">{t(`scopeWhat.${scope}`)}</span>
              </>
            }
            checked={scopes.includes(scope)}
            onChange={(on) => setScopes(on ? [...scopes, scope] : scopes.filter((each) => each !== scope))}
          />
        ))}
      </fieldset>
      <SelectField<Life>
        label={t('newToken.life')}
        value={life}
        onChange={setLife}
        options={(['month', 'year', 'none'] as const).map((value) => ({ value, label: t(`newToken.lives.${value}`) }))}
      />
      {life === 'none' ? (
        <Notice severity="caution" title={t('newToken.noEndTitle')}>
          {t('newToken.noEndWhat')}
        </Notice>
      ) : null}
      {create.error ? <FailureNotice failure={create.error} /> : null}
      <div className="dialog-footer">
        <Button onClick={onClose}>{t('cancel')}</Button>
        <Button type="submit" variant="primary" disabled={!isReady} loading={create.isPending}>
          {t('newToken.create')}
        </Button>
      </div>
    </form>
  );
}

function MadeToken({ state, secret, onClose }: NewTokenProps & { readonly secret: string }) {
  const { t } = useTranslation('api');
  const toast = useToast();
  const copy = (text: string): void => {
    navigator.clipboard.writeText(text).then(
      () => toast({ tone: 'done', text: t('newToken.copied') }),
      () => toast({ tone: 'danger', text: t('newToken.copyFailed') }),
    );
  };
  const lines = [
    ['newToken.token', secret],
    ['newToken.try', `Authorization: Bearer ${secret}`],
    // Every token may read this one.
    ['newToken.tryThen', `curl --header @token.txt ${addressOf(state)}/api/v1/openapi.json`],
  ] as const;
  return (
    <div className="access-form">
      <Notice severity="caution">{t('newToken.once')}</Notice>
      {lines.map(([label, line]) => (
        <div key={label} className="access-secret">
          <span className="label">{t(label)}</span>
          <output data-testid={label === 'newToken.token' ? 'api-token' : undefined}>{line}</output>
          <IconButton
            size="s"
            label={t('newToken.copy')}
            icon={<IconCopy size={16} stroke={1.6} />}
            onClick={() => copy(line)}
          />
        </div>
      ))}
      <span className="field-hint">{t('newToken.tryWhat')}</span>
      {state.state === 'listening' ? null : <Notice>{t('newToken.off')}</Notice>}
      <div className="dialog-footer">
        <Button variant="primary" onClick={onClose}>
          {t('newToken.kept')}
        </Button>
      </div>
    </div>
  );
}
