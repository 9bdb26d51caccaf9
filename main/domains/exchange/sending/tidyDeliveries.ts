import type { OpenStore } from '../../../core.ts';
import { systemAuthor } from '../../../database/openWriteGate.ts';
import { dropSome } from './deliveryProgress.ts';

/** How long the receipt of each single instance is kept; that of the delivery as a whole stays. */
const keptMs = 90 * 24 * 60 * 60_000;
const droppedAtOnce = 500;
const everyMs = 60 * 60_000;

interface Tidying {
  /** Drops some rows of what was proven long ago, looking once an hour. True when there is more to drop. */
  tidySome(): boolean;
}

/** A clinic that sends a million images a month must not keep a row of each for ever. */
export function openTidying({ reader, gate, platform }: OpenStore): Tidying {
  let nextAt = 0;
  return {
    tidySome() {
      const now = platform.clock.nowMs();
      if (now < nextAt) return false;
      const old = reader.get<{ delivery_id: string }>(
        `SELECT delivery_id FROM delivery INDEXED BY delivery_kept WHERE state = 'proven' AND dropped = 0 AND ended_at < ?
         ORDER BY ended_at LIMIT 1`,
        now - keptMs,
      );
      if (old) gate.append(systemAuthor, (tx) => dropSome(tx, old.delivery_id, droppedAtOnce));
      else nextAt = now + everyMs;
      return old !== undefined;
    },
  };
}
