import type { Migration } from '../migrate.ts';

/** Access for other programs: where it listens, and the tokens they hold. */
export const migration: Migration = {
  number: 130,
  name: 'create-api',
  sql: `
CREATE TABLE api_setting (
  name TEXT PRIMARY KEY CHECK (name = 'api'),
  version INTEGER NOT NULL,
  settings TEXT NOT NULL,
  private_key TEXT NOT NULL,
  hlc TEXT NOT NULL,
  author TEXT,
  site_id TEXT NOT NULL
) STRICT;

CREATE TABLE api_token (
  token_id TEXT PRIMARY KEY,
  version INTEGER NOT NULL,
  name TEXT NOT NULL,
  -- JSON
  scopes TEXT NOT NULL,
  -- HMAC-SHA256 of the secret under a random key of its own; the secret itself is nowhere.
  hash_key BLOB NOT NULL,
  hash BLOB NOT NULL,
  created_at INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  expires_at INTEGER,
  revoked_at INTEGER,
  -- To the minute; no fact, so without a version.
  last_used_at INTEGER,
  hlc TEXT NOT NULL,
  author TEXT,
  site_id TEXT NOT NULL
) STRICT;
`,
};
