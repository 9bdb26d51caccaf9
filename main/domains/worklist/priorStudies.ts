import type { Reader, Statement, Transaction } from '../../database/writeGate.ts';
import { refreshItem } from './worklistItems.ts';

/** Whether a study is here to compare with alone: a fact, for nothing in the study itself says so. */
export interface PriorStudyPayload {
  readonly prior: boolean;
}

/** Writes a version of the fact; an older one than is there changes nothing. The study need not be here yet. */
export function putPriorStudy(
  tx: Transaction,
  studyUid: string,
  { prior }: PriorStudyPayload,
  {
    version,
    at,
    hlc,
    siteId,
    author,
  }: Pick<Statement, 'version' | 'at' | 'hlc' | 'siteId'> & { author: string | null },
): void {
  tx.run(
    `INSERT INTO worklist_prior (study_uid, version, prior, changed_at, hlc, author, site_id) VALUES (?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (study_uid) DO UPDATE SET version = excluded.version, prior = excluded.prior,
       changed_at = excluded.changed_at, hlc = excluded.hlc, author = excluded.author, site_id = excluded.site_id
     WHERE excluded.version >= worklist_prior.version`,
    ...[studyUid, version, prior ? 1 : 0, at, hlc, author, siteId],
  );
  refreshItem(tx, studyUid);
}

/** Says, or takes back, that a study is brought to compare with and is nobody's unread work. */
export function markPrior(tx: Transaction, studyUid: string, prior: boolean): void {
  const before = tx.get<{ version: number; prior: number }>(
    'SELECT version, prior FROM worklist_prior WHERE study_uid = ?',
    studyUid,
  );
  if ((before?.prior === 1) === prior) return;
  const version = (before?.version ?? 0) + 1;
  const payload: PriorStudyPayload = { prior };
  tx.statement({ type: 'priorStudy', id: studyUid, version, payload });
  putPriorStudy(tx, studyUid, payload, { version, at: tx.nowMs, hlc: tx.hlc, siteId: tx.siteId, author: null });
  for (const topic of ['studies', 'worklist'] as const) tx.topic(topic);
}

/**
 * Something of a study was sent here, were it what is here already: then somebody wants it read, and it is work like any
 * other. What a node hands over by an association of its own because a fetch of ours asked it to is not sent.
 *
 * @param nodeId where it came from, when that is a node of ours
 */
export function noteSent(tx: Transaction, studyUid: string, nodeId: string | null): void {
  if (!isPrior(tx, studyUid)) return;
  const isFetched = tx.get(
    `SELECT 1 FROM job WHERE kind = 'fetch' AND state IN ('queued', 'running') AND json_extract(input, '$.studyUid') = ?
       AND json_extract(input, '$.nodeId') = ?`,
    studyUid,
    nodeId,
  );
  if (!isFetched) markPrior(tx, studyUid, false);
}

export function isPrior(reader: Reader, studyUid: string): boolean {
  return reader.get('SELECT 1 FROM worklist_prior WHERE study_uid = ? AND prior = 1', studyUid) !== undefined;
}
