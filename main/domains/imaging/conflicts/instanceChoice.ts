import { createHash } from 'node:crypto';
import type { Reader, Transaction } from '../../../database/writeGate.ts';
import type { InstanceHeader } from '../header/instanceHeader.ts';
import { instanceConflictId, type KnownSettlement, newestSettlement, type SeenContents } from './settlementRows.ts';

/** Several contents under one SOP Instance UID: which of them is the instance. */

/** A content that is not shown, with what it says of itself. */
export interface OtherContent {
  readonly header: InstanceHeader;
  /** The header as DICOM JSON, UTF-8, raw deflate. */
  readonly json: Uint8Array;
}

interface ShownRow {
  readonly instance_row: number;
  readonly series_row: number;
  readonly study_row: number;
  readonly object_name: string;
}

/**
 * Makes another content the instance; the one before lies among those kept aside. Row and place in the series stay, so
 * that whatever points at the instance still finds one; its header, geometry, size and frames are the other's.
 *
 * @returns false when it is the one shown already, or is not known here
 */
export function showContent(tx: Transaction, sopUid: string, objectName: string, content: OtherContent): boolean {
  const shown = tx.get<ShownRow>(
    `SELECT i.instance_row, i.series_row, s.study_row, i.object_name FROM instance i
       JOIN series s ON s.series_row = i.series_row WHERE i.sop_uid = ?`,
    sopUid,
  );
  const other = tx.get<{
    bytes: number;
    received_at: number;
    hlc: string;
    author: string | null;
    site_id: string;
    source: string;
  }>(
    'SELECT bytes, received_at, hlc, author, site_id, source FROM instance_conflict WHERE sop_uid = ? AND object_name = ?',
    sopUid,
    objectName,
  );
  if (!shown || !other || shown.object_name === objectName) return false;
  const { header, json } = content;
  tx.run(
    `INSERT INTO instance_conflict (sop_uid, object_name, study_row, claimed_study_uid, claimed_series_uid, bytes, received_at, hlc,
       author, site_id, source)
     SELECT i.sop_uid, i.object_name, s.study_row, st.study_uid, s.series_uid, i.bytes, i.received_at, i.hlc, i.author, i.site_id, i.source
     FROM instance i JOIN series s ON s.series_row = i.series_row JOIN study st ON st.study_row = s.study_row
     WHERE i.instance_row = ?`,
    shown.instance_row,
  );
  tx.run('DELETE FROM instance_conflict WHERE sop_uid = ? AND object_name = ?', sopUid, objectName);
  tx.run(
    `UPDATE instance SET sop_class_uid = ?, transfer_syntax_uid = ?, instance_number = ?, frames = ?, rows = ?, columns = ?, is_image = ?,
       position_mm = ?, orientation = ?, text_damaged = ?, object_name = ?, bytes = ?, received_at = ?, hlc = ?, author = ?,
       site_id = ?, source = ? WHERE instance_row = ?`,
    header.sopClassUid,
    header.transferSyntaxUid,
    header.instanceNumber,
    header.frames,
    header.rows,
    header.columns,
    header.isImage ? 1 : 0,
    header.positionMm.join('\\'),
    header.orientation.join('\\'),
    header.textDamaged ? 1 : 0,
    objectName,
    other.bytes,
    other.received_at,
    other.hlc,
    other.author,
    other.site_id,
    other.source,
    shown.instance_row,
  );
  tx.run('UPDATE instance_header SET json = ? WHERE instance_row = ?', json, shown.instance_row);
  return true;
}

/** Names of all contents of an instance, the one shown (or set aside) first. */
function listContents(reader: Reader, sopUid: string): string[] {
  return reader
    .all<{ object_name: string }>(
      `SELECT object_name FROM instance WHERE sop_uid = ? UNION ALL SELECT object_name FROM instance_aside WHERE sop_uid = ?
       UNION ALL SELECT * FROM (SELECT object_name FROM instance_conflict WHERE sop_uid = ? ORDER BY received_at, object_name)`,
      sopUid,
      sopUid,
      sopUid,
    )
    .map((row) => row.object_name);
}

/** All contents of an instance as a decision names them, however many there are. */
export function seenContents(reader: Reader, sopUid: string): SeenContents {
  const names = listContents(reader, sopUid).sort();
  return { count: names.length, digest: createHash('sha256').update(names.join('\n')).digest('hex') };
}

/** True once a person decided about exactly the contents there are. */
function isSettled(reader: Reader, sopUid: string, newest: KnownSettlement | undefined): boolean {
  if (!newest || newest.decision === 'reopen') return false;
  return newest.body.seen?.digest === seenContents(reader, sopUid).digest;
}

/** Writes whether an instance's conflict still waits, and how many of its study do. */
export function refreshInstanceConflict(tx: Transaction, studyRow: number, sopUid: string): void {
  const conflictId = instanceConflictId(sopUid);
  const state = isSettled(tx, sopUid, newestSettlement(tx, conflictId)) ? 'settled' : 'open';
  tx.run('UPDATE conflict SET state = ? WHERE conflict_id = ?', state, conflictId);
  recountConflicts(tx, studyRow);
}

/** Notes that another content of an instance came. */
export function noteInstanceConflict(tx: Transaction, studyRow: number, sopUid: string, receivedAt: number): void {
  tx.run(
    `INSERT INTO conflict (conflict_id, kind, study_row, sop_uid, state, newest_at) VALUES (?, 'instance', ?, ?, 'open', ?)
     ON CONFLICT (conflict_id) DO UPDATE SET state = 'open', newest_at = max(conflict.newest_at, excluded.newest_at)`,
    instanceConflictId(sopUid),
    studyRow,
    sopUid,
    receivedAt,
  );
}

/** Contents kept aside in a study that nobody has settled yet. */
export function recountConflicts(tx: Transaction, studyRow: number): void {
  tx.run(
    `UPDATE study SET conflict_count = (SELECT count(*) FROM conflict x JOIN instance_conflict c ON c.sop_uid = x.sop_uid
       WHERE x.study_row = study.study_row AND x.kind = 'instance' AND x.state = 'open') WHERE study_row = ?`,
    studyRow,
  );
}
