import type { OpenStore } from '../../../core.ts';
import type { Services } from '../../../domainServices.ts';
import { faultText } from '../../../platform/faultText.ts';

/**
 * Some modalities end each association by an abort where they should release it. Nobody can tell that from a sender that
 * was broken off, so that their studies would be "arriving" for ever. They are let go, and marked as such, when all of
 * this holds: the sender's user aborted between two objects and nothing of it was refused or cut off; at least three of
 * its associations ended so and none by a release; and for a quarter of an hour neither the sender nor anybody else
 * brought more of the study.
 */
interface AbortedSenders {
  start(): void;
  close(): void;
}

export interface AbortedTimes {
  readonly quietMs: number;
  readonly lookMs: number;
}

const usualTimes: AbortedTimes = { quietMs: 15 * 60_000, lookMs: 60_000 };
/** Abort source of PS3.8 table 9-26: the service user, which is the application, not its network. */
const serviceUser = 0;

/** Senders that abort each of their associations, by the log of what came in: seldom more than a few. */
const habitSql = `SELECT calling_ae AS callingAe, address FROM association
  WHERE channel = 'dimse' AND objects > 0 AND ended_at IS NOT NULL GROUP BY calling_ae, address
  HAVING sum(ending = 'aborted') >= 3 AND sum(ending = 'released') = 0`;

/** Associations of one sender that left a study marked as arriving, some at a time. */
const candidatesSql = `SELECT a.association_id FROM association a
  WHERE a.channel = 'dimse' AND a.calling_ae = ? AND a.address = ? AND a.ending = 'aborted'
    AND json_extract(a.details, '$.source') = ${serviceUser}
    AND a.whole = 0 AND a.missing IS NULL AND a.refused = 0 AND a.objects > 0 AND a.ended_at <= ?
    AND NOT EXISTS (SELECT 1 FROM association o WHERE o.ended_at IS NULL AND o.calling_ae = a.calling_ae)
    AND EXISTS (SELECT 1 FROM study_arrival s WHERE s.job_id = a.association_id
      AND NOT EXISTS (SELECT 1 FROM study_arrival t JOIN association o ON o.association_id = t.job_id
        WHERE t.study_row = s.study_row AND coalesce(o.ended_at, ?) > ?))`;

interface Sender {
  readonly callingAe: string;
  readonly address: string;
}

/** Associations that are let go in one transaction. */
const mostAtOnce = 200;

export function openAbortedSenders(
  store: OpenStore,
  services: () => Services,
  times: AbortedTimes = usualTimes,
): AbortedSenders {
  const { reader, platform } = store;
  let timer: NodeJS.Timeout | null = null;
  let isClosed = false;
  let isLooking = false;

  async function look(): Promise<void> {
    if (isLooking || !reader.get('SELECT 1 FROM study_arrival LIMIT 1')) return;
    isLooking = true;
    try {
      // Off the window's thread: the log is long. Who has the habit is few, and only theirs is looked at closer.
      for (const sender of await store.readLater<Sender>(habitSql)) await letGoOf(sender);
    } catch (error) {
      if (isClosed) return;
      // The studies stay marked as arriving, which is the safe side; the next look tries again.
      platform.log.error('what an aborted association left could not be ended', new Error(faultText(error)));
    } finally {
      isLooking = false;
    }
  }

  async function letGoOf({ callingAe, address }: Sender): Promise<void> {
    const nowMs = platform.clock.nowMs();
    const before = nowMs - times.quietMs;
    const asked = [callingAe, address, before, nowMs, before] as const;
    const found = await store.readLater<{ association_id: string }>(candidatesSql, ...asked);
    for (let start = 0; start < found.length && !isClosed; start += mostAtOnce) {
      const some = found.slice(start, start + mostAtOnce).map(({ association_id }) => association_id);
      // Once more, as of now: more of a study may have come meanwhile.
      const still = reader.all<{ association_id: string }>(
        `${candidatesSql} AND a.association_id IN (SELECT value FROM json_each(?))`,
        ...asked,
        JSON.stringify(some),
      );
      if (still.length > 0) services().imaging.arrivals.letGo(still.map(({ association_id }) => association_id));
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  return {
    start() {
      timer ??= setInterval(() => void look(), times.lookMs).unref();
    },
    close() {
      isClosed = true;
      if (timer !== null) clearInterval(timer);
      timer = null;
    },
  };
}
