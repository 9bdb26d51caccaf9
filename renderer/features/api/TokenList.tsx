import { IconKey } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { ApiState, ApiToken } from '../../../app/domains/api/apiSchema.ts';
import { useCommandOf, useQueryOf } from '../../api/queries.ts';
import { Button } from '../../components/Button.tsx';
import { Chip } from '../../components/Chip.tsx';
import { ConfirmDialog } from '../../components/Dialog.tsx';
import { FailureNotice } from '../../components/FailureNotice.tsx';
import { Skeleton } from '../../components/Skeleton.tsx';
import { useFormats } from '../../i18n/formats.ts';
import { NewTokenDialog } from './NewTokenDialog.tsx';

/** Who holds a token, what it may do, and when it was last seen. Those that are over stay, for whoever reads the audit. */
export function TokenList({ state }: { readonly state: ApiState }) {
  const { t } = useTranslation('api');
  const formats = useFormats();
  const tokens = useQueryOf('api.listTokens', undefined);
  const [creating, setCreating] = useState(false);
  const [revoking, setRevoking] = useState<ApiToken | null>(null);
  const [showsOver, setShowsOver] = useState(false);
  const [openedAt] = useState(() => Date.now());
  if (tokens.error) return <FailureNotice failure={tokens.error} retry={() => void tokens.refetch()} />;
  const isOver = ({ revokedAt, expiresAt }: ApiToken): boolean =>
    revokedAt !== null || (expiresAt !== null && expiresAt <= openedAt);
  const all = tokens.data ?? [];
  const over = all.filter(isOver);
  const shown = [...all.filter((token) => !isOver(token)), ...(showsOver ? over : [])];
  return (
    <section className="settings-section settings-wide">
      <div className="settings-bar">
        <h2>{t('tokens.title')}</h2>
        <span className="spacer" />
        <Button icon={<IconKey size={16} stroke={1.6} />} onClick={() => setCreating(true)}>
          {t('tokens.create')}
        </Button>
      </div>
      {tokens.data ? null : <Skeleton height={64} />}
      {tokens.data && over.length === all.length ? (
        <p className="settings-lead">{t(all.length === 0 ? 'tokens.none' : 'tokens.noneGood')}</p>
      ) : null}
      {shown.length === 0 ? null : (
        <table className="list-table access-tokens">
          <thead>
            <tr>
              <th scope="col">{t('tokens.name')}</th>
              <th scope="col">{t('tokens.scopes')}</th>
              <th scope="col">{t('tokens.created')}</th>
              <th scope="col">{t('tokens.lastUsed')}</th>
              <th scope="col">{t('tokens.expires')}</th>
              <th scope="col">
                <span className="visually-hidden">{t('tokens.actions')}</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {shown.map((token) => (
              <tr key={token.tokenId} className={isOver(token) ? 'settings-off' : ''}>
                <td className="access-name">{token.name}</td>
                <td>
                  <span className="access-scopes">
                    {token.scopes.map((scope) => (
                      <Chip key={scope} size="s" title={t(`scopeWhat.${scope}`)}>
                        {t(`scope.${scope}`)}
                      </Chip>
                    ))}
                  </span>
                </td>
                <td>{t('tokens.by', { when: formats.dateTime(token.createdAt), name: token.createdBy })}</td>
                <td>{token.lastUsedAt === null ? t('tokens.never') : formats.dateTime(token.lastUsedAt)}</td>
                <td>
                  <TokenEnd token={token} nowMs={openedAt} />
                </td>
                <td className="num">
                  {token.revokedAt === null ? (
                    <Button size="s" onClick={() => setRevoking(token)}>
                      {t('tokens.revoke')}
                    </Button>
                  ) : null}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {over.length > 0 && !showsOver ? (
        <div>
          <Button size="s" variant="ghost" onClick={() => setShowsOver(true)}>
            {t('tokens.showRevoked', { count: over.length, value: formats.number(over.length) })}
          </Button>
        </div>
      ) : null}
      {creating ? <NewTokenDialog state={state} onClose={() => setCreating(false)} /> : null}
      <RevokeDialog token={revoking} onClose={() => setRevoking(null)} />
    </section>
  );
}

function TokenEnd({ token: { revokedAt, expiresAt }, nowMs }: { readonly token: ApiToken; readonly nowMs: number }) {
  const { t } = useTranslation('api');
  const formats = useFormats();
  if (revokedAt !== null) return t('tokens.revokedAt', { when: formats.dateTime(revokedAt) });
  if (expiresAt === null) return t('tokens.noEnd');
  const when = formats.dateTime(expiresAt);
  return expiresAt <= nowMs ? t('tokens.expiredAt', { when }) : when;
}

function RevokeDialog({ token, onClose }: { readonly token: ApiToken | null; readonly onClose: () => void }) {
  const { t } = useTranslation('api');
  const revoke = useCommandOf('api.revokeToken');
  return (
    <ConfirmDialog
      open={token !== null}
      onClose={onClose}
      title={t('tokens.revokeOf', { name: token?.name ?? '' })}
      confirmLabel={t('tokens.revoke')}
      danger
      loading={revoke.isPending}
      onConfirm={() => {
        if (token) revoke.mutate({ tokenId: token.tokenId }, { onSuccess: onClose });
      }}
    >
      <p>{t('tokens.revokeWhat')}</p>
      {revoke.error ? <FailureNotice failure={revoke.error} /> : null}
    </ConfirmDialog>
  );
}
