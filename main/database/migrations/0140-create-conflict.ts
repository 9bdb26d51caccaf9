import type { Migration } from '../migrate.ts';

/** Conflicts a person settles: same UID with other bytes, and studies that name two people. */
export const migration: Migration = {
  number: 140,
  name: 'create-conflict',
  sql: `
-- From whom each came: an import, a node, an AE title. Empty: received before this was noted.
ALTER TABLE instance ADD COLUMN source TEXT NOT NULL DEFAULT '';
ALTER TABLE instance_conflict ADD COLUMN source TEXT NOT NULL DEFAULT '';
-- What the version kept aside says of itself, so that it can take its place; empty where that must be read from its object.
ALTER TABLE instance_conflict ADD COLUMN header TEXT NOT NULL DEFAULT '';
ALTER TABLE instance_conflict ADD COLUMN json BLOB;
ALTER TABLE study_identity ADD COLUMN source TEXT NOT NULL DEFAULT '';
ALTER TABLE study_identity ADD COLUMN first_at INTEGER NOT NULL DEFAULT 0;
-- Instances of this identity that were set aside; instance_count has those that are part of the study.
ALTER TABLE study_identity ADD COLUMN aside_count INTEGER NOT NULL DEFAULT 0;
-- Rises whenever a settlement changes what is shown of the study: a reading room that was opened before must not go on.
ALTER TABLE study ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;

-- One line per conflict: 'instance:<SOP Instance UID>' or 'study:<Study Instance UID>'.
CREATE TABLE conflict (
  conflict_id TEXT PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('instance', 'identity')),
  study_row INTEGER NOT NULL REFERENCES study (study_row),
  sop_uid TEXT,
  state TEXT NOT NULL CHECK (state IN ('open', 'settled')),
  -- When the newest of what contradicts was received.
  newest_at INTEGER NOT NULL,
  -- Of the newest statement about it; 0 when nobody said anything yet.
  version INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX conflict_by_state ON conflict (state, newest_at DESC, conflict_id);
CREATE INDEX conflict_by_study ON conflict (study_row);

CREATE TABLE conflict_settlement (
  conflict_id TEXT NOT NULL,
  version INTEGER NOT NULL,
  decision TEXT NOT NULL,
  body TEXT NOT NULL,
  settled_at INTEGER NOT NULL,
  hlc TEXT NOT NULL,
  author TEXT,
  site_id TEXT NOT NULL,
  PRIMARY KEY (conflict_id, version)
) STRICT;
CREATE TRIGGER conflict_settlement_unchanged BEFORE UPDATE ON conflict_settlement BEGIN SELECT RAISE(ABORT, 'settlements are append-only'); END;
CREATE TRIGGER conflict_settlement_kept BEFORE DELETE ON conflict_settlement BEGIN SELECT RAISE(ABORT, 'settlements are append-only'); END;

-- Instances of a second person: archived, listed, and no part of the study until a person says otherwise. With what
-- their series said, and in the order in which they came.
CREATE TABLE instance_aside (
  aside_row INTEGER PRIMARY KEY,
  sop_uid TEXT NOT NULL UNIQUE,
  study_row INTEGER NOT NULL REFERENCES study (study_row),
  series_uid TEXT NOT NULL,
  series_modality TEXT NOT NULL,
  series_number INTEGER,
  series_description TEXT NOT NULL,
  series_body_part TEXT NOT NULL,
  series_laterality TEXT NOT NULL,
  series_frame_of_reference_uid TEXT NOT NULL,
  sop_class_uid TEXT NOT NULL,
  transfer_syntax_uid TEXT NOT NULL,
  instance_number INTEGER,
  frames INTEGER NOT NULL,
  rows INTEGER,
  columns INTEGER,
  is_image INTEGER NOT NULL CHECK (is_image IN (0, 1)),
  position_mm TEXT NOT NULL,
  orientation TEXT NOT NULL,
  text_damaged INTEGER NOT NULL CHECK (text_damaged IN (0, 1)),
  object_name TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  received_at INTEGER NOT NULL,
  hlc TEXT NOT NULL,
  author TEXT,
  site_id TEXT NOT NULL,
  source TEXT NOT NULL,
  json BLOB NOT NULL
) STRICT;
CREATE INDEX instance_aside_by_study ON instance_aside (study_row);

-- What contradicted itself before it could be settled.
INSERT INTO conflict (conflict_id, kind, study_row, sop_uid, state, newest_at)
  SELECT 'instance:' || sop_uid, 'instance', min(study_row), sop_uid, 'open', max(received_at)
  FROM instance_conflict GROUP BY sop_uid;
INSERT INTO conflict (conflict_id, kind, study_row, sop_uid, state, newest_at)
  SELECT 'study:' || study_uid, 'identity', study_row, NULL, 'open', received_at FROM study WHERE identity_conflict = 1;
`,
};
