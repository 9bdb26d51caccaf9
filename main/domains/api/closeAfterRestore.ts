import type { OpenStore } from '../../core.ts';
import { systemAuthor } from '../../database/openWriteGate.ts';
import { listTokens, putApi, putToken, readApi } from './apiRows.ts';

const action = 'api.closeAfterRestore';

/**
 * A restored store knows nothing of what was revoked since its backup: a token that leaked and was revoked would open it
 * again. So nothing listens and no token is good until a person says otherwise. In one write with its audit entry, which
 * is also how the next start knows that it was done.
 *
 * @throws Failure('storage.diskFull'): then nothing may listen either
 */
export function closeAfterRestore({ gate, reader }: OpenStore): void {
  const newest = (name: string) =>
    reader.get<{ sequence: number | null }>('SELECT max(sequence) AS sequence FROM audit_entry WHERE action = ?', name)
      ?.sequence ?? 0;
  if (newest('store.restored') <= newest(action)) return;
  gate.write(systemAuthor, action, (tx) => {
    const origin = { hlc: tx.hlc, siteId: tx.siteId, author: systemAuthor.operatorName };
    const live = listTokens(tx).filter(({ payload }) => payload.revokedAt === null);
    for (const { tokenId, version, payload } of live) {
      const revoked = { ...payload, revokedAt: tx.nowMs };
      tx.statement({ type: 'apiToken', id: tokenId, version: version + 1, payload: revoked });
      putToken(tx, tokenId, version + 1, revoked, origin);
    }
    const { version, settings, privateKey } = readApi(tx);
    if (settings.enabled || live.length > 0) {
      const payload = { settings: { ...settings, enabled: false }, privateKey };
      tx.statement({ type: 'api', id: 'api', version: version + 1, payload });
      putApi(tx, { ...payload, version: version + 1 }, origin);
    }
    tx.subject({ type: 'store', id: tx.siteId }, { wasEnabled: settings.enabled, tokens: live.length });
    tx.topic('api');
  });
}
