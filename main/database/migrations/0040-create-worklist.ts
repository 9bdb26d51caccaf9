import type { Migration } from '../migrate.ts';

/** One row per study, shaped for the list: every sort key indexed, searchable text, counters. Written with the facts it repeats. */
export const migration: Migration = {
  number: 40,
  name: 'create-worklist',
  sql: `
CREATE TABLE worklist_item (
  study_row INTEGER PRIMARY KEY,
  study_uid TEXT NOT NULL UNIQUE,
  patient_id TEXT NOT NULL,
  display_name TEXT NOT NULL,
  -- Whom else the instances name, for people, with  between: only in an identity conflict.
  other_names TEXT NOT NULL,
  sort_name TEXT NOT NULL,
  identifier TEXT NOT NULL,
  sex TEXT NOT NULL,
  birth_date TEXT NOT NULL,
  age_years INTEGER,
  modalities TEXT NOT NULL,
  description TEXT NOT NULL,
  sort_description TEXT NOT NULL,
  study_date TEXT NOT NULL,
  study_time TEXT NOT NULL,
  accession_number TEXT NOT NULL,
  referring_physician TEXT NOT NULL,
  series_count INTEGER NOT NULL,
  instance_count INTEGER NOT NULL,
  frame_count INTEGER NOT NULL,
  received_at INTEGER NOT NULL,
  report_state TEXT NOT NULL DEFAULT 'none' CHECK (report_state IN ('none', 'draft', 'signed', 'addendum')),
  report_rank INTEGER NOT NULL DEFAULT 0,
  signed_at INTEGER,
  signed_instance_count INTEGER,
  assigned_to TEXT,
  source TEXT NOT NULL,
  identity_conflict INTEGER NOT NULL,
  conflict_count INTEGER NOT NULL,
  in_conflict INTEGER NOT NULL CHECK (in_conflict IN (0, 1)),
  needs_link_decision INTEGER NOT NULL,
  arriving INTEGER NOT NULL CHECK (arriving IN (0, 1)),
  search_text TEXT NOT NULL,
  search_words TEXT NOT NULL
) STRICT;
CREATE INDEX worklist_by_received ON worklist_item (received_at, study_row);
CREATE INDEX worklist_by_date ON worklist_item (study_date, study_time, study_row);
CREATE INDEX worklist_by_name ON worklist_item (sort_name, study_row);
CREATE INDEX worklist_by_modality ON worklist_item (modalities, study_row);
CREATE INDEX worklist_by_description ON worklist_item (sort_description, study_row);
CREATE INDEX worklist_by_instances ON worklist_item (instance_count, study_row);
CREATE INDEX worklist_by_report ON worklist_item (report_rank, received_at, study_row);
CREATE INDEX worklist_by_state ON worklist_item (report_state, study_row);
CREATE INDEX worklist_by_age ON worklist_item (age_years, study_row);
CREATE INDEX worklist_by_source ON worklist_item (source, study_row);
CREATE INDEX worklist_by_patient ON worklist_item (patient_id);
CREATE INDEX worklist_by_operator ON worklist_item (assigned_to, study_row) WHERE assigned_to IS NOT NULL;
CREATE INDEX worklist_by_conflict ON worklist_item (study_row) WHERE in_conflict = 1;

CREATE TABLE worklist_modality (
  modality TEXT NOT NULL,
  study_row INTEGER NOT NULL,
  PRIMARY KEY (modality, study_row)
) STRICT, WITHOUT ROWID;
CREATE INDEX worklist_modality_by_study ON worklist_modality (study_row);

-- 'all', 'state:draft', 'modality:CT', 'assigned:<operator>', 'conflicts' → how many studies; kept by each write.
CREATE TABLE worklist_count (
  name TEXT PRIMARY KEY,
  studies INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE worklist_assignment (
  study_uid TEXT NOT NULL,
  version INTEGER NOT NULL,
  assigned_to TEXT,
  at INTEGER NOT NULL,
  hlc TEXT NOT NULL,
  author TEXT,
  site_id TEXT NOT NULL,
  PRIMARY KEY (study_uid, version)
) STRICT;
CREATE TRIGGER worklist_assignment_unchanged BEFORE UPDATE ON worklist_assignment BEGIN SELECT RAISE(ABORT, 'assignments are append-only'); END;
CREATE TRIGGER worklist_assignment_kept BEFORE DELETE ON worklist_assignment BEGIN SELECT RAISE(ABORT, 'assignments are append-only'); END;

-- Substrings of three characters and more, anywhere.
CREATE VIRTUAL TABLE worklist_text USING fts5 (search_text, content = '', contentless_delete = 1, tokenize = 'trigram', detail = 'full');
-- Beginnings of words, for one or two characters.
CREATE VIRTUAL TABLE worklist_word USING fts5 (search_words, content = '', contentless_delete = 1, tokenize = 'unicode61', prefix = '1 2', detail = 'none');
`,
};
