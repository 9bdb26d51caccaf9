import type { Replayer } from '../../database/replay.ts';
import type { SqlValue } from '../../database/writeGate.ts';
import { type KnownApi, noteUse, putApi, putToken, type TokenPayload } from './apiRows.ts';

/** Writes the settings and the tokens again; a token that was revoked stays so, since its newest version says it. */
export const apiReplayer: Replayer = {
  kinds: ['statement'],
  types: ['api', 'apiToken'],
  replay(tx, _object, _bytes, statement) {
    if (statement === null) return;
    const { id, version, hlc, siteId, author } = statement;
    const origin = { hlc, siteId, author: author.operatorName };
    if (statement.type === 'apiToken') putToken(tx, id, version, statement.payload as TokenPayload, origin);
    else putApi(tx, { ...(statement.payload as Omit<KnownApi, 'version'>), version }, origin);
  },
  takeOver(tx, old) {
    // An index of before this domain has no such table.
    if (!old.get("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'api_token'")) return;
    for (const { token_id, last_used_at } of old.all<Record<string, SqlValue>>(
      'SELECT token_id, last_used_at FROM api_token WHERE last_used_at IS NOT NULL',
    ))
      noteUse(tx, token_id ?? null, last_used_at ?? null);
  },
};
