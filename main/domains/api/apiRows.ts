import type { TokenScope } from '../../../app/domains/api/apiRules.ts';
import {
  type ApiSettings,
  type ApiToken,
  apiSettingsSchema,
  tokenScopeSchema,
} from '../../../app/domains/api/apiSchema.ts';
import type { Reader, SqlValue, Statement, Transaction } from '../../database/writeGate.ts';

export interface KnownApi {
  readonly version: number;
  readonly settings: ApiSettings;
  /** Of the listener's certificate, PEM; '' for none. A secret. */
  readonly privateKey: string;
}

/** Off, and where it can do no harm, until somebody chooses otherwise. */
const initial: ApiSettings = {
  enabled: false,
  host: '127.0.0.1',
  port: 8104,
  names: [],
  tls: { enabled: false, certificate: '' },
};

type Origin = Pick<Statement, 'hlc' | 'siteId'> & { readonly author: string | null };

/**
 * `isDamaged`: what is stored can't be read; until it is saved again nothing listens. `isOurs`: no person saved it last,
 * but the first opening of a restored store.
 */
export function readApi(reader: Reader): KnownApi & { readonly isDamaged: boolean; readonly isOurs: boolean } {
  const row = reader.get<{ version: number; settings: string; private_key: string; author: string | null }>(
    "SELECT version, settings, private_key, author FROM api_setting WHERE name = 'api'",
  );
  if (!row) return { version: 0, settings: initial, privateKey: '', isDamaged: false, isOurs: false };
  const settings = parseSettings(row.settings);
  const { version, private_key: privateKey } = row;
  return {
    version,
    settings: settings ?? initial,
    privateKey,
    isDamaged: settings === null,
    isOurs: row.author === null,
  };
}

function parseSettings(text: string): ApiSettings | null {
  try {
    return { ...initial, ...apiSettingsSchema.parse(JSON.parse(text)) };
  } catch {
    // Written by another version, or damaged: whoever asks is told by `isDamaged`.
    return null;
  }
}

/** The row; the statement that it comes from is archived by whoever saves. */
export function putApi(tx: Transaction, api: KnownApi, origin: Origin): void {
  tx.run(
    `INSERT INTO api_setting (name, version, settings, private_key, hlc, author, site_id) VALUES ('api', ?, ?, ?, ?, ?, ?)
     ON CONFLICT (name) DO UPDATE SET version = excluded.version, settings = excluded.settings,
       private_key = excluded.private_key, hlc = excluded.hlc, author = excluded.author, site_id = excluded.site_id
     WHERE excluded.version >= api_setting.version`,
    api.version,
    JSON.stringify(api.settings),
    api.privateKey,
    origin.hlc,
    origin.author,
    origin.siteId,
  );
}

/** A token at one version, as it is archived. The secret is in none. */
export interface TokenPayload {
  readonly name: string;
  readonly scopes: readonly TokenScope[];
  /** Base64. */
  readonly hashKey: string;
  readonly hash: string;
  readonly createdAt: number;
  readonly createdBy: string;
  readonly expiresAt: number | null;
  readonly revokedAt: number | null;
}

export interface KnownToken {
  readonly tokenId: string;
  readonly version: number;
  readonly lastUsedAt: number | null;
  readonly payload: TokenPayload;
}

interface TokenRow {
  readonly token_id: string;
  readonly version: number;
  readonly name: string;
  readonly scopes: string;
  readonly hash_key: Uint8Array;
  readonly hash: Uint8Array;
  readonly created_at: number;
  readonly created_by: string;
  readonly expires_at: number | null;
  readonly revoked_at: number | null;
  readonly last_used_at: number | null;
}

const columns =
  'token_id, version, name, scopes, hash_key, hash, created_at, created_by, expires_at, revoked_at, last_used_at';

export function findToken(reader: Reader, tokenId: string): KnownToken | undefined {
  const row = reader.get<TokenRow>(`SELECT ${columns} FROM api_token WHERE token_id = ?`, tokenId);
  return row && fromRow(row);
}

/** Those in use first, the newest of each first. */
export function listTokens(reader: Reader): KnownToken[] {
  return reader
    .all<TokenRow>(`SELECT ${columns} FROM api_token ORDER BY revoked_at IS NOT NULL, created_at DESC, token_id DESC`)
    .map(fromRow);
}

function fromRow(row: TokenRow): KnownToken {
  return {
    tokenId: row.token_id,
    version: row.version,
    lastUsedAt: row.last_used_at,
    payload: {
      name: row.name,
      scopes: scopesIn(row.scopes),
      hashKey: Buffer.from(row.hash_key).toString('base64'),
      hash: Buffer.from(row.hash).toString('base64'),
      createdAt: row.created_at,
      createdBy: row.created_by,
      expiresAt: row.expires_at,
      revokedAt: row.revoked_at,
    },
  };
}

/** Those known here: one of another version allows nothing, and hides no token. */
function scopesIn(text: string): TokenScope[] {
  const found: unknown = JSON.parse(text);
  return Array.isArray(found) ? found.filter((scope) => tokenScopeSchema.safeParse(scope).success) : [];
}

/** What a person may see of it. */
export function viewOfToken({ tokenId, payload, lastUsedAt }: KnownToken): ApiToken {
  const { name, scopes, createdAt, createdBy, expiresAt, revokedAt } = payload;
  return { tokenId, name, scopes: [...scopes], createdAt, createdBy, expiresAt, revokedAt, lastUsedAt };
}

/** Writes a version of a token; an older one than is there changes nothing. */
export function putToken(
  tx: Transaction,
  tokenId: string,
  version: number,
  payload: TokenPayload,
  origin: Origin,
): void {
  tx.run(
    `INSERT INTO api_token (token_id, version, name, scopes, hash_key, hash, created_at, created_by, expires_at, revoked_at, hlc, author, site_id)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (token_id) DO UPDATE SET version = excluded.version, revoked_at = excluded.revoked_at,
       hlc = excluded.hlc, author = excluded.author
     WHERE excluded.version >= api_token.version`,
    tokenId,
    version,
    payload.name,
    JSON.stringify(payload.scopes),
    Buffer.from(payload.hashKey, 'base64'),
    Buffer.from(payload.hash, 'base64'),
    payload.createdAt,
    payload.createdBy,
    payload.expiresAt,
    payload.revokedAt,
    origin.hlc,
    origin.author,
    origin.siteId,
  );
}

export function noteUse(tx: Pick<Transaction, 'run'>, tokenId: SqlValue, atMs: SqlValue): void {
  tx.run(
    'UPDATE api_token SET last_used_at = ? WHERE token_id = ? AND (last_used_at IS NULL OR last_used_at < ?)',
    atMs,
    tokenId,
    atMs,
  );
}
