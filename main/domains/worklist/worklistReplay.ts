import type { Replayer } from '../../database/replay.ts';
import { insertAssignment } from './worklistService.ts';

/** Writes assignments again; the lines of the list come with their studies and reports. */
export function worklistReplayer(): Replayer {
  return {
    kinds: ['statement'],
    types: ['assignment'],
    replay(tx, _object, _bytes, statement) {
      if (statement === null) return;
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
