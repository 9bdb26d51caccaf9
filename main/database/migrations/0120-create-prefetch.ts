import type { Migration } from '../migrate.ts';

/** Rules that bring priors here, each look they led to, and which studies came as priors. */
export const migration: Migration = {
  number: 120,
  name: 'create-prefetch',
  sql: `
CREATE TABLE prefetch_rule (
  rule_id TEXT PRIMARY KEY,
  version INTEGER NOT NULL,
  -- What a person wrote, as JSON.
  rule TEXT NOT NULL,
  archived INTEGER NOT NULL CHECK (archived IN (0, 1)),
  -- It means what arrives after this.
  changed_at INTEGER NOT NULL,
  hlc TEXT NOT NULL,
  author TEXT,
  site_id TEXT NOT NULL
) STRICT;

-- One look for the priors of one study by one rule; of a planned one, under the UID that its images will have.
CREATE TABLE prefetch_run (
  prefetch_id TEXT PRIMARY KEY,
  rule_id TEXT NOT NULL REFERENCES prefetch_rule (rule_id),
  study_uid TEXT NOT NULL,
  entry_id TEXT,
  -- The version of the planned entry that was looked for.
  entry_version INTEGER,
  state TEXT NOT NULL CHECK (state IN ('waiting', 'searching', 'fetching', 'done', 'nothing', 'failed')),
  created_at INTEGER NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  -- Null once nothing more happens by itself.
  next_attempt_at INTEGER,
  found INTEGER NOT NULL DEFAULT 0,
  fetched INTEGER NOT NULL DEFAULT 0,
  other_person INTEGER NOT NULL DEFAULT 0,
  trouble_code TEXT,
  trouble_details TEXT,
  trouble_at INTEGER,
  UNIQUE (rule_id, study_uid)
) STRICT;
CREATE INDEX prefetch_run_by_time ON prefetch_run (created_at DESC, prefetch_id DESC);
CREATE INDEX prefetch_run_by_rule ON prefetch_run (rule_id, created_at DESC, prefetch_id DESC);
CREATE INDEX prefetch_run_by_study ON prefetch_run (study_uid);
CREATE INDEX prefetch_run_due ON prefetch_run (next_attempt_at) WHERE next_attempt_at IS NOT NULL;

-- What a look chose, and what became of it.
CREATE TABLE prefetch_prior (
  prefetch_id TEXT NOT NULL REFERENCES prefetch_run (prefetch_id) ON DELETE CASCADE,
  study_uid TEXT NOT NULL,
  node_id TEXT NOT NULL,
  position INTEGER NOT NULL,
  job_id TEXT,
  state TEXT NOT NULL CHECK (state IN ('waiting', 'here', 'failed', 'cancelled', 'otherPerson')),
  PRIMARY KEY (prefetch_id, study_uid)
) STRICT, WITHOUT ROWID;
CREATE INDEX prefetch_prior_by_study ON prefetch_prior (study_uid);

-- Studies that a rule brought to compare with: nobody asked for them to be read.
CREATE TABLE worklist_prior (
  study_uid TEXT PRIMARY KEY,
  version INTEGER NOT NULL,
  prior INTEGER NOT NULL CHECK (prior IN (0, 1)),
  changed_at INTEGER NOT NULL,
  hlc TEXT NOT NULL,
  author TEXT,
  site_id TEXT NOT NULL
) STRICT;

ALTER TABLE worklist_item ADD COLUMN prior INTEGER NOT NULL DEFAULT 0 CHECK (prior IN (0, 1));
DROP INDEX worklist_by_state;
CREATE INDEX worklist_by_state ON worklist_item (report_state, prior, study_row);
`,
};
