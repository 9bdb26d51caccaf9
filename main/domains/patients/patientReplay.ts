import type { Replayer } from '../../database/replay.ts';
import type { Services } from '../../domainServices.ts';
import { applyDecision, type LinkDecision } from './patientLinks.ts';

/** Writes the decisions about linked records again; the records themselves come with their studies. */
export function patientReplayer(services: () => Services): Replayer {
  return {
    kinds: ['statement'],
    types: ['patientLink'],
    replay(tx, _object, _bytes, statement) {
      if (statement === null) return;
      const changed = applyDecision(tx, statement.payload as LinkDecision, {
        version: statement.version,
        at: statement.at,
        hlc: statement.hlc,
        author: statement.author.operatorName,
        siteId: statement.siteId,
      });
      for (const patientId of changed) services().worklist.refreshPatient(tx, patientId);
    },
  };
}
