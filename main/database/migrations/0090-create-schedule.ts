import type { Migration } from '../migrate.ts';

/** A clinic's own entries of the modality worklist. */
export const migration: Migration = {
  number: 90,
  name: 'create-schedule',
  sql: `
CREATE TABLE scheduled_entry (
  entry_id TEXT PRIMARY KEY,
  version INTEGER NOT NULL,
  -- What a person wrote of it, as JSON.
  entry TEXT NOT NULL,
  start_date TEXT NOT NULL,
  archived INTEGER NOT NULL CHECK (archived IN (0, 1)),
  changed_at INTEGER NOT NULL,
  hlc TEXT NOT NULL,
  author TEXT,
  site_id TEXT NOT NULL
) STRICT;
CREATE INDEX scheduled_entry_by_date ON scheduled_entry (start_date, entry_id) WHERE archived = 0;
`,
};
