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

const candidatesSql = `SELECT DISTINCT a.association_id FROM study_arrival s JOIN association a ON a.association_id = s.job_id
  WHERE a.channel = 'dimse' AND a.ending = 'aborted' AND json_extract(a.details, '$.source') = ${serviceUser}
    AND a.whole = 0 AND a.missing IS NULL AND a.refused = 0 AND a.objects > 0 AND a.ended_at <= ?
    AND NOT EXISTS (SELECT 1 FROM association o WHERE o.ended_at IS NULL AND o.calling_ae = a.calling_ae)
    AND NOT EXISTS (SELECT 1 FROM study_arrival t JOIN association o ON o.association_id = t.job_id
      WHERE t.study_row = s.study_row AND coalesce(o.ended_at, ?) > ?)`;

const habitSql = `SELECT sum(ending = 'aborted') AS aborted, sum(ending = 'released') AS released FROM association
  WHERE channel = 'dimse' AND objects > 0 AND ended_at IS NOT NULL AND calling_ae = ? AND address = ?`;

const fewestAborts = 3;

export function openAbortedSenders(
  store: OpenStore,
  services: () => Services,
  times: AbortedTimes = usualTimes,
): AbortedSenders {
  const { reader, platform } = store;
  let timer: NodeJS.Timeout | null = null;

  function isHabit(associationId: string): boolean {
    const one = reader.get<{ calling_ae: string; address: string }>(
      'SELECT calling_ae, address FROM association WHERE association_id = ?',
      associationId,
    );
    const habit = one && reader.get<{ aborted: number; released: number }>(habitSql, one.calling_ae, one.address);
    return habit !== undefined && habit.aborted >= fewestAborts && habit.released === 0;
  }

  function look(): void {
    try {
      const before = platform.clock.nowMs() - times.quietMs;
      const found = reader.all<{ association_id: string }>(candidatesSql, before, platform.clock.nowMs(), before);
      for (const { association_id } of found)
        if (isHabit(association_id)) services().imaging.arrivals.letGo(association_id);
    } catch (error) {
      // The studies stay marked as arriving, which is the safe side; the next look tries again.
      platform.log.error('what an aborted association left could not be ended', new Error(faultText(error)));
    }
  }

  return {
    start() {
      timer ??= setInterval(look, times.lookMs).unref();
    },
    close() {
      if (timer !== null) clearInterval(timer);
      timer = null;
    },
  };
}
