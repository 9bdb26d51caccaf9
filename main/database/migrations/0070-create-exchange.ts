import type { Migration } from '../migrate.ts';

/** Other systems, the receiver's settings, and the log of what came from others. */
export const migration: Migration = {
  number: 70,
  name: 'create-exchange',
  sql: `
CREATE TABLE node (
  node_id TEXT PRIMARY KEY,
  version INTEGER NOT NULL,
  name TEXT NOT NULL,
  -- Kind, address and all that is no secret, JSON.
  settings TEXT NOT NULL,
  -- What it is used for, JSON.
  uses TEXT NOT NULL,
  credential TEXT NOT NULL,
  private_key TEXT NOT NULL,
  archived INTEGER NOT NULL CHECK (archived IN (0, 1)),
  -- When it was last tried and what it answered, JSON; no fact, so without a version.
  last_test TEXT,
  changed_at INTEGER NOT NULL,
  hlc TEXT NOT NULL,
  author TEXT,
  site_id TEXT NOT NULL
) STRICT;

-- What talking to a node showed.
CREATE TABLE node_capability (
  node_id TEXT NOT NULL REFERENCES node (node_id),
  name TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('yes', 'no')),
  learned_at INTEGER NOT NULL,
  PRIMARY KEY (node_id, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE receiver_setting (
  name TEXT PRIMARY KEY CHECK (name = 'receiver'),
  version INTEGER NOT NULL,
  settings TEXT NOT NULL,
  private_key TEXT NOT NULL,
  hlc TEXT NOT NULL,
  author TEXT,
  site_id TEXT NOT NULL
) STRICT;

-- One for each association, STOW-RS request or look at a watched folder; ended_at is null while it is open.
CREATE TABLE association (
  association_id TEXT PRIMARY KEY,
  channel TEXT NOT NULL CHECK (channel IN ('dimse', 'stow', 'watch')),
  calling_ae TEXT NOT NULL,
  called_ae TEXT NOT NULL,
  address TEXT NOT NULL,
  node_id TEXT REFERENCES node (node_id),
  started_at INTEGER NOT NULL,
  ended_at INTEGER,
  ending TEXT NOT NULL,
  details TEXT NOT NULL,
  objects INTEGER NOT NULL DEFAULT 0,
  duplicates INTEGER NOT NULL DEFAULT 0,
  conflicts INTEGER NOT NULL DEFAULT 0,
  refused INTEGER NOT NULL DEFAULT 0,
  reasons TEXT NOT NULL DEFAULT '{}',
  bytes INTEGER NOT NULL DEFAULT 0,
  -- False when something of a study may be missing: an object was cut off, or refused for want of room.
  whole INTEGER NOT NULL DEFAULT 0 CHECK (whole IN (0, 1)),
  -- SOP Instance UIDs of what was cut off or refused for want of room, JSON; null where nobody can say what is missing.
  missing TEXT
) STRICT;
CREATE INDEX association_by_start ON association (started_at DESC, association_id DESC);
CREATE INDEX association_empty ON association (started_at DESC, association_id DESC) WHERE objects = 0 AND refused = 0;
CREATE INDEX association_open ON association (association_id) WHERE ended_at IS NULL;

-- Files of watched folders that were, or are being, imported: by folder, and by a hash of path, length and time of change.
CREATE TABLE watched_file (
  folder_key BLOB NOT NULL,
  file_key BLOB NOT NULL,
  -- When it was last known to lie there.
  seen_at INTEGER NOT NULL,
  -- The import that takes it now; null once it is dealt with.
  job_id TEXT,
  PRIMARY KEY (folder_key, file_key)
) STRICT, WITHOUT ROWID;
CREATE INDEX watched_file_by_seen ON watched_file (seen_at);
CREATE INDEX watched_file_by_job ON watched_file (job_id) WHERE job_id IS NOT NULL;
`,
};
