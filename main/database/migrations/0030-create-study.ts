import type { Migration } from '../migrate.ts';

/** Studies, series and instances; what was kept aside or refused on import; annotations and key images. */
export const migration: Migration = {
  number: 30,
  name: 'create-study',
  sql: `
CREATE TABLE study (
  study_row INTEGER PRIMARY KEY,
  study_uid TEXT NOT NULL UNIQUE,
  patient_id TEXT NOT NULL REFERENCES patient (patient_id),
  study_date TEXT NOT NULL,
  study_time TEXT NOT NULL,
  study_id TEXT NOT NULL,
  description TEXT NOT NULL,
  accession_number TEXT NOT NULL,
  referring_physician TEXT NOT NULL,
  institution TEXT NOT NULL,
  patient_age TEXT NOT NULL,
  patient_weight_kg REAL,
  modalities TEXT NOT NULL,
  body_parts TEXT NOT NULL,
  series_count INTEGER NOT NULL DEFAULT 0,
  instance_count INTEGER NOT NULL DEFAULT 0,
  frame_count INTEGER NOT NULL DEFAULT 0,
  bytes INTEGER NOT NULL DEFAULT 0,
  conflict_count INTEGER NOT NULL DEFAULT 0,
  identity_conflict INTEGER NOT NULL DEFAULT 0 CHECK (identity_conflict IN (0, 1)),
  source TEXT NOT NULL,
  received_at INTEGER NOT NULL,
  version INTEGER NOT NULL,
  hlc TEXT NOT NULL,
  author TEXT,
  site_id TEXT NOT NULL
) STRICT;
CREATE INDEX study_by_patient ON study (patient_id, study_date);
CREATE INDEX study_by_accession ON study (accession_number) WHERE accession_number <> '';
CREATE INDEX study_by_date ON study (study_date DESC, study_time DESC, study_uid);

-- Every identity the instances of a study name; more than one that contradict each other make an identity conflict.
CREATE TABLE study_identity (
  study_row INTEGER NOT NULL REFERENCES study (study_row),
  identifier TEXT NOT NULL,
  issuer TEXT NOT NULL,
  name TEXT NOT NULL,
  birth_date TEXT NOT NULL,
  -- The record such an identity stands for; in a conflict, that of the second person may never have been made.
  patient_id TEXT NOT NULL,
  instance_count INTEGER NOT NULL,
  PRIMARY KEY (study_row, identifier, issuer, name, birth_date)
) STRICT;
CREATE INDEX study_identity_by_patient ON study_identity (patient_id);

CREATE TABLE series (
  series_row INTEGER PRIMARY KEY,
  series_uid TEXT NOT NULL,
  study_row INTEGER NOT NULL REFERENCES study (study_row),
  modality TEXT NOT NULL,
  series_number INTEGER,
  description TEXT NOT NULL,
  body_part TEXT NOT NULL,
  laterality TEXT NOT NULL,
  frame_of_reference_uid TEXT NOT NULL,
  instance_count INTEGER NOT NULL DEFAULT 0,
  frame_count INTEGER NOT NULL DEFAULT 0,
  UNIQUE (study_row, series_uid)
) STRICT;
CREATE INDEX series_by_uid ON series (series_uid);

CREATE TABLE instance (
  instance_row INTEGER PRIMARY KEY,
  sop_uid TEXT NOT NULL UNIQUE,
  series_row INTEGER NOT NULL REFERENCES series (series_row),
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
  site_id TEXT NOT NULL
) STRICT;
CREATE INDEX instance_by_series ON instance (series_row, instance_number);

-- The header as DICOM JSON (PS3.18 F), UTF-8, raw deflate. Apart from the instance so that lists stay narrow.
CREATE TABLE instance_header (
  instance_row INTEGER PRIMARY KEY REFERENCES instance (instance_row),
  json BLOB NOT NULL
) STRICT;

-- Same SOP Instance UID, other bytes: kept in the archive, never shown, never overwriting.
CREATE TABLE instance_conflict (
  sop_uid TEXT NOT NULL,
  object_name TEXT NOT NULL,
  study_row INTEGER NOT NULL REFERENCES study (study_row),
  claimed_study_uid TEXT NOT NULL,
  claimed_series_uid TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  received_at INTEGER NOT NULL,
  hlc TEXT NOT NULL,
  author TEXT,
  site_id TEXT NOT NULL,
  PRIMARY KEY (sop_uid, object_name)
) STRICT;
CREATE INDEX instance_conflict_by_study ON instance_conflict (study_row);

CREATE TABLE import_run (
  job_id TEXT PRIMARY KEY,
  source TEXT NOT NULL,
  started_at INTEGER NOT NULL,
  active_ms INTEGER NOT NULL DEFAULT 0,
  imported INTEGER NOT NULL DEFAULT 0,
  duplicates INTEGER NOT NULL DEFAULT 0,
  conflicts INTEGER NOT NULL DEFAULT 0,
  rejected INTEGER NOT NULL DEFAULT 0,
  bytes INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE import_rejection (
  rejection_row INTEGER PRIMARY KEY,
  job_id TEXT NOT NULL REFERENCES import_run (job_id),
  path TEXT NOT NULL,
  reason TEXT NOT NULL
) STRICT;
CREATE INDEX import_rejection_by_job ON import_rejection (job_id);
-- What a running import has dealt with, so that a resumed one neither reads nor counts it again. The next import empties it.
CREATE TABLE import_file (
  job_id TEXT NOT NULL,
  file_key BLOB NOT NULL,
  PRIMARY KEY (job_id, file_key)
) STRICT, WITHOUT ROWID;

-- Which studies an import has touched and not finished with. Stays when it is cut off: such a study may lack instances.
CREATE TABLE study_arrival (
  study_row INTEGER NOT NULL REFERENCES study (study_row),
  job_id TEXT NOT NULL,
  -- True when it also brought what was there already: then it completes what an earlier one left.
  repeats INTEGER NOT NULL CHECK (repeats IN (0, 1)),
  PRIMARY KEY (study_row, job_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX study_arrival_by_job ON study_arrival (job_id);

-- Statements of arrival that are committed and not yet archived.
CREATE TABLE arrival_outbox (
  arrival_id TEXT PRIMARY KEY,
  statement TEXT NOT NULL
) STRICT;

CREATE TABLE annotation_version (
  annotation_id TEXT NOT NULL,
  version INTEGER NOT NULL,
  study_uid TEXT NOT NULL,
  sop_uid TEXT NOT NULL,
  body TEXT NOT NULL,
  at INTEGER NOT NULL,
  hlc TEXT NOT NULL,
  author TEXT NOT NULL,
  site_id TEXT NOT NULL,
  PRIMARY KEY (annotation_id, version)
) STRICT;
CREATE INDEX annotation_version_by_study ON annotation_version (study_uid, annotation_id, version);
CREATE TRIGGER annotation_version_unchanged BEFORE UPDATE ON annotation_version BEGIN SELECT RAISE(ABORT, 'annotations are append-only'); END;
CREATE TRIGGER annotation_version_kept BEFORE DELETE ON annotation_version BEGIN SELECT RAISE(ABORT, 'annotations are append-only'); END;

CREATE TABLE key_image_mark (
  study_uid TEXT NOT NULL,
  sop_uid TEXT NOT NULL,
  frame INTEGER NOT NULL,
  version INTEGER NOT NULL,
  series_uid TEXT NOT NULL,
  marked INTEGER NOT NULL CHECK (marked IN (0, 1)),
  window TEXT,
  at INTEGER NOT NULL,
  hlc TEXT NOT NULL,
  author TEXT NOT NULL,
  site_id TEXT NOT NULL,
  PRIMARY KEY (study_uid, sop_uid, frame, version)
) STRICT;
CREATE TRIGGER key_image_mark_unchanged BEFORE UPDATE ON key_image_mark BEGIN SELECT RAISE(ABORT, 'key images are append-only'); END;
CREATE TRIGGER key_image_mark_kept BEFORE DELETE ON key_image_mark BEGIN SELECT RAISE(ABORT, 'key images are append-only'); END;

-- Only during a rebuild of the index: parsed objects that wait for their place in the order of arrival.
CREATE TABLE replay_pending (
  object_name TEXT PRIMARY KEY,
  arrived TEXT NOT NULL,
  json BLOB NOT NULL
) STRICT;
CREATE TABLE replay_expected (
  object_name TEXT PRIMARY KEY,
  source TEXT NOT NULL,
  received_at INTEGER NOT NULL
) STRICT;
`,
};
