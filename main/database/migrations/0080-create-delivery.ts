import type { Migration } from '../migrate.ts';

/** What is on its way to other systems: deliveries, their instances in order, and promises asked of peers. */
export const migration: Migration = {
  number: 80,
  name: 'create-delivery',
  sql: `
CREATE TABLE delivery (
  delivery_id TEXT PRIMARY KEY,
  node_id TEXT NOT NULL,
  study_uid TEXT NOT NULL,
  report_id TEXT,
  -- What was asked for, as JSON: series, or single instances.
  scope TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('queued', 'sending', 'sent', 'proven', 'refused', 'failed', 'cancelled')),
  proof TEXT CHECK (proof IN ('commitment', 'readBack')),
  -- Newest row of table instance when it was asked for, and whether all up to it are in delivery_instance.
  last_instance_row INTEGER NOT NULL,
  filled INTEGER NOT NULL DEFAULT 0 CHECK (filled IN (0, 1)),
  -- A person wants what was refused or given up to be sent: its rows are still to be put back into the queue.
  retakes INTEGER NOT NULL DEFAULT 0 CHECK (retakes IN (0, 1)),
  -- Proven long ago: its rows in delivery_instance are gone, its counts stay.
  dropped INTEGER NOT NULL DEFAULT 0 CHECK (dropped IN (0, 1)),
  instances INTEGER NOT NULL DEFAULT 0,
  bytes INTEGER NOT NULL DEFAULT 0,
  sent INTEGER NOT NULL DEFAULT 0,
  proven INTEGER NOT NULL DEFAULT 0,
  refused INTEGER NOT NULL DEFAULT 0,
  failed INTEGER NOT NULL DEFAULT 0,
  attempts INTEGER NOT NULL DEFAULT 0,
  -- Attempts without progress in a row.
  failures INTEGER NOT NULL DEFAULT 0,
  commitments INTEGER NOT NULL DEFAULT 0,
  -- From when its age counts.
  since INTEGER NOT NULL,
  next_attempt_at INTEGER,
  trouble_code TEXT,
  trouble_details TEXT,
  trouble_at INTEGER,
  ended_at INTEGER,
  version INTEGER NOT NULL,
  hlc TEXT NOT NULL,
  author TEXT,
  site_id TEXT NOT NULL
) STRICT;
CREATE INDEX delivery_by_time ON delivery (created_at DESC, delivery_id DESC);
CREATE INDEX delivery_by_study ON delivery (study_uid, created_at DESC, delivery_id DESC);
CREATE INDEX delivery_by_node ON delivery (node_id, created_at DESC, delivery_id DESC);
CREATE INDEX delivery_by_node_and_state ON delivery (node_id, state, created_at DESC, delivery_id DESC);
CREATE INDEX delivery_by_state ON delivery (state, created_at DESC, delivery_id DESC);
CREATE INDEX delivery_due ON delivery (node_id, next_attempt_at, created_at, delivery_id) WHERE next_attempt_at IS NOT NULL;
CREATE INDEX delivery_open ON delivery (node_id, delivery_id) WHERE ended_at IS NULL AND state IN ('queued', 'sending', 'sent');
-- What asks for a person: the same condition, word for word, as in the queries.
CREATE INDEX delivery_for_person ON delivery (created_at DESC, delivery_id DESC, node_id, study_uid, state)
  WHERE state IN ('refused', 'failed') OR (state IN ('queued', 'sent') AND next_attempt_at IS NULL);
CREATE INDEX delivery_kept ON delivery (ended_at) WHERE state = 'proven' AND dropped = 0;

CREATE TABLE delivery_instance (
  delivery_id TEXT NOT NULL REFERENCES delivery (delivery_id),
  position INTEGER NOT NULL,
  sop_uid TEXT NOT NULL,
  series_uid TEXT NOT NULL,
  sop_class_uid TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('queued', 'sent', 'proven', 'refused', 'failed')),
  -- Attempts that ended over it: what the peer chokes on comes last.
  tries INTEGER NOT NULL DEFAULT 0,
  -- Times it was taken and not there.
  resends INTEGER NOT NULL DEFAULT 0,
  status INTEGER,
  code TEXT,
  transcoded_to TEXT,
  -- The storage commitment that was asked for it last.
  transaction_uid TEXT,
  sent_at INTEGER,
  proven_at INTEGER,
  PRIMARY KEY (delivery_id, position)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX delivery_instance_by_uid ON delivery_instance (delivery_id, sop_uid);
CREATE INDEX delivery_instance_queued ON delivery_instance (delivery_id, tries, position) WHERE state = 'queued';
CREATE INDEX delivery_instance_sent ON delivery_instance (delivery_id, series_uid, position) WHERE state = 'sent';
-- What a promise may be asked for: not what the peer had before (0x0111).
CREATE INDEX delivery_instance_new ON delivery_instance (delivery_id, position) WHERE state = 'sent' AND status IS NOT 273;
CREATE INDEX delivery_instance_awaited ON delivery_instance (delivery_id, transaction_uid)
  WHERE state = 'sent' AND transaction_uid IS NOT NULL;
CREATE INDEX delivery_instance_stuck ON delivery_instance (delivery_id, position) WHERE state IN ('refused', 'failed');

CREATE TABLE commitment (
  transaction_uid TEXT PRIMARY KEY,
  delivery_id TEXT NOT NULL REFERENCES delivery (delivery_id),
  node_id TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('asked', 'answered', 'expired')),
  requested_at INTEGER NOT NULL,
  answered_at INTEGER
) STRICT;
CREATE INDEX commitment_by_delivery ON commitment (delivery_id, requested_at);
`,
};
