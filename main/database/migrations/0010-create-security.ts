import type { Migration } from '../migrate.ts';

/** Operators, settings, background jobs, statements on their way into the archive, and the audit chain. */
export const migration: Migration = {
  number: 10,
  name: 'create-security',
  sql: `
CREATE TABLE operator (
  operator_id TEXT PRIMARY KEY,
  operator_name TEXT NOT NULL,
  name_key TEXT NOT NULL UNIQUE,
  full_name TEXT NOT NULL,
  roles TEXT NOT NULL,
  disabled INTEGER NOT NULL DEFAULT 0 CHECK (disabled IN (0, 1)),
  language TEXT NOT NULL DEFAULT 'en',
  theme TEXT NOT NULL DEFAULT 'reading',
  created_at INTEGER NOT NULL,
  last_sign_in_at INTEGER,
  version INTEGER NOT NULL,
  hlc TEXT NOT NULL,
  author TEXT,
  site_id TEXT NOT NULL
) STRICT;

CREATE TABLE setting (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL,
  version INTEGER NOT NULL,
  hlc TEXT NOT NULL,
  author TEXT,
  site_id TEXT NOT NULL
) STRICT;

CREATE TABLE job (
  job_id TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  state TEXT NOT NULL,
  operator_id TEXT,
  operator_name TEXT NOT NULL,
  input TEXT NOT NULL,
  checkpoint TEXT,
  attempts INTEGER NOT NULL DEFAULT 0,
  created_at INTEGER NOT NULL,
  ended_at INTEGER,
  done REAL NOT NULL DEFAULT 0,
  total REAL NOT NULL DEFAULT 0,
  bytes_done REAL NOT NULL DEFAULT 0,
  bytes_total REAL NOT NULL DEFAULT 0,
  counts TEXT NOT NULL DEFAULT '{}',
  failure TEXT
) STRICT;
CREATE INDEX job_by_state ON job (state);
CREATE INDEX job_by_time ON job (created_at);

-- Statements of committed facts on their way into the archive.
CREATE TABLE statement_outbox (
  object_name TEXT PRIMARY KEY,
  content BLOB NOT NULL
) STRICT;

CREATE TABLE audit_entry (
  sequence INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  hlc TEXT NOT NULL,
  operator_id TEXT,
  operator_name TEXT,
  action TEXT NOT NULL,
  outcome TEXT NOT NULL CHECK (outcome IN ('success', 'refused', 'failed')),
  subject_type TEXT,
  subject_id TEXT,
  detail TEXT NOT NULL,
  hash BLOB NOT NULL,
  signature BLOB NOT NULL
) STRICT;
CREATE INDEX audit_entry_by_subject ON audit_entry (subject_id, sequence) WHERE subject_id IS NOT NULL;
CREATE INDEX audit_entry_by_action ON audit_entry (action, sequence);
CREATE TRIGGER audit_entry_is_never_changed BEFORE UPDATE ON audit_entry BEGIN SELECT RAISE(ABORT, 'audit entries are append-only'); END;
CREATE TRIGGER audit_entry_is_never_removed BEFORE DELETE ON audit_entry BEGIN SELECT RAISE(ABORT, 'audit entries are append-only'); END;
`,
};
