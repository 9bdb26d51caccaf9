import type { Migration } from '../migrate.ts';

/** Patients as received studies describe them, and what people decided about which of them are one person. */
export const migration: Migration = {
  number: 20,
  name: 'create-patient',
  sql: `
CREATE TABLE patient (
  patient_id TEXT PRIMARY KEY,
  identifier TEXT NOT NULL,
  issuer TEXT NOT NULL,
  name TEXT NOT NULL,
  display_name TEXT NOT NULL,
  birth_date TEXT NOT NULL,
  sex TEXT NOT NULL CHECK (sex IN ('F', 'M', 'O', '')),
  identifier_key TEXT NOT NULL,
  name_key TEXT NOT NULL,
  sort_name TEXT NOT NULL,
  search_text TEXT NOT NULL,
  study_count INTEGER NOT NULL DEFAULT 0,
  link_group_id TEXT,
  needs_link_decision INTEGER NOT NULL DEFAULT 0 CHECK (needs_link_decision IN (0, 1)),
  created_at INTEGER NOT NULL,
  version INTEGER NOT NULL,
  hlc TEXT NOT NULL,
  author TEXT,
  site_id TEXT NOT NULL
) STRICT;
CREATE INDEX patient_by_identifier ON patient (identifier_key) WHERE identifier_key <> '';
CREATE INDEX patient_by_name ON patient (name_key, birth_date) WHERE name_key <> '';
CREATE INDEX patient_by_sort_name ON patient (sort_name, patient_id);
CREATE INDEX patient_by_group ON patient (link_group_id) WHERE link_group_id IS NOT NULL;

CREATE TABLE patient_link (
  patient_id TEXT NOT NULL REFERENCES patient (patient_id),
  other_patient_id TEXT NOT NULL REFERENCES patient (patient_id),
  version INTEGER NOT NULL,
  same INTEGER NOT NULL CHECK (same IN (0, 1)),
  reason TEXT NOT NULL,
  decided_at INTEGER NOT NULL,
  hlc TEXT NOT NULL,
  author TEXT,
  site_id TEXT NOT NULL,
  PRIMARY KEY (patient_id, other_patient_id, version),
  CHECK (patient_id < other_patient_id)
) STRICT;
CREATE INDEX patient_link_by_other ON patient_link (other_patient_id);
CREATE TRIGGER patient_link_unchanged BEFORE UPDATE ON patient_link BEGIN SELECT RAISE(ABORT, 'link decisions are append-only'); END;
CREATE TRIGGER patient_link_kept BEFORE DELETE ON patient_link BEGIN SELECT RAISE(ABORT, 'link decisions are append-only'); END;
`,
};
