import type { Migration } from '../migrate.ts';

/** Rules that forward studies and reports, how studies came here, and what the rules still have to look at. */
export const migration: Migration = {
  number: 100,
  name: 'create-routing',
  sql: `
CREATE TABLE routing_rule (
  rule_id TEXT PRIMARY KEY,
  version INTEGER NOT NULL,
  node_id TEXT NOT NULL,
  -- All that was entered, JSON.
  rule TEXT NOT NULL,
  enabled INTEGER NOT NULL CHECK (enabled IN (0, 1)),
  archived INTEGER NOT NULL CHECK (archived IN (0, 1)),
  -- It means what came after this stamp, and what these arrivals, which were under way then, had brought before. JSON.
  since_hlc TEXT NOT NULL,
  since_jobs TEXT NOT NULL,
  changed_at INTEGER NOT NULL,
  hlc TEXT NOT NULL,
  author TEXT,
  site_id TEXT NOT NULL
) STRICT;

-- What a rule has done, and why the last that it means is not on its way; no fact.
CREATE TABLE routing_state (
  rule_id TEXT PRIMARY KEY,
  deliveries INTEGER NOT NULL DEFAULT 0,
  last_at INTEGER,
  trouble_code TEXT,
  trouble_details TEXT,
  trouble_at INTEGER
) STRICT;

-- Every way that instances of a study came here. node_id is '' where it is none of ours.
CREATE TABLE study_origin (
  study_row INTEGER NOT NULL REFERENCES study (study_row),
  channel TEXT NOT NULL CHECK (channel IN ('dimse', 'stow', 'watch', 'import', 'fetch')),
  calling_ae TEXT NOT NULL,
  node_id TEXT NOT NULL,
  PRIMARY KEY (study_row, channel, calling_ae, node_id)
) STRICT, WITHOUT ROWID;
-- Of what came before, the list of studies says it: not how, but from whom.
INSERT INTO study_origin (study_row, channel, calling_ae, node_id)
  SELECT study_row, CASE WHEN source IN ('import', 'upload', 'samples') THEN 'import' WHEN source = 'STOW-RS' THEN 'stow' ELSE 'dimse' END,
    CASE WHEN source IN ('import', 'upload', 'samples', 'STOW-RS') THEN '' ELSE source END, ''
  FROM study WHERE source <> 'report';

-- What has come and no rule has looked at: rows of table instance that follow one another and came the same way.
CREATE TABLE arrived_run (
  study_row INTEGER NOT NULL REFERENCES study (study_row),
  first_row INTEGER NOT NULL,
  last_row INTEGER NOT NULL,
  job_id TEXT NOT NULL,
  channel TEXT NOT NULL,
  calling_ae TEXT NOT NULL,
  node_id TEXT NOT NULL,
  -- They say of themselves that they name nobody any more (0012,0062).
  identity_removed INTEGER NOT NULL CHECK (identity_removed IN (0, 1)),
  hlc TEXT NOT NULL,
  -- Not on its way yet, and why: looked at again then.
  held_until INTEGER NOT NULL DEFAULT 0,
  held_code TEXT,
  -- The rules that wait, JSON.
  held_rules TEXT NOT NULL DEFAULT '[]',
  PRIMARY KEY (study_row, first_row)
) STRICT, WITHOUT ROWID;
CREATE INDEX arrived_run_held ON arrived_run (held_code) WHERE held_code IS NOT NULL;
CREATE INDEX arrived_run_by_job ON arrived_run (job_id);

-- Signed reports whose objects were made and which no rule has looked at.
CREATE TABLE signed_due (
  report_id TEXT PRIMARY KEY,
  held_until INTEGER NOT NULL DEFAULT 0,
  held_code TEXT,
  held_rules TEXT NOT NULL DEFAULT '[]'
) STRICT;

-- How far a rule has come with a study (by UID) or a report (by id): up to this row of table instance it has asked for all.
CREATE TABLE routing_progress (
  rule_id TEXT NOT NULL,
  subject TEXT NOT NULL,
  last_row INTEGER NOT NULL,
  PRIMARY KEY (rule_id, subject)
) STRICT, WITHOUT ROWID;
CREATE INDEX routing_progress_by_subject ON routing_progress (subject);

-- Deliveries that a rule asked for, not a person.
CREATE TABLE delivery_rule (
  delivery_id TEXT PRIMARY KEY REFERENCES delivery (delivery_id),
  rule_id TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX delivery_rule_by_rule ON delivery_rule (rule_id);
`,
};
