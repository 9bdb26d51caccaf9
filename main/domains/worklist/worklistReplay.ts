import type { Replayer } from '../../database/replay.ts';
import { type PriorStudyPayload, putPriorStudy } from './priorStudies.ts';
import { insertAssignment } from './worklistService.ts';

/** Writes assignments again, and which studies are here to compare with; the lines of the list come with their studies and reports. */
export function worklistReplayer(): Replayer {
  return {
    kinds: ['statement'],
    types: ['assignment', 'priorStudy'],
    replay(tx, _object, _bytes, statement) {
      if (statement === null) return;
      if (statement.type === 'priorStudy') {
        const { id, version, at, hlc, siteId, author } = statement;
        const origin = { version, at, hlc, siteId, author: author.operatorName };
        putPriorStudy(tx, id, statement.payload as PriorStudyPayload, origin);
        return;
      }
      const { studyUid, assignedTo } = statement.payload as { studyUid: string; assignedTo: string | null };
      insertAssignment(tx, {
        studyUid,
        version: statement.version,
        assignedTo,
        at: statement.at,
        hlc: statement.hlc,
        author: statement.author.operatorName,
        siteId: statement.siteId,
      });
    },
  };
}
