import type { Migration } from '../migrate.ts';

/** Studies of senders that end each of their associations by abort: they are not waited for any longer, and say so. */
export const migration: Migration = {
  number: 160,
  name: 'note-aborted-arrival',
  sql: `
-- No fact: a rebuilt index knows neither what is arriving nor how it ended.
CREATE TABLE aborted_arrival (
  study_row INTEGER PRIMARY KEY REFERENCES study (study_row),
  association_id TEXT NOT NULL,
  -- When it was no longer waited for.
  let_go_at INTEGER NOT NULL
) STRICT;
`,
};
