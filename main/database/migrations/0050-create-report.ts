import type { Migration } from '../migrate.ts';

/** Reports: what a report is about never changes; each save, signature or putting aside appends a version. */
export const migration: Migration = {
  number: 50,
  name: 'create-report',
  sql: `
    CREATE TABLE report (
      report_id TEXT PRIMARY KEY,
      study_uid TEXT NOT NULL,
      patient_id TEXT NOT NULL,
      addendum_to TEXT REFERENCES report (report_id),
      language TEXT NOT NULL,
      template_id TEXT NOT NULL,
      title TEXT NOT NULL,
      created_at INTEGER NOT NULL,
      author TEXT NOT NULL,
      hlc TEXT NOT NULL,
      site_id TEXT NOT NULL
    ) STRICT;
    CREATE INDEX report_by_study ON report (study_uid, created_at);
    CREATE TABLE report_version (
      report_id TEXT NOT NULL REFERENCES report (report_id),
      version INTEGER NOT NULL,
      state TEXT NOT NULL CHECK (state IN ('draft', 'signed', 'archived')),
      saved_at INTEGER NOT NULL,
      sections TEXT NOT NULL,
      key_images TEXT NOT NULL,
      author TEXT NOT NULL,
      signed_by TEXT,
      document_id TEXT,
      reason TEXT,
      signed_instance_count INTEGER,
      hlc TEXT NOT NULL,
      site_id TEXT NOT NULL,
      PRIMARY KEY (report_id, version)
    ) STRICT;
    -- A signed report is immutable: nothing may follow its signature, and no version is ever changed or removed.
    CREATE TRIGGER report_version_signed BEFORE INSERT ON report_version
      WHEN EXISTS (SELECT 1 FROM report_version v WHERE v.report_id = NEW.report_id AND v.state = 'signed')
      BEGIN SELECT RAISE(ABORT, 'report is signed'); END;
    CREATE TRIGGER report_version_unchanged BEFORE UPDATE ON report_version
      BEGIN SELECT RAISE(ABORT, 'report versions are append-only'); END;
    CREATE TRIGGER report_version_kept BEFORE DELETE ON report_version
      BEGIN SELECT RAISE(ABORT, 'report versions are append-only'); END;
  `,
};
