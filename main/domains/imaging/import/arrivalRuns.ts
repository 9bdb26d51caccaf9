import { inflateRawSync } from 'node:zlib';
import type { Transaction } from '../../../database/writeGate.ts';
import type { JsonDataSet } from '../../../dicom/dicomJson.ts';
import type { ArrivalNote, ArrivalOrigin } from './arrived.ts';

/** Instances of one study that one transaction wrote one after the other. */
export interface WrittenRun {
  readonly studyRow: number;
  readonly firstRow: number;
  lastRow: number;
  readonly identityRemoved: boolean;
}

/** Adds a row of table instance to the runs of its transaction. */
export function addToRuns(runs: WrittenRun[], studyRow: number, instanceRow: number, identityRemoved: boolean): void {
  const last = runs.at(-1);
  const goesOn =
    last !== undefined &&
    last.studyRow === studyRow &&
    last.identityRemoved === identityRemoved &&
    last.lastRow === instanceRow - 1;
  if (goesOn) last.lastRow = instanceRow;
  else runs.push({ studyRow, firstRow: instanceRow, lastRow: instanceRow, identityRemoved });
}

/**
 * Notes how instances came: for the study for good, and as something that the routing rules still have to look at. A
 * replay has no job: what it writes came long ago.
 */
export function noteRuns(tx: Transaction, note: ArrivalNote, runs: readonly WrittenRun[]): void {
  if (note.origin === undefined) return;
  const origin = asFetched(tx, note.origin, runs);
  const { channel, callingAe } = origin;
  const nodeId = origin.nodeId ?? '';
  for (const studyRow of new Set(runs.map((run) => run.studyRow))) {
    tx.run(
      'INSERT INTO study_origin (study_row, channel, calling_ae, node_id) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING',
      ...[studyRow, channel, callingAe, nodeId],
    );
  }
  if (note.jobId === undefined) return;
  for (const { studyRow, firstRow, lastRow, identityRemoved } of runs) {
    const removed = identityRemoved ? 1 : 0;
    const { changes } = tx.run(
      `UPDATE arrived_run SET last_row = ?
       WHERE study_row = ? AND first_row = (SELECT max(first_row) FROM arrived_run WHERE study_row = ?)
         AND last_row = ? AND job_id = ? AND channel = ? AND identity_removed = ? AND held_code IS NULL`,
      ...[lastRow, studyRow, studyRow, firstRow - 1, note.jobId, channel, removed],
    );
    if (changes > 0) continue;
    forgetFrom(tx, studyRow, firstRow);
    tx.run(
      `INSERT INTO arrived_run (study_row, first_row, last_row, job_id, channel, calling_ae, node_id, identity_removed, hlc)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      ...[studyRow, firstRow, lastRow, note.jobId, channel, callingAe, nodeId, removed, tx.hlc],
    );
  }
}

/**
 * A number from here on was another instance's, which is no part of the study any more: the newest are set aside at times.
 * Runs lie one behind the other, so only the last of those before can reach this far.
 */
function forgetFrom(tx: Transaction, studyRow: number, firstRow: number): void {
  tx.run('DELETE FROM arrived_run WHERE study_row = ? AND first_row >= ?', studyRow, firstRow);
  tx.run(
    `UPDATE arrived_run SET last_row = ?
     WHERE study_row = ? AND first_row = (SELECT max(first_row) FROM arrived_run WHERE study_row = ?) AND last_row >= ?`,
    ...[firstRow - 1, studyRow, studyRow, firstRow],
  );
  tx.run(
    `UPDATE routing_progress SET last_row = ?
     WHERE last_row >= ? AND subject = (SELECT study_uid FROM study WHERE study_row = ?)`,
    ...[firstRow - 1, firstRow, studyRow],
  );
}

/** What a C-MOVE of ours brings comes over an association of its own; the fetch that asked for it still runs. */
function asFetched(tx: Transaction, origin: ArrivalOrigin, runs: readonly WrittenRun[]): ArrivalOrigin {
  const [first] = runs;
  if (origin.channel !== 'dimse' || origin.nodeId === null || first === undefined) return origin;
  const asked = tx.get(
    `SELECT 1 FROM job j JOIN study st ON st.study_uid = json_extract(j.input, '$.studyUid')
     WHERE j.state IN ('queued', 'running') AND j.kind = 'fetch' AND json_extract(j.input, '$.nodeId') = ? AND st.study_row = ?`,
    origin.nodeId,
    first.studyRow,
  );
  return asked === undefined ? origin : { ...origin, channel: 'fetch' };
}

/**
 * What a person put back into a study after it was set aside: to the rules it comes now, the way it came. Called while it
 * is in both tables. Under whose name it came is all that was kept of the way; where that tells nothing it is taken for one
 * that a node of ours sent, so that it does not go back there.
 */
export function noteReturned(tx: Transaction, studyRow: number): void {
  const returned = tx.all<{ row: number; source: string; json: Uint8Array }>(
    `SELECT i.instance_row AS row, a.source, a.json FROM instance_aside a JOIN instance i ON i.sop_uid = a.sop_uid
     WHERE a.study_row = ? ORDER BY i.instance_row`,
    studyRow,
  );
  const origins = tx.all<{ channel: string; calling_ae: string; node_id: string; name: string | null }>(
    `SELECT o.channel, o.calling_ae, o.node_id, n.name FROM study_origin o LEFT JOIN node n ON n.node_id = o.node_id
     WHERE o.study_row = ? ORDER BY o.node_id DESC`,
    studyRow,
  );
  for (const { row, source, json } of returned) {
    const origin = origins.find(({ calling_ae, name }) => source === calling_ae || source === name) ?? origins[0];
    if (!origin) continue;
    forgetFrom(tx, studyRow, row);
    tx.run(
      `INSERT INTO arrived_run (study_row, first_row, last_row, job_id, channel, calling_ae, node_id, identity_removed, hlc)
       VALUES (?, ?, ?, 'returned', ?, ?, ?, ?, ?)`,
      ...[studyRow, row, row, origin.channel, origin.calling_ae, origin.node_id],
      ...[saysIdentityRemoved(json) ? 1 : 0, tx.hlc],
    );
  }
}

/** Patient Identity Removed (0012,0062) in a header as the index keeps it. */
function saysIdentityRemoved(packed: Uint8Array): boolean {
  const json = JSON.parse(inflateRawSync(packed).toString('utf8')) as JsonDataSet;
  return json['00120062']?.Value?.[0] === 'YES';
}
