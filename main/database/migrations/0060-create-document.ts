import type { Migration } from '../migrate.ts';

/** Documents a person may open: the bytes lie in the archive, this row says what they are and whose. */
export const migration: Migration = {
  number: 60,
  name: 'create-document',
  sql: `
    CREATE TABLE document (
      document_id TEXT PRIMARY KEY,
      study_uid TEXT NOT NULL,
      patient_id TEXT NOT NULL,
      report_id TEXT NOT NULL REFERENCES report (report_id),
      media_type TEXT NOT NULL,
      bytes INTEGER NOT NULL,
      archive_name TEXT NOT NULL,
      created_at INTEGER NOT NULL,
      author TEXT NOT NULL,
      version INTEGER NOT NULL,
      hlc TEXT NOT NULL,
      site_id TEXT NOT NULL
    ) STRICT;
    CREATE INDEX document_by_report ON document (report_id);
  `,
};
