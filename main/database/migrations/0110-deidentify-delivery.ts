import type { Migration } from '../migrate.ts';

/**
 * Deliveries that leave without the person. What was asked for so stays so: no statement can turn it back, and no
 * instance of it can be written under the UID that it has here.
 */
export const migration: Migration = {
  number: 110,
  name: 'deidentify-delivery',
  sql: `
-- A new column of a STRICT table has all rows checked anew. They were checked when they were written, and are not changed.
PRAGMA ignore_check_constraints = ON;
-- 0 or 1, as the triggers see to.
ALTER TABLE delivery ADD COLUMN deidentify INTEGER NOT NULL DEFAULT 0;
-- Where sop_uid and series_uid are those under which it leaves: the UID that it has here. Null where they are the same.
ALTER TABLE delivery_instance ADD COLUMN stored_uid TEXT;
-- Why it can't leave without the person.
ALTER TABLE delivery_instance ADD COLUMN reason TEXT;
PRAGMA ignore_check_constraints = OFF;
CREATE TRIGGER delivery_deidentify_asked BEFORE INSERT ON delivery WHEN NEW.deidentify IS NOT 0 AND NEW.deidentify IS NOT 1
BEGIN
  SELECT RAISE(ABORT, 'a delivery keeps or removes the person');
END;
CREATE TRIGGER delivery_deidentify_kept BEFORE UPDATE OF deidentify ON delivery WHEN NEW.deidentify IS NOT OLD.deidentify
BEGIN
  SELECT RAISE(ABORT, 'a delivery keeps or removes the person from the beginning');
END;
CREATE TRIGGER delivery_instance_asked BEFORE INSERT ON delivery_instance
WHEN coalesce((SELECT deidentify FROM delivery WHERE delivery_id = NEW.delivery_id), 0) <> (NEW.stored_uid IS NOT NULL)
BEGIN
  SELECT RAISE(ABORT, 'an instance leaves as its delivery was asked for');
END;
CREATE TRIGGER delivery_instance_kept BEFORE UPDATE OF stored_uid, sop_uid ON delivery_instance
WHEN NEW.stored_uid IS NOT OLD.stored_uid OR NEW.sop_uid <> OLD.sop_uid
BEGIN
  SELECT RAISE(ABORT, 'an instance keeps the UID under which it leaves');
END;
`,
};
